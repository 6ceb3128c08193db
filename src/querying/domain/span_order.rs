//! In which order the spans of a trace are shown: parents before their children, and else by their start.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// What of a span decides its place. Ids are texts; the parent's is empty in a root.
#[derive(Debug, Clone, Copy)]
pub struct SpanPlace<'a> {
    pub id: &'a str,
    pub parent: &'a str,
    /// Nanoseconds.
    pub start: u64,
}

/// The numbers of the spans in their order. Clocks of machines differ, so that a child may begin before its parent. Spans
/// whose parent is not there count as roots; of those that stand in a circle the earliest is shown first.
pub fn span_order(spans: &[SpanPlace<'_>]) -> Vec<usize> {
    let ids: HashSet<&str> = spans.iter().map(|span| span.id).collect();
    let mut children: HashMap<&str, Vec<Waiting>> = HashMap::new();
    let mut ready = BinaryHeap::new();
    for (at, span) in spans.iter().enumerate() {
        let waiting = Reverse((span.start, at));
        if ids.contains(span.parent) && span.parent != span.id {
            children.entry(span.parent).or_default().push(waiting);
        } else {
            ready.push(waiting);
        }
    }
    let mut in_circles: Vec<Waiting> = children.values().flatten().copied().collect();
    in_circles.sort_unstable();
    let mut shown = HashSet::with_capacity(spans.len());
    let mut order = Vec::with_capacity(spans.len());
    // The last of the sorted is the earliest: what is left when nothing is ready waits for itself.
    while let Some(Reverse((_, at))) = ready.pop().or_else(|| in_circles.pop()) {
        if !shown.insert(at) {
            continue;
        }
        order.push(at);
        if let Some(span) = spans.get(at) {
            ready.extend(children.remove(span.id).unwrap_or_default());
        }
    }
    order
}

/// The earliest first, in a heap.
type Waiting = Reverse<(u64, usize)>;

#[cfg(test)]
mod tests {
    use super::*;

    fn order(spans: &[(&'static str, &'static str, u64)]) -> Vec<&'static str> {
        let places: Vec<SpanPlace<'_>> =
            spans.iter().map(|(id, parent, start)| SpanPlace { id, parent, start: *start }).collect();
        span_order(&places).into_iter().map(|at| spans[at].0).collect()
    }

    #[test]
    fn parents_come_before_their_children_and_else_the_earliest_first() {
        assert_eq!(order(&[("c", "b", 1), ("b", "a", 2), ("a", "", 3), ("d", "a", 2)]), ["a", "b", "c", "d"]);
        assert_eq!(order(&[("late", "gone", 9), ("root", "", 5)]), ["root", "late"]);
        assert_eq!(order(&[]), [] as [&str; 0]);
    }

    #[test]
    fn each_span_is_shown_once_whatever_the_parents_say() {
        assert_eq!(order(&[("a", "b", 2), ("b", "a", 1), ("c", "c", 9)]), ["c", "b", "a"]);
        assert_eq!(order(&[("a", "", 1), ("a", "", 2), ("b", "a", 0)]), ["a", "b", "a"]);
    }
}
