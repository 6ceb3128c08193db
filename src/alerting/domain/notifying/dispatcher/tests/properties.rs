//! Any stream of alerts, silences and restarts: what is told alternates, is told once, and ends with what is true.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::alerting::domain::notifying::fixtures::{
    Scene, by_cluster, of_rule, over, plan, posted, route, seconds,
};
use crate::alerting::domain::notifying::route::{AfterMatch, RouteWords};
use crate::alerting::domain::notifying::silence::SilenceState;

const NUMBERS: u8 = 5;
const WAIT: u64 = 30;
const INTERVAL: u64 = 300;
const REPEAT: u64 = 3_600;

#[derive(Debug, Clone)]
enum Act {
    Pass { seconds: i64 },
    Fire(Which),
    End(Which),
    Silence { number: u8, lasts: u64 },
    Unsilence,
    Restart,
}

#[derive(Debug, Clone, Copy)]
struct Which {
    number: u8,
    source: Source,
    severity: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Posted,
    Routed,
    Direct,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let source = prop_oneof![Just(Source::Posted), Just(Source::Routed), Just(Source::Direct)];
    let severity = prop_oneof![Just("warn"), Just("page")];
    let which = (0..NUMBERS, source, severity).prop_map(|(number, source, severity)| Which {
        number,
        source,
        severity,
    });
    let act = prop_oneof![
        6 => (1_i64..400).prop_map(|seconds| Act::Pass { seconds }),
        6 => which.clone().prop_map(Act::Fire),
        5 => which.prop_map(Act::End),
        1 => (0..NUMBERS, 1_u64..1_500).prop_map(|(number, lasts)| Act::Silence { number, lasts }),
        1 => Just(Act::Unsilence),
        1 => Just(Act::Restart),
    ];
    proptest::collection::vec(act, 1..60)
}

fn the_plan() -> NotificationPlan {
    let log = RouteWords { after_match: AfterMatch::Continue, ..route("log", "cluster=c0", vec![]) };
    let root = RouteWords {
        group_wait: Some(seconds(WAIT)),
        group_interval: Some(seconds(INTERVAL)),
        repeat_interval: Some(seconds(REPEAT)),
        ..by_cluster(vec![log, route("page", "severity=page", vec![])])
    };
    plan(&root, &[("id=p0", "id=p2", "cluster")])
}

fn alert(which: Which, now: Timestamp) -> Alert {
    let Which { number, source, severity } = which;
    let text = |letter: char| {
        format!("id={letter}{number},cluster=c{},number={number},severity={severity}", number % 2)
    };
    match source {
        Source::Posted => posted(&text('p'), now),
        Source::Routed => of_rule(&text('r'), &[], now),
        Source::Direct => of_rule(&text('d'), &["direct", "also"], now),
    }
}

fn perform(scene: &mut Scene, act: &Act) {
    match act {
        Act::Pass { seconds } => {
            let now = scene.now.nanos() / 1_000_000_000;
            scene.until(now + seconds);
        }
        Act::Fire(which) => scene.take(|now| alert(*which, now)),
        Act::End(which) => scene.take(|now| over(alert(*which, now), now)),
        Act::Silence { number, lasts } => drop(scene.silence(&format!("number={number}"), *lasts)),
        Act::Unsilence => unsilence(scene),
        Act::Restart => scene.restart(the_plan()),
    }
}

fn unsilence(scene: &mut Scene) {
    let tenant = TenantId::unnamed();
    let ids: Vec<SilenceId> = scene.dispatcher.silences(&tenant).map(|silence| silence.id.clone()).collect();
    for id in ids {
        scene.step(|dispatcher, now, decisions| {
            dispatcher.expire_silence(&tenant, &id, now, decisions).unwrap();
        });
    }
}

/// What each channel believes of each alert of a group, from what it was told.
#[derive(Default)]
struct Listener {
    firing: BTreeMap<(GroupId, AlertKey), LabelSet>,
    last: BTreeMap<GroupId, Timestamp>,
    heard: usize,
}

impl Listener {
    fn listen(&mut self, scene: &Scene) -> Result<(), TestCaseError> {
        for told in scene.told.iter().skip(self.heard) {
            self.hear(told)?;
        }
        self.heard = scene.told.len();
        Ok(())
    }

    fn hear(&mut self, told: &Notification) -> Result<(), TestCaseError> {
        let id = GroupId { channel: told.channel.clone(), key: told.group_key.clone() };
        let mut news = false;
        for alert in told.firing() {
            let place = (id.clone(), alert.key);
            news |= self.firing.insert(place, alert.labels.clone()) != Some(alert.labels.clone());
        }
        for alert in told.resolved() {
            let place = (id.clone(), alert.key);
            prop_assert!(self.firing.remove(&place).is_some(), "over without having fired: {told:?}");
            news = true;
        }
        let since = self.last.insert(id, told.at).map(|last| told.at.since(last));
        let repeats = since.is_some_and(|since| since >= seconds(REPEAT));
        prop_assert!(news || repeats, "told twice: {told:?}");
        let at_once = told.group_key.starts_with("alert/");
        let soon = since.is_some_and(|since| since < seconds(INTERVAL));
        prop_assert!(at_once || !soon, "told too soon: {told:?}");
        Ok(())
    }

    /// Nobody is told of what is silenced.
    fn nothing_silenced(scene: &Scene, from: usize) -> Result<(), TestCaseError> {
        for told in scene.told.iter().skip(from).filter(|told| told.at == scene.now) {
            for silence in scene.dispatcher.silences(&told.tenant) {
                let active = silence.state(scene.now) == SilenceState::Active;
                let covered = told.alerts.iter().any(|alert| silence.covers(&alert.labels, scene.now));
                prop_assert!(!(active && covered), "silenced, and told: {told:?}");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_alternates_is_told_once_and_ends_with_what_is_true(acts in acts()) {
        let mut scene = Scene::new(the_plan());
        let mut listener = Listener::default();
        for act in &acts {
            let from = scene.told.len();
            perform(&mut scene, act);
            Listener::nothing_silenced(&scene, from)?;
            listener.listen(&scene)?;
        }
        unsilence(&mut scene);
        // Alerts that others raised end by themselves after five minutes.
        let now = scene.now.nanos() / 1_000_000_000;
        scene.until(now + 300 + 2 * i64::try_from(INTERVAL).unwrap_or_default() + 60);
        listener.listen(&scene)?;
        let mut expected = BTreeMap::new();
        let the_plan = the_plan();
        for view in scene.dispatcher.alerts(&TenantId::unnamed(), scene.now) {
            if view.inhibited_by.is_none() {
                for placement in the_plan.placements(view.alert) {
                    expected.insert((placement.id, view.alert.key), view.alert.labels.clone());
                }
            }
        }
        prop_assert_eq!(&listener.firing, &expected);

        for number in 0..NUMBERS {
            for source in [Source::Routed, Source::Direct] {
                perform(&mut scene, &Act::End(Which { number, source, severity: "warn" }));
            }
        }
        let now = scene.now.nanos() / 1_000_000_000;
        scene.until(now + 1_000);
        listener.listen(&scene)?;
        prop_assert!(listener.firing.is_empty(), "{:?}", listener.firing);
        prop_assert!(scene.remembered.alerts.is_empty() && scene.remembered.groups.is_empty());
    }
}
