//! *Scenario*: groups of records and marks, faults of the disk, crashes at any step with any part of what was not synced,
//! bit flips, starts that crash themselves.
//! *Guarantees*: what was acknowledged comes back, in order, once, unless its bits were flipped, and then it is counted;
//! what was refused or closed does not; every start succeeds.

use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::model::{Action, Model};
use super::simulated::Fault;
use crate::platform::journal::record::Outcome;

#[derive(Debug, Clone)]
pub enum Step {
    Commit(Vec<Action>),
    Tend,
    Inject(Fault),
    Restart { seed: u64, flips: u64, crash_in: Option<u32> },
}

/// Any step may follow any other; what an answer promised is known by the [`Model`] only.
struct AnyOrder;

impl ReferenceStateMachine for AnyOrder {
    type State = ();
    type Transition = Step;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Step> {
        prop_oneof![
            12 => prop::collection::vec(action(), 1..5).prop_map(Step::Commit),
            1 => Just(Step::Tend),
            3 => fault().prop_map(Step::Inject),
            3 => any::<u64>().prop_map(|seed| Step::Restart { seed, flips: 0, crash_in: None }),
            1 => (any::<u64>(), 0_u32..12)
                .prop_map(|(seed, steps)| Step::Restart { seed, flips: 0, crash_in: Some(steps) }),
            1 => (any::<u64>(), 1_u64..4).prop_map(|(seed, flips)| Step::Restart { seed, flips, crash_in: None }),
        ]
        .boxed()
    }

    fn apply((): (), _: &Step) {}
}

fn action() -> impl Strategy<Value = Action> {
    let payload_bytes = prop_oneof![Just(0_usize), 0_usize..60, 100_usize..600];
    prop_oneof![
        8 => (0_u8..3, payload_bytes)
            .prop_map(|(stream, payload_bytes)| Action::Append { stream, payload_bytes }),
        3 => (0_u8..3).prop_map(|stream| Action::Seal { stream }),
        3 => any::<usize>().prop_map(|pick| Action::Close { pick, outcome: Outcome::Stored }),
        1 => any::<usize>().prop_map(|pick| Action::Close { pick, outcome: Outcome::DeadLettered }),
        1 => any::<usize>().prop_map(|pick| Action::Bisect { pick }),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => (0_u32..25).prop_map(Fault::CrashIn),
        2 => (1_u32..4).prop_map(Fault::Syncs),
        1 => (1_u32..3).prop_map(Fault::Writes),
        2 => (1_u32..3).prop_map(Fault::WritesWithoutSpace),
        1 => prop_oneof![Just(0_u64), 2_000_u64..20_000, Just(u64::MAX)].prop_map(Fault::Capacity),
    ]
}

struct JournalKeepsItsPromises;

impl StateMachineTest for JournalKeepsItsPromises {
    type SystemUnderTest = Model;
    type Reference = AnyOrder;

    fn init_test((): &()) -> Model {
        Model::new()
    }

    fn apply(mut model: Model, (): &(), step: Step) -> Model {
        perform(&mut model, &step);
        model
    }

    fn teardown(mut model: Model, (): ()) {
        model.restart(7, 0, None);
        model.drain();
    }
}

pub fn perform(model: &mut Model, step: &Step) {
    match step {
        Step::Commit(actions) => drop(model.commit(actions)),
        Step::Tend => model.tend(),
        Step::Inject(fault) => model.inject(*fault),
        Step::Restart { seed, flips, crash_in } => model.restart(*seed, *flips, *crash_in),
    }
}

prop_state_machine! {
    #![proptest_config(Config {
        cases: 10_000,
        // Sequences that failed once are written down in `cases`.
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    })]

    #[test]
    fn the_journal_keeps_its_promises(sequential 1..24 => JournalKeepsItsPromises);
}
