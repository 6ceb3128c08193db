//! What the window recognises, for how long, and what whoever comes again is told.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::shared::Signal;
use crate::telemetry::domain::Rejection;

const SPAN: Duration = Duration::from_secs(600);

/// Seconds, set by the tests.
#[derive(Debug, Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst) * 1_000_000_000)
    }
}

impl Hand {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

fn window(span: Duration) -> (Arc<ResentWindow>, Arc<Hand>) {
    let hand = Arc::<Hand>::default();
    (ResentWindow::new(span, Arc::clone(&hand) as _), hand)
}

fn enter(window: &Arc<ResentWindow>, hash: u128) -> Seen {
    window.enter(BodyHash(hash), || Reading::Clean)
}

fn first(seen: Seen) -> Attempt {
    match seen {
        Seen::First(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_is_known_until_the_window_has_passed_since_it_was_acknowledged() {
    let (window, hand) = window(SPAN);
    let attempt = first(enter(&window, 1));
    hand.set(5_000);
    assert!(matches!(enter(&window, 1), Seen::OnItsWay(..)), "however long it takes");
    attempt.settle(Ok(()));
    hand.set(5_600);
    assert!(matches!(enter(&window, 1), Seen::Acknowledged(_)));
    hand.set(5_601);
    first(enter(&window, 1)).settle(Ok(()));
    assert_eq!(window.len(), 1);
}

#[tokio::test]
async fn whoever_sends_a_body_that_is_on_its_way_gets_its_answer() {
    for (answer, is_known) in [(Ok(()), true), (Err(IngestError::JournalFull), false)] {
        let (window, _) = window(SPAN);
        let attempt = first(enter(&window, 1));
        let Seen::OnItsWay(waiting, _) = enter(&window, 1) else { panic!() };
        let Seen::OnItsWay(left, _) = enter(&window, 1) else { panic!() };
        drop(left);
        attempt.settle(answer);
        assert_eq!(waiting.await, Ok(answer));
        assert_eq!(matches!(enter(&window, 1), Seen::Acknowledged(_)), is_known);
    }
}

#[test]
fn a_body_that_failed_comes_as_if_for_the_first_time() {
    let (window, _) = window(SPAN);
    drop(first(enter(&window, 1)));
    assert!(window.is_empty());
    first(enter(&window, 1)).settle(Ok(()));
    assert!(matches!(enter(&window, 1), Seen::Acknowledged(_)));
}

#[test]
fn who_comes_again_is_told_what_the_first_was_told() {
    let (window, _) = window(SPAN);
    let mut rejected = Findings::new(Signal::Logs);
    rejected.reject(b"scope", Rejection::TimeInFuture, 5);
    first(window.enter(BodyHash(1), || Reading::of(&rejected))).settle(Ok(()));
    // By now the times are near enough.
    let second = Findings::new(Signal::Logs);
    let Seen::Acknowledged(reading) = enter(&window, 1) else { panic!() };
    assert_eq!(reading.instead_of(second), rejected);

    first(window.enter(BodyHash(2), || Reading::of(&Findings::new(Signal::Logs)))).settle(Ok(()));
    let Seen::Acknowledged(reading) = enter(&window, 2) else { panic!() };
    assert_eq!(reading.instead_of(rejected.clone()), Findings::new(Signal::Logs));
    assert_eq!(Reading::Forgotten.instead_of(rejected.clone()), rejected);
}

#[test]
fn a_window_of_no_length_knows_nobody() {
    let (window, _) = window(Duration::ZERO);
    first(enter(&window, 1)).settle(Ok(()));
    window.remember(BodyHash(1), Reading::Forgotten, Timestamp::EPOCH);
    assert!(matches!(enter(&window, 1), Seen::First(_)));
    assert!(window.is_empty());
}

#[test]
fn the_oldest_are_forgotten_when_there_are_too_many() {
    let hand = Arc::<Hand>::default();
    let window = ResentWindow::with_room_for(SPAN, hand, 3);
    for number in 0..5 {
        window.remember(BodyHash(number), Reading::Forgotten, Timestamp::EPOCH);
    }
    assert_eq!(window.len(), 3);
    assert!(matches!(enter(&window, 4), Seen::Acknowledged(_)));
    assert!(matches!(enter(&window, 1), Seen::First(_)));
}
