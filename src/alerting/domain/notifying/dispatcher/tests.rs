//! What happened when, and who was told what: tables of the dispatcher in simulated time.

use super::*;
use crate::alerting::domain::alert::Phase;
use crate::alerting::domain::notifying::fixtures::{
    Scene, by_cluster, daily, of_rule, over, plan, posted, route, seconds,
};
use crate::alerting::domain::notifying::muting::Muting;
use crate::alerting::domain::notifying::route::{AfterMatch, RouteWords};
use crate::alerting::domain::notifying::silence::SilenceState;

mod properties;

const A: &str = "id=a,cluster=x";
const B: &str = "id=b,cluster=x";
const OTHER: &str = "id=o,cluster=y";

fn scene() -> Scene {
    Scene::new(plan(&by_cluster(vec![]), &[]))
}

/// Without an end, as Prometheus would repeat it.
fn lasting(text: &str, now: Timestamp) -> Alert {
    Alert { phase: Phase::Firing { expires: None }, ..posted(text, now) }
}

/// Its name, what happens when, for how long it is watched, and what is told.
type Case = (&'static str, Vec<(i64, Act)>, i64, Vec<&'static str>);

#[derive(Clone, Copy)]
enum Act {
    Fires(&'static str),
    Ends(&'static str),
}

fn played(acts: &[(i64, Act)], until: i64) -> Vec<String> {
    let mut scene = scene();
    for (at, act) in acts {
        scene.until(*at);
        match *act {
            Act::Fires(alert) => scene.take(|now| lasting(alert, now)),
            Act::Ends(alert) => scene.take(|now| over(posted(alert, now), now)),
        }
    }
    scene.until(until);
    scene.lines()
}

#[test]
fn a_group_waits_then_tells_changes_at_its_interval_and_repeats_what_fires() {
    use Act::{Ends, Fires};
    let four_hours = 4 * 3_600;
    let cases: Vec<Case> = vec![
        (
            "alerts of the wait are told together",
            vec![(0, Fires(A)), (29, Fires(B))],
            60,
            vec!["30 all [a b] []"],
        ),
        (
            "groups are apart",
            vec![(0, Fires(A)), (1, Fires(OTHER))],
            60,
            vec!["30 all [a] []", "31 all [o] []"],
        ),
        (
            "a later one waits for the interval",
            vec![(0, Fires(A)), (31, Fires(B))],
            400,
            vec!["30 all [a] []", "330 all [a b] []"],
        ),
        ("what is over before it was told is never told", vec![(0, Fires(A)), (10, Ends(A))], 900, vec![]),
        (
            "what is over is told once",
            vec![(0, Fires(A)), (40, Ends(A)), (50, Ends(A))],
            2_000,
            vec!["30 all [a] []", "330 all [] [a]"],
        ),
        (
            "one of two is over",
            vec![(0, Fires(A)), (0, Fires(B)), (40, Ends(A))],
            900,
            vec!["30 all [a b] []", "330 all [b] [a]"],
        ),
        (
            "over and firing again between two looks is no news",
            vec![(0, Fires(A)), (40, Ends(A)), (50, Fires(A))],
            900,
            vec!["30 all [a] []"],
        ),
        (
            "one that comes back soon waits for the interval",
            vec![(0, Fires(A)), (40, Ends(A)), (340, Fires(A))],
            900,
            vec!["30 all [a] []", "330 all [] [a]", "630 all [a] []"],
        ),
        (
            "heard of again is no news",
            vec![(0, Fires(A)), (60, Fires(A)), (120, Fires(A))],
            900,
            vec!["30 all [a] []"],
        ),
        (
            "what fires on is repeated",
            vec![(0, Fires(A))],
            30 + 2 * four_hours,
            vec!["30 all [a] []", "14430 all [a] []", "28830 all [a] []"],
        ),
    ];
    for (name, acts, until, expected) in cases {
        assert_eq!(played(&acts, until), expected, "{name}");
    }
}

#[test]
fn a_posted_alert_that_nobody_repeats_is_over_after_five_minutes() {
    let mut scene = scene();
    scene.take(|now| posted(A, now));
    scene.until(200);
    scene.take(|now| posted(A, now));
    scene.until(900);
    assert_eq!(scene.lines(), ["30 all [a] []", "630 all [] [a]"]);
    let resolved = scene.told.last().unwrap().alerts.first().unwrap();
    let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
    assert_eq!((resolved.starts_at, resolved.phase), (at(0), Phase::Resolved { at: at(500) }));
}

#[test]
fn a_rule_with_channels_is_told_at_once_and_alone_on_each() {
    let mut scene = scene();
    let fire = |scene: &mut Scene, text: &str| scene.take(|now| of_rule(text, &["ops", "page"], now));
    fire(&mut scene, "id=a,severity=WARN");
    fire(&mut scene, "id=b,severity=WARN");
    scene.until(5);
    fire(&mut scene, "id=a,severity=WARN");
    scene.until(6);
    fire(&mut scene, "id=a,severity=CRITICAL");
    scene.until(7);
    scene.take(|now| over(of_rule("id=a", &["ops", "page"], now), now));
    let expected = [
        "0 ops [a] []",
        "0 page [a] []",
        "0 ops [b] []",
        "0 page [b] []",
        "6 ops [a] []",
        "6 page [a] []",
        "7 ops [] [a]",
        "7 page [] [a]",
    ];
    assert_eq!(scene.lines(), expected);
    scene.until(4 * 3_600);
    assert_eq!(scene.lines()[8..], ["14400 ops [b] []", "14400 page [b] []"]);
}

#[test]
fn what_is_silenced_is_told_when_the_silence_ends_and_it_fires_still() {
    let mut scene = scene();
    scene.silence("cluster=x", 1_000);
    scene.take(|now| lasting(A, now));
    scene.take(|now| of_rule("id=d,cluster=x", &["ops"], now));
    scene.take(|now| of_rule("id=e,cluster=x", &["ops"], now));
    scene.until(900);
    scene.take(|now| over(of_rule("id=e,cluster=x", &["ops"], now), now));
    assert!(scene.told.is_empty(), "{:?}", scene.lines());
    scene.until(2_000);
    assert_eq!(scene.lines(), ["1000 ops [d] []", "1230 all [a] []"]);
}

#[test]
fn what_ends_while_it_is_silenced_is_told_to_be_over_when_the_silence_ends() {
    let mut scene = scene();
    scene.take(|now| of_rule("id=d,cluster=x", &["ops"], now));
    let silence = scene.silence("cluster=x", 1_000);
    scene.until(100);
    scene.take(|now| over(of_rule("id=d,cluster=x", &["ops"], now), now));
    scene.until(200);
    assert_eq!(scene.lines(), ["0 ops [d] []"]);
    scene.step(|dispatcher, now, decisions| {
        dispatcher.expire_silence(&TenantId::unnamed(), &silence, now, decisions).unwrap();
    });
    scene.until(210);
    assert_eq!(scene.lines()[1..], ["205 ops [] [d]"]);
}

#[test]
fn what_is_muted_by_the_clock_is_told_when_the_mute_is_over_and_it_fires_still() {
    let night = Muting { mute: vec![daily("night", "00:00", "06:00")], active: vec![] };
    let muted = RouteWords { muting: night, ..route("shop", "team=shop", vec![]) };
    let mut scene = Scene::new(plan(&by_cluster(vec![muted]), &[]));
    scene.take(|now| lasting("id=a,team=shop", now));
    scene.take(|now| lasting("id=b", now));
    scene.take(|now| lasting("id=c,team=shop", now));
    scene.until(3_600);
    scene.take(|now| over(posted("id=c,team=shop", now), now));
    let tenant = TenantId::unnamed();
    let muted_by = |scene: &Scene| {
        let groups = scene.dispatcher.groups(&tenant, scene.now);
        groups
            .iter()
            .map(|group| format!("{} {}", group.id.channel, group.muted_by.join(" ")))
            .collect::<Vec<_>>()
    };
    assert_eq!(muted_by(&scene), ["all ", "shop night"]);
    assert_eq!(scene.lines(), ["30 all [b] []"]);
    scene.until(7 * 3_600);
    let told = scene.lines();
    // It is looked at every five minutes from second 30 on.
    assert_eq!(told[told.len() - 1..], ["21630 shop [a] []"]);
    assert_eq!(muted_by(&scene), ["all ", "shop "]);
}

#[test]
fn what_ends_while_it_is_muted_is_told_to_be_over_when_the_active_hours_begin_also_after_a_restart() {
    let the_plan = || {
        let office = Muting {
            mute: vec![],
            active: vec![daily("office", "00:00", "01:00"), daily("late", "02:00", "03:00")],
        };
        let active = RouteWords { muting: office, ..route("shop", "", vec![]) };
        plan(&by_cluster(vec![active]), &[])
    };
    let mut scene = Scene::new(the_plan());
    scene.take(|now| of_rule("id=a", &[], now));
    scene.until(3_700);
    scene.take(|now| over(of_rule("id=a", &[], now), now));
    scene.until(4_500);
    scene.restart(the_plan());
    scene.until(3 * 3_600);
    let told = scene.lines();
    let [first, last] = &told[..] else { panic!("{told:?}") };
    assert_eq!(first, "30 shop [a] []");
    let at: i64 = last.strip_suffix(" shop [] [a]").unwrap().parse().unwrap();
    assert!((7_200..7_500).contains(&at), "{at}");
}

#[test]
fn what_another_alert_explains_is_told_when_that_one_is_over() {
    let root = RouteWords { group_wait: Some(seconds(0)), ..by_cluster(vec![]) };
    let mut scene = Scene::new(plan(&root, &[("severity=page", "severity=warn", "cluster")]));
    scene.take(|now| of_rule("id=down,severity=page,cluster=x", &["ops"], now));
    scene.take(|now| of_rule("id=slow,severity=warn,cluster=x", &["ops"], now));
    scene.take(|now| of_rule("id=far,severity=warn,cluster=y", &["ops"], now));
    let views = scene.dispatcher.alerts(&TenantId::unnamed(), scene.now);
    assert_eq!(views.iter().filter(|view| view.inhibited_by.is_some()).count(), 1);
    scene.until(60);
    scene.take(|now| over(of_rule("id=down,severity=page,cluster=x", &["ops"], now), now));
    scene.until(70);
    assert_eq!(scene.lines(), ["0 ops [down] []", "0 ops [far] []", "60 ops [] [down]", "65 ops [slow] []"]);
}

#[test]
fn an_alert_that_takes_another_route_is_over_for_who_was_told_first() {
    let page = route("page", "severity=page", vec![]);
    let mut scene = Scene::new(plan(&by_cluster(vec![page]), &[]));
    scene.take(|now| of_rule("id=a,severity=warn", &[], now));
    scene.until(60);
    scene.take(|now| of_rule("id=a,severity=page", &[], now));
    scene.until(400);
    assert_eq!(scene.lines(), ["30 all [a] []", "90 page [a] []", "330 all [] [a]"]);
}

#[test]
fn an_acknowledged_incident_is_not_repeated_but_its_end_is_told() {
    let mut scene = scene();
    scene.take(|now| of_rule("id=a", &["ops"], now));
    scene.take(|now| of_rule("id=b", &["ops"], now));
    scene.dispatcher.acknowledge(&TenantId::unnamed(), IncidentId("a".into()));
    scene.until(4 * 3_600 + 60);
    assert_eq!(scene.lines()[2..], ["14400 ops [b] []"]);
    scene.take(|now| over(of_rule("id=a", &["ops"], now), now));
    assert_eq!(scene.lines()[3..], ["14460 ops [] [a]"]);
}

#[test]
fn two_routes_to_one_group_tell_it_once() {
    let again = || RouteWords { after_match: AfterMatch::Continue, ..route("ops", "cluster=x", vec![]) };
    let mut scene = Scene::new(plan(&by_cluster(vec![again(), again()]), &[]));
    scene.take(|now| lasting(A, now));
    scene.until(60);
    assert_eq!(scene.lines(), ["30 ops [a] []"]);
}

#[test]
fn every_alert_of_a_large_group_is_told_and_so_is_its_end() {
    let name = |number: usize| format!("id=n{number}");
    let mut scene = scene();
    for number in 0..1_000 {
        scene.take(|now| lasting(&name(number), now));
    }
    scene.until(30);
    let told = scene.told.first().unwrap();
    assert_eq!((told.firing().count(), told.truncated), (1_000, 0));
    for number in 0..1_000 {
        scene.take(|now| over(posted(&name(number), now), now));
    }
    scene.until(330);
    let told = scene.told.last().unwrap();
    assert_eq!((told.resolved().count(), told.truncated), (1_000, 0));
}

#[test]
fn a_restart_says_nothing_again_and_forgets_nothing() {
    let the_plan = || plan(&by_cluster(vec![]), &[]);
    let mut scene = scene();
    scene.take(|now| lasting(A, now));
    scene.take(|now| of_rule("id=d", &["ops"], now));
    scene.take(|now| of_rule("id=gone", &["ops"], now));
    let silence = scene.silence("id=b", 10_000);
    scene.until(60);
    assert_eq!(scene.lines(), ["0 ops [d] []", "0 ops [gone] []", "30 all [a] []"]);
    scene.restart(the_plan());
    scene.take(|now| lasting(B, now));
    let known = of_rule("id=d", &[], scene.now).key;
    scene.step(|dispatcher, now, decisions| {
        dispatcher.settle_rules(&[(TenantId::unnamed(), known)].into_iter().collect(), now, decisions);
    });
    scene.until(400);
    assert_eq!(scene.lines()[3..], ["60 ops [] [gone]"]);
    scene.take(|now| over(posted(A, now), now));
    scene.restart(the_plan());
    scene.until(700);
    assert_eq!(scene.lines()[4..], ["401 all [] [a]"]);
    let tenant = TenantId::unnamed();
    let state =
        scene.dispatcher.silences(&tenant).next().map(|found| (found.id.clone(), found.state(scene.now)));
    assert_eq!(state, Some((silence, SilenceState::Active)));
}

#[test]
fn who_has_yet_to_hear_that_an_alert_has_left_hears_it_after_a_restart() {
    let the_plan = || plan(&by_cluster(vec![route("page", "severity=page", vec![])]), &[]);
    let mut scene = Scene::new(the_plan());
    scene.take(|now| of_rule("id=a,severity=page", &[], now));
    scene.until(30);
    scene.take(|now| over(of_rule("id=a,severity=warn", &[], now), now));
    scene.until(200);
    scene.restart(the_plan());
    scene.until(400);
    assert_eq!(scene.lines(), ["30 page [a] []", "330 page [] [a]"]);
}

#[test]
fn a_restart_with_other_routes_ends_what_the_old_ones_told() {
    let mut scene = scene();
    scene.take(|now| lasting(A, now));
    scene.until(60);
    scene.restart(plan(&route("new", "", vec![]), &[]));
    scene.until(400);
    assert_eq!(scene.lines(), ["30 all [a] []", "90 new [a] []", "330 all [] [a]"]);
}

#[test]
fn there_is_room_for_so_many_alerts_and_groups() {
    use crate::alerting::domain::notifying::tenant_alerts::{ALERTS_MAX, GROUPS_MAX};
    let mut scene = scene();
    let (now, mut decisions) = (scene.now, Decisions::default());
    for number in 0..ALERTS_MAX {
        let alert = lasting(&format!("id=n{number},cluster=c{number}"), now);
        scene.dispatcher.take(alert, now, &mut decisions).unwrap();
    }
    let refused = scene.dispatcher.take(lasting("id=late", now), now, &mut decisions);
    assert_eq!(refused, Err(TooManyAlerts));
    let ended = over(posted("id=n0,cluster=c0", now), now);
    scene.dispatcher.take(ended, now, &mut decisions).unwrap();
    scene.step(|_, _, _| {});
    scene.take(|now| lasting("id=late,cluster=late", now));
    let groups = scene.dispatcher.groups(&TenantId::unnamed(), scene.now);
    assert_eq!(groups.len(), GROUPS_MAX);
    assert!(groups.iter().any(|group| group.labels.is_empty() && group.id.key.ends_with(":{}")));
}

#[test]
fn a_rules_alert_names_its_rule_where_the_server_can_be_reached_from_outside() {
    let external_url = ExternalUrl::parse("https://flow.example").unwrap();
    let mut scene = Scene::new(NotificationPlan { external_url, ..plan(&by_cluster(vec![]), &[]) });
    scene.take(|now| of_rule("id=a", &["ops"], now));
    scene.take(|now| Alert { generator_url: "https://prometheus/graph".into(), ..posted("id=b", now) });
    scene.until(30);
    let urls: Vec<&str> = scene.told.iter().map(|told| &*told.alerts[0].generator_url).collect();
    assert_eq!(urls, ["https://flow.example/api/v2/alert-rules/a", "https://prometheus/graph"]);
}

#[test]
fn a_rules_alert_is_not_changed_by_others() {
    let mut scene = scene();
    scene.take(|now| Alert { key: AlertKey::of(&posted(A, now).labels), ..of_rule(A, &["ops"], now) });
    scene.take(|now| over(posted(A, now), now));
    scene.until(60);
    assert_eq!(scene.lines(), ["0 ops [a] []"]);
}
