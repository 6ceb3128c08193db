//! Where in a body of logs the records' times, ids and texts are, and what is written there.

use std::sync::Arc;

use anyhow::{Result, ensure};

use super::Moment;
use super::draft::Draft;
use super::ids::Ids;
use crate::arguments::{Arguments, as_u64};
use crate::{log_records, spans};

/// The time from one record of a body to the next: a thousand of them are a second's, as batches of an SDK are.
pub const STEP_NANOS: u64 = 1_000_000;
/// From when a record was made until it was seen.
pub const OBSERVED_AFTER_NANOS: u64 = 20_000;

/// Where in the encoded bytes the parts of one record are.
#[derive(Debug)]
struct Places {
    time: usize,
    observed: usize,
    id: usize,
    order: usize,
    count: usize,
    trace: Option<(usize, usize)>,
}

#[derive(Debug, Clone)]
pub struct Records {
    records: Arc<[Places]>,
    ids: Ids,
}

impl Records {
    pub fn find(draft: &Draft, arguments: &Arguments) -> Result<Self> {
        let count = arguments.items_per_body;
        let every = [
            draft.times(log_records::TIME),
            draft.times(log_records::OBSERVED),
            draft.texts(log_records::ID),
            draft.texts(log_records::ORDER),
            draft.texts(log_records::COUNT),
        ];
        let traced = (0..count).filter(|number| log_records::has_trace(*number)).count();
        let (traces, span_ids) = (draft.ids(spans::TRACE), draft.ids(spans::SPAN));
        let complete = every.iter().all(|places| places.len() == count)
            && [traces.len(), span_ids.len()] == [traced, traced];
        ensure!(complete, "a placeholder of the log records is not unique");
        let mut every = every.map(Vec::into_iter);
        let mut traces = traces.into_iter().zip(span_ids);
        let records = (0..count).map_while(|number| {
            let [time, observed, id, order, count] = &mut every;
            Some(Places {
                time: time.next()?,
                observed: observed.next()?,
                id: id.next()?,
                order: order.next()?,
                count: count.next()?,
                trace: if log_records::has_trace(number) { traces.next() } else { None },
            })
        });
        Ok(Self { records: records.collect(), ids: Ids::new(arguments.seed) })
    }

    /// A record's place in time and its ids follow from its number in the run; a record in a trace belongs to the span with
    /// the same number.
    pub fn fill(&self, draft: &mut Draft, request: u64, moment: Moment) {
        let count = as_u64(self.records.len());
        for (index, places) in (0_u64..).zip(self.records.iter()) {
            let number = request * count + index;
            let observed = moment.now_nanos.saturating_sub((count - 1 - index) * STEP_NANOS);
            let order = self.ids.order(number);
            draft.put_time(places.time, observed.saturating_sub(OBSERVED_AFTER_NANOS));
            draft.put_time(places.observed, observed);
            draft.put_hex(places.id, number);
            draft.put_hex(places.order, order);
            draft.put_digits::<6>(places.count, order);
            if let Some((trace, span)) = places.trace {
                let first_span = number - index % as_u64(spans::TRACE_SPANS);
                draft.put_trace_id(trace, self.ids.trace(first_span));
                draft.put_span_id(span, self.ids.span(number));
            }
        }
    }
}
