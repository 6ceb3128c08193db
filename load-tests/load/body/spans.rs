//! Where in a body of traces the spans' times and ids are, and what is written there.

use std::sync::Arc;

use anyhow::{Result, ensure};

use super::Moment;
use super::draft::Draft;
use super::ids::Ids;
use crate::arguments::{Arguments, as_u64};
use crate::spans;

/// The time from the end of one trace of a body to the end of the next.
const STEP_NANOS: u64 = 8_000_000;
/// A trace takes from 2^22 to 2^23 nanoseconds, or so many times that: 4 ms to 67 ms.
const LONGEST: u64 = 8;

/// Where in the encoded bytes the parts of one span are, and what it has to do with others.
#[derive(Debug)]
struct Places {
    trace: usize,
    id: usize,
    start: usize,
    end: usize,
    /// The parent's number within the body.
    parent: Option<(usize, u64)>,
    event: Option<usize>,
    order: Option<usize>,
    depth: u64,
}

#[derive(Debug, Clone)]
pub struct Spans {
    spans: Arc<[Places]>,
    ids: Ids,
}

impl Spans {
    pub fn find(draft: &Draft, arguments: &Arguments) -> Result<Self> {
        let count = arguments.items_per_body;
        let every = [
            draft.ids(spans::TRACE),
            draft.ids(spans::SPAN),
            draft.times(spans::START),
            draft.times(spans::END),
        ];
        let some = [draft.ids(spans::PARENT), draft.times(spans::EVENT), draft.texts(spans::ORDER)];
        let that = |has: fn(usize) -> bool| (0..count).filter(|number| has(*number)).count();
        let expected = [
            that(|number| spans::parent_of(number).is_some()),
            that(spans::has_event),
            that(spans::has_order),
        ];
        let complete =
            every.iter().all(|places| places.len() == count) && some.each_ref().map(Vec::len) == expected;
        ensure!(complete, "a placeholder of the spans is not unique");
        let (mut every, mut some) = (every.map(Vec::into_iter), some.map(Vec::into_iter));
        let spans = (0..count).map_while(|number| {
            let [trace, id, start, end] = &mut every;
            let [parents, events, orders] = &mut some;
            Some(Places {
                trace: trace.next()?,
                id: id.next()?,
                start: start.next()?,
                end: end.next()?,
                parent: spans::parent_of(number).and_then(|parent| Some((parents.next()?, as_u64(parent)))),
                event: if spans::has_event(number) { events.next() } else { None },
                order: if spans::has_order(number) { orders.next() } else { None },
                depth: spans::depth_of(number),
            })
        });
        Ok(Self { spans: spans.collect(), ids: Ids::new(arguments.seed) })
    }

    /// A span's ids follow from its number in the run.
    pub fn fill(&self, draft: &mut Draft, request: u64, moment: Moment) {
        let count = as_u64(self.spans.len());
        let first = request * count;
        for (index, places) in (0_u64..).zip(self.spans.iter()) {
            let in_trace = index % as_u64(spans::TRACE_SPANS);
            let trace = self.ids.trace(first + index - in_trace);
            let id = self.ids.span(first + index);
            let (before_start, before_end) = times(trace, id, places.depth);
            let ended = moment.now_nanos.saturating_sub((count - 1 - index + in_trace) / 8 * STEP_NANOS);
            draft.put_trace_id(places.trace, trace);
            draft.put_span_id(places.id, id);
            draft.put_time(places.start, ended.saturating_sub(before_start));
            draft.put_time(places.end, ended.saturating_sub(before_end));
            if let Some((at, parent)) = places.parent {
                draft.put_span_id(at, self.ids.span(first + parent));
            }
            if let Some(at) = places.event {
                draft.put_time(at, ended.saturating_sub(u64::midpoint(before_start, before_end)));
            }
            if let Some(at) = places.order {
                draft.put_hex(at, self.ids.order(first + index));
            }
        }
    }
}

/// How long before the end of its trace a span starts and ends, in nanoseconds. Each level is an eighth of the trace shorter on
/// either side, give or take less than a sixteenth, so that a child is within its parent.
fn times([trace, _]: [u64; 2], id: u64, depth: u64) -> (u64, u64) {
    let sixteenth = ((trace & 0x3_FFFF) | 0x4_0000) * (1 + (trace >> 61) % LONGEST);
    let inset = |bits: u64| depth * 2 * sixteenth + bits % sixteenth;
    (16 * sixteenth - inset(id), inset(id >> 32))
}
