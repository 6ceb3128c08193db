//! The breaker's rules one by one, then random histories against a plain model.

use proptest::prelude::*;

use super::*;

const SEED: u64 = 7;

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(BreakerOptions::default(), fastrand::Rng::with_seed(SEED))
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn call(breaker: &CircuitBreaker, now: Instant, succeeds: bool) {
    let permit = breaker.try_begin(now).expect("closed");
    if succeeds { permit.succeeded(now) } else { permit.failed(now) }
}

/// A breaker that has just opened.
fn opened(now: Instant) -> CircuitBreaker {
    let breaker = breaker();
    (0..5).for_each(|_| call(&breaker, now, false));
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

#[test]
fn five_failures_in_a_row_open_it_however_slow() {
    let (breaker, mut now) = (breaker(), Instant::now());
    for succeeds in [false, false, false, false, true, false, false, false, false] {
        now += Duration::from_secs(60);
        call(&breaker, now, succeeds);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
    call(&breaker, now, false);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn half_of_twenty_within_ten_seconds_open_it_and_over_a_longer_time_do_not() {
    let start = Instant::now();
    for (gap, expected) in [(526, BreakerState::Open), (527, BreakerState::Closed)] {
        let breaker = breaker();
        for nth in 0..20_u32 {
            assert_eq!(breaker.state(), BreakerState::Closed, "call {nth}");
            // The last of the twenty ends 19 gaps after the first: 9.994 s, and 10.013 s.
            call(&breaker, start + millis(gap) * nth, nth % 2 == 0);
        }
        assert_eq!(breaker.state(), expected);
    }
}

#[test]
fn a_success_never_opens_it() {
    let (breaker, now) = (breaker(), Instant::now());
    // Ten of twenty failed, but the dependency is back.
    let failures = [4, 4, 2];
    for failures in failures {
        (0..failures).for_each(|_| call(&breaker, now, false));
        call(&breaker, now, true);
    }
    (0..7).for_each(|_| call(&breaker, now, true));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn one_probe_at_a_time_decides() {
    let start = Instant::now();
    let breaker = opened(start);
    let Open { until } = breaker.try_begin(start).unwrap_err();
    assert!((start + millis(250)..=start + millis(500)).contains(&until));
    let probe = breaker.try_begin(until).expect("the pause is over");
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(breaker.try_begin(until).unwrap_err().until > until);
    probe.succeeded(until);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn pauses_double_up_to_their_limit_and_begin_anew_once_it_was_closed() {
    let mut now = Instant::now();
    let breaker = opened(now);
    for bound in [500, 1_000, 2_000, 4_000, 5_000, 5_000].map(millis) {
        let Open { until } = breaker.try_begin(now).unwrap_err();
        assert!((bound / 2..=bound).contains(&(until - now)), "{:?} of {bound:?}", until - now);
        now = until;
        breaker.try_begin(now).unwrap().failed(now);
    }
    now = breaker.try_begin(now).unwrap_err().until;
    breaker.try_begin(now).unwrap().succeeded(now);
    (0..5).for_each(|_| call(&breaker, now, false));
    assert!(breaker.try_begin(now).unwrap_err().until <= now + millis(500));
}

#[test]
fn a_permit_that_is_dropped_frees_the_probe() {
    let start = Instant::now();
    let breaker = opened(start);
    let until = breaker.try_begin(start).unwrap_err().until;
    drop(breaker.try_begin(until).unwrap());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.try_begin(until).unwrap().succeeded(until);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn what_began_before_it_opened_decides_nothing() {
    let (breaker, now) = (breaker(), Instant::now());
    let [late_success, late_failure] = [(); 2].map(|()| breaker.try_begin(now).unwrap());
    (0..5).for_each(|_| call(&breaker, now, false));
    late_success.succeeded(now);
    assert_eq!(breaker.state(), BreakerState::Open);
    let until = breaker.try_begin(now).unwrap_err().until;
    let probe = breaker.try_begin(until).unwrap();
    late_failure.failed(until);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    probe.succeeded(until);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn threads_that_ask_at_once_get_one_probe() {
    let start = Instant::now();
    let breaker = opened(start);
    let later = start + millis(500);
    let together = std::sync::Barrier::new(4);
    let probes = std::thread::scope(|scope| {
        let ask = || {
            together.wait();
            let permit = breaker.try_begin(later);
            together.wait();
            permit.is_ok()
        };
        let threads = [(); 4].map(|()| scope.spawn(ask));
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|got| *got).count()
    });
    assert_eq!(probes, 1);
}

/// The rules told once more, over the whole history instead of counters.
struct Model {
    /// Calls that ended since it was last closed: when, and whether they failed.
    ended: Vec<(Instant, bool)>,
    closed: bool,
    until: Instant,
    probe: Option<usize>,
    failed_probes: u32,
    /// Permits that were given in the present state; others mean nothing any more.
    valid: Vec<usize>,
    random: fastrand::Rng,
}

impl Model {
    fn new(now: Instant) -> Self {
        Self {
            ended: Vec::new(),
            closed: true,
            until: now,
            probe: None,
            failed_probes: 0,
            valid: Vec::new(),
            random: fastrand::Rng::with_seed(SEED),
        }
    }

    fn begin(&mut self, now: Instant, id: usize) -> Result<(), Instant> {
        if self.closed {
            self.valid.push(id);
        } else if now < self.until {
            return Err(self.until);
        } else if self.probe.is_some() {
            return Err(now + millis(500));
        } else {
            self.probe = Some(id);
            self.valid = vec![id];
        }
        Ok(())
    }

    fn end(&mut self, now: Instant, id: usize, outcome: Option<bool>) {
        if !self.valid.contains(&id) {
            return;
        }
        self.valid.retain(|valid| *valid != id);
        let was_probe = self.probe.take_if(|probe| *probe == id).is_some();
        let Some(failed) = outcome else { return };
        if was_probe && !failed {
            (self.closed, self.failed_probes, self.ended) = (true, 0, Vec::new());
        } else if was_probe {
            self.failed_probes += 1;
            self.open(now);
        } else {
            self.ended.push((now, failed));
            if failed && self.is_too_bad(now) {
                self.open(now);
            }
        }
    }

    fn is_too_bad(&self, now: Instant) -> bool {
        let in_a_row = self.ended.iter().rev().take_while(|(_, failed)| *failed).count();
        let twenty: Vec<_> = self.ended.iter().rev().take(20).collect();
        let recent = twenty.iter().all(|(at, _)| now - *at <= Duration::from_secs(10));
        let failing = twenty.iter().filter(|(_, failed)| *failed).count();
        in_a_row >= 5 || (twenty.len() == 20 && recent && failing >= 10)
    }

    fn open(&mut self, now: Instant) {
        let whole = [500, 1_000, 2_000, 4_000, 5_000][usize::try_from(self.failed_probes).unwrap().min(4)];
        self.until = now + millis(whole).mul_f64(0.5 + self.random.f64() / 2.0);
        self.closed = false;
        self.valid.clear();
    }

    fn state(&self, asked_since_it_opened: bool) -> BreakerState {
        match (self.closed, asked_since_it_opened) {
            (true, _) => BreakerState::Closed,
            (false, false) => BreakerState::Open,
            (false, true) => BreakerState::HalfOpen,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Begin,
    /// The call whose place in the list of open ones this is; succeeded, failed or dropped.
    End(prop::sample::Index, Option<bool>),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![4 => Just(Some(true)), 4 => Just(Some(false)), 1 => Just(None)];
    prop_oneof![
        2 => prop_oneof![0..600_u64, 0..6_000_u64].prop_map(Step::Wait),
        5 => Just(Step::Begin),
        5 => (any::<prop::sample::Index>(), outcome).prop_map(|(index, outcome)| Step::End(index, outcome)),
    ]
}

proptest! {
    #[test]
    fn any_history_goes_as_the_model_says(steps in prop::collection::vec(step(), 1..400)) {
        let (breaker, mut now) = (breaker(), Instant::now());
        let mut model = Model::new(now);
        let mut open_calls = Vec::new();
        let mut half_open = false;
        for (id, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(count) => now += millis(count),
                Step::Begin => {
                    let expected = model.begin(now, id);
                    half_open |= !model.closed && expected.is_ok();
                    match breaker.try_begin(now) {
                        Ok(permit) => {
                            prop_assert_eq!(expected, Ok(()));
                            open_calls.push((id, permit));
                        }
                        Err(open) => prop_assert_eq!(expected, Err(open.until)),
                    }
                }
                Step::End(_, _) if open_calls.is_empty() => {}
                Step::End(index, outcome) => {
                    let (id, permit) = open_calls.swap_remove(index.index(open_calls.len()));
                    let was_half_open = half_open;
                    let valid = model.valid.contains(&id);
                    model.end(now, id, outcome);
                    half_open = was_half_open && !(valid && outcome.is_some());
                    match outcome {
                        Some(false) => permit.succeeded(now),
                        Some(true) => permit.failed(now),
                        None => drop(permit),
                    }
                }
            }
            prop_assert_eq!(breaker.state(), model.state(half_open));
        }
    }
}
