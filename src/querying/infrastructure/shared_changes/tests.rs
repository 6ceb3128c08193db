//! What one node tells and another hears, without anything between them.

use std::time::Duration;

use super::*;
use crate::shared::fixtures::numbers_ingested;
use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{MetricKind, TenantId, TimeRange, Timestamp};

fn node() -> (Arc<Generations>, SharedChanges) {
    let generations = Arc::new(Generations::among_others());
    generations.trust_until(Instant::now() + Duration::from_secs(600));
    let changes = SharedChanges::new(Arc::clone(&generations), Bell::default());
    (generations, changes)
}

fn ingested(metric: &str, hour: i64) -> DomainEvent {
    let at = Timestamp::from_nanos(hour * NANOS_PER_HOUR + 7);
    numbers_ingested(metric, MetricKind::Gauge, [at])
}

fn changed(generations: &Generations, metric: &str, hour: i64, since: Generation) -> bool {
    let at = |hour: i64| Timestamp::from_nanos(hour * NANOS_PER_HOUR);
    let range = TimeRange::new(at(hour), at(hour + 1)).unwrap();
    generations.metric_changed(&TenantId::unnamed(), metric, range, since)
}

fn at(ms: u64) -> Position {
    Position { ms, number: 0 }
}

#[test]
fn what_one_tells_has_changed_for_the_other_and_nothing_else() {
    let ((_, here), (there_known, there)) = (node(), node());
    there
        .hear(
            &{
                let mut section = Vec::new();
                here.observe(&ingested("m", 100));
                here.tell(MessageNumber(1), &mut section);
                section
            },
            Said::Now,
        )
        .unwrap();
    let read_at = there_known.now();
    assert!(!changed(&there_known, "m", 100, read_at));
    here.observe(&ingested("m", 100));
    here.observe(&ingested("m", 103));
    let mut section = Vec::new();
    assert_eq!(here.tell(MessageNumber(2), &mut section), Rest::Nothing);
    there.hear(&section, Said::Now).unwrap();
    assert!(changed(&there_known, "m", 100, read_at) && changed(&there_known, "m", 103, read_at));
    assert!(!changed(&there_known, "m", 101, read_at) && !changed(&there_known, "n", 100, read_at));
    let mut nothing = Vec::new();
    assert_eq!(here.tell(MessageNumber(3), &mut nothing), Rest::Nothing);
    assert!(nothing.is_empty());
}

#[test]
fn more_than_fits_into_a_message_is_told_in_several_and_far_too_much_as_everything() {
    let ((_, here), (there_known, there)) = (node(), node());
    for number in 0..TOUCHES_MAX + 7 {
        here.observe(&ingested(&format!("m{number}"), 100));
    }
    let read_at = there_known.now();
    for (number, rest) in [(1, Rest::More), (2, Rest::Nothing)] {
        let mut section = Vec::new();
        assert_eq!(here.tell(MessageNumber(number), &mut section), rest);
        there.hear(&section, Said::Now).unwrap();
    }
    assert!((0..TOUCHES_MAX + 7).all(|number| changed(&there_known, &format!("m{number}"), 100, read_at)));
    assert!(!changed(&there_known, "other", 100, read_at));
    for number in 0..65_537 {
        here.observe(&ingested(&format!("m{number}"), 100));
    }
    let mut section = Vec::new();
    assert_eq!(here.tell(MessageNumber(3), &mut section), Rest::Nothing);
    there.hear(&section, Said::Now).unwrap();
    assert!(changed(&there_known, "other", 100, read_at));
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let (known, node) = node();
    let read_at = known.now();
    for section in [&[][..], &[1], &[2, 0], &[1, 2], &[1, 0, 7], &[255; 35]] {
        assert_eq!(node.hear(section, Said::Now), Err(Garbled), "{section:?}");
    }
    assert!(!changed(&known, "m", 100, read_at));
}

/// Scenario: this node hears messages, makes points visible itself, tells them, and hears its own message.
/// Guarantees: an answer of a place before which its own points were not told does not count as having them.
#[test]
fn the_generation_of_a_place_holds_nothing_that_may_be_told_behind_it() {
    let (known, node) = node();
    assert_eq!((node.place(), node.generation_at(at(5))), (None, None));
    node.heard_up_to(at(1_000));
    assert_eq!(node.generation_at(at(999)), None, "what was before is not known");
    node.observe(&ingested("m", 100));
    known.observe(&ingested("m", 100));
    let mut section = Vec::new();
    node.tell(MessageNumber(1), &mut section);
    node.heard_up_to(at(2_000));
    let there = node.generation_at(at(2_000)).unwrap();
    assert!(changed(&known, "m", 100, there), "its own message may stand behind that place");
    node.came_back(MessageNumber(1));
    node.heard_up_to(at(3_000));
    assert!(!changed(&known, "m", 100, node.generation_at(at(3_000)).unwrap()));
    assert!(changed(&known, "m", 100, node.generation_at(at(2_500)).unwrap()));
    assert_eq!(node.generation_at(at(3_001)), None, "nothing is known of that yet");
    node.lost();
    assert!(changed(&known, "other", 100, node.generation_at(at(3_000)).unwrap()));
    node.begin();
    assert_eq!(node.generation_at(at(3_000)), None);
}

#[test]
fn places_are_remembered_for_five_minutes() {
    let (known, node) = node();
    for second in 0..1_000 {
        node.heard_up_to(at(second * 1_000));
        known.forget_all();
    }
    assert_eq!(node.generation_at(at(698_000)), None);
    assert!(node.generation_at(at(699_000)) < node.generation_at(at(998_000)));
}
