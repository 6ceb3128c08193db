//! Any stream of points: a restart at any moment loses no transition and tells none twice; what flaps is told only as often as the
//! rule's waits allow.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Points each second at one level, or none.
#[derive(Debug, Clone, Copy)]
enum Stretch {
    Above(i64),
    Below(i64),
    Silent(i64),
}

/// Longer than any wait of the rules below, so that a delay never makes two changes one.
fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let long = 45_i64..80;
    let stretch = prop_oneof![
        long.clone().prop_map(Stretch::Above),
        long.clone().prop_map(Stretch::Below),
        long.prop_map(Stretch::Silent),
    ];
    proptest::collection::vec(stretch, 1..8)
}

/// Each second with its value, if it has one.
fn seconds(stretches: &[Stretch]) -> Vec<Option<f64>> {
    let mut all = Vec::new();
    for stretch in stretches {
        let (value, length) = match *stretch {
            Stretch::Above(length) => (Some(9.0), length),
            Stretch::Below(length) => (Some(1.0), length),
            Stretch::Silent(length) => (None, length),
        };
        all.extend((0..length).map(|_| value));
    }
    // Time for what is still to be told.
    all.extend([None; 80]);
    all
}

fn rules() -> impl Strategy<Value = AlertRule> {
    let condition = prop_oneof![Just("max > 5"), Just("avg > 5"), Just("min > 5")];
    let wait = || prop_oneof![Just("0s"), Just("7s"), Just("15s")];
    let no_data = prop_oneof![
        Just(NoData::Resolve { after: None }),
        Just(NoData::Resolve { after: Some(Duration::from_secs(20)) }),
        Just(NoData::Keep),
        Just(NoData::Alert { after: Duration::from_secs(20) }),
    ];
    (condition, wait(), wait(), no_data).prop_map(|(condition, hold, keep, no_data)| AlertRule {
        keep_firing: HoldTime::parse(keep).unwrap(),
        no_data,
        ..rule_for(condition, "10s", hold)
    })
}

/// Throws the evaluator away, and goes on from what is kept of it and from the past of the series.
fn restart(bench: &mut Bench, rule: &AlertRule, past: &[Option<f64>]) {
    let now = second(START + bench.now);
    let kept: Vec<_> =
        bench.evaluator.live_keys().iter().filter_map(|key| bench.evaluator.kept(key)).collect();
    let told = std::mem::take(&mut bench.told);
    let silent = told.last().filter(|line| line.ends_with("resolves: no data"));
    let silent_at = silent.map(|line| line.split(' ').next().unwrap().parse().unwrap());
    *bench = Bench { now: bench.now, told, ..Bench::new(vec![rule.clone()]) };
    let rule = Arc::new(rule.clone());
    for kept in kept {
        assert!(bench.evaluator.restore(Some(&rule), kept, Duration::ZERO, now));
    }
    let mut known = series(&[]);
    known.id = SeriesId(7);
    let group = Group { rule, tenant: TenantId::unnamed(), values: Box::default() };
    let since = |at: i64| ((TenantId::unnamed(), group.alert_key()), second(START + at));
    bench.evaluator.fell_silent(silent_at.map(since).into_iter().collect());
    let point = |(at, value): (i64, &Option<f64>)| {
        let (time, start) = (second(START + at), Timestamp::EPOCH);
        value.map(|value| PastPoint { time, start, value: PastValue::Number(value) })
    };
    bench.evaluator.refill(&known, (0..).zip(past).filter_map(point).collect(), now);
}

/// What is told: its second, and the word for it.
fn told(rule: &AlertRule, values: &[Option<f64>], restart_at: Option<usize>) -> Vec<(i64, String)> {
    let mut bench = Bench::new(vec![rule.clone()]);
    for (at, value) in values.iter().enumerate() {
        bench.go_to(i64::try_from(at).unwrap());
        if restart_at == Some(at) {
            restart(&mut bench, rule, &values[..at]);
        }
        if let Some(value) = value {
            bench.point(*value);
        }
    }
    let words = |line: &String| {
        let mut words = line.split(' ');
        let at = words.next().unwrap().parse().unwrap();
        (at, words.next().unwrap().trim_end_matches(':').to_owned())
    };
    bench.told.iter().map(words).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_restart_neither_loses_a_transition_nor_tells_one_twice(
        rule in rules(),
        stretches in stretches(),
        part in 0.0_f64..1.0,
    ) {
        let values = seconds(&stretches);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a second of a few minutes"
        )]
        let restart_at = (values.len() as f64 * part) as usize;
        let undisturbed = told(&rule, &values, None);
        let restarted = told(&rule, &values, Some(restart_at));
        let words = |told: &[(i64, String)]| told.iter().map(|(_, word)| word.clone()).collect::<Vec<_>>();
        prop_assert_eq!(words(&undisturbed), words(&restarted));
        for ((before, _), (after, _)) in undisturbed.iter().zip(&restarted) {
            prop_assert!(before <= after && after - before <= 45, "{undisturbed:?} {restarted:?}");
        }
    }

    /// In a time T, with `for` H and `keepFiringFor` K: each time that it fires takes H before and K after, so that at most
    /// 2 + 2T / (H + K) transitions are told.
    #[test]
    fn what_flaps_is_told_as_often_as_the_waits_allow_and_no_more(
        values in proptest::collection::vec(prop_oneof![Just(1.0), Just(9.0)], 60..400),
        hold in 1_u32..20,
        keep in 0_u32..20,
    ) {
        let rule = AlertRule {
            keep_firing: HoldTime::parse(&format!("{keep}s")).unwrap(),
            ..rule_for("max > 5", "1s", &format!("{hold}s"))
        };
        let values: Vec<Option<f64>> = values.into_iter().map(Some).collect();
        let told = told(&rule, &values, None);
        let most = 2 + 2 * values.len() / usize::try_from(hold + keep).unwrap();
        prop_assert!(told.len() <= most, "{} of at most {most}", told.len());
        for (first, second) in told.iter().zip(told.iter().skip(1)) {
            prop_assert_ne!(&first.1, &second.1);
            let wait = if second.1 == "fires" { hold } else { keep };
            prop_assert!(second.0 - first.0 >= i64::from(wait), "{told:?}");
        }
    }
}
