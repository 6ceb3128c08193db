//! What the configuration says of routes and inhibition, as alerting understands it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;

use crate::alerting::{
    AfterMatch, ExternalUrl, GroupBy, INHIBITIONS_MAX, INTERVALS_MAX, Inhibition, IntervalWords, Matcher,
    Muting, NotificationPlan, Route, RouteWords, TimeInterval, TimeIntervals, parse_matchers, zone,
};
use crate::config::{self, Inhibit, RouteSection, Settings};

/// Time intervals by the name under which routes know them.
type Hours = BTreeMap<String, Arc<TimeIntervals>>;

/// The value of `group_by` that stands for all labels.
const ALL_LABELS: &str = "...";

/// Who is told what. An error names the key and what is wrong with it.
pub fn notification_plan(settings: &Settings) -> anyhow::Result<NotificationPlan> {
    let alerting = &settings.alerting;
    anyhow::ensure!(
        alerting.time_intervals.len() <= INTERVALS_MAX,
        "alerting.time_intervals: there are at most {INTERVALS_MAX}"
    );
    let hours: Hours = alerting.time_intervals.iter().map(time_intervals).collect::<anyhow::Result<_>>()?;
    let root = alerting.route.as_ref().map(|route| {
        let words = route_words(route, &hours)?;
        Route::root(&words).with_context(|| route.place.clone())
    });
    anyhow::ensure!(
        alerting.inhibit.len() <= INHIBITIONS_MAX,
        "alerting.inhibit: there are at most {INHIBITIONS_MAX}"
    );
    let inhibitions = alerting.inhibit.iter().map(inhibition).collect::<anyhow::Result<_>>()?;
    let external_url = ExternalUrl::parse(&alerting.external_url).context("alerting.external_url")?;
    Ok(NotificationPlan { root: root.transpose()?, inhibitions, external_url })
}

fn time_intervals(named: &config::TimeIntervals) -> anyhow::Result<(String, Arc<TimeIntervals>)> {
    let place = &named.place;
    let range = 1..=INTERVALS_MAX;
    anyhow::ensure!(
        range.contains(&named.intervals.len()),
        "{place}.time_intervals: expected 1 to {INTERVALS_MAX}"
    );
    let intervals = named.intervals.iter().map(time_interval).collect::<anyhow::Result<_>>()?;
    let intervals = TimeIntervals { name: named.name.as_str().into(), intervals };
    Ok((named.name.clone(), Arc::new(intervals)))
}

/// One that says nothing would hold for ever.
fn time_interval(interval: &config::TimeInterval) -> anyhow::Result<TimeInterval> {
    let config::TimeInterval { place, times, weekdays, days_of_month, months, years, location } = interval;
    anyhow::ensure!(
        !times.is_empty() || [weekdays, days_of_month, months, years].iter().any(|list| !list.is_empty()),
        "{place}: expected at least one of times, weekdays, days_of_month, months, years"
    );
    let zone = zone(location.as_deref()).with_context(|| {
        let location = location.as_deref().unwrap_or_default();
        format!("{place}.location: {location:?}: expected a zone of the IANA database, like Europe/Berlin")
    })?;
    let words = IntervalWords {
        times: times.clone(),
        weekdays: weekdays.clone(),
        days_of_month: days_of_month.clone(),
        months: months.clone(),
        years: years.clone(),
        location: location.clone(),
    };
    TimeInterval::new(words, zone).with_context(|| place.clone())
}

/// The names are those of intervals that there are.
fn named(names: &[String], hours: &Hours) -> Vec<Arc<TimeIntervals>> {
    names.iter().filter_map(|name| hours.get(name).cloned()).collect()
}

fn route_words(route: &RouteSection, hours: &Hours) -> anyhow::Result<RouteWords> {
    let group_by = route.group_by.as_ref().map(|labels| match &labels[..] {
        [all] if all == ALL_LABELS => Ok(GroupBy::All),
        labels if labels.iter().any(|label| label == ALL_LABELS) => {
            Err(anyhow::anyhow!("{}.group_by: \"...\" stands alone", route.place))
        }
        labels => Ok(GroupBy::Labels(labels.iter().map(|label| label.as_str().into()).collect())),
    });
    Ok(RouteWords {
        matchers: matchers(&format!("{}.matchers", route.place), &route.matchers)?,
        receiver: route.receiver.as_deref().map(Into::into),
        group_by: group_by.transpose()?,
        group_wait: route.group_wait,
        group_interval: route.group_interval,
        repeat_interval: route.repeat_interval,
        after_match: match route.after_match {
            config::AfterMatch::Stop => AfterMatch::Stop,
            config::AfterMatch::Continue => AfterMatch::Continue,
        },
        muting: Muting {
            mute: named(&route.mute_time_intervals, hours),
            active: named(&route.active_time_intervals, hours),
        },
        routes: route.routes.iter().map(|inner| route_words(inner, hours)).collect::<anyhow::Result<_>>()?,
    })
}

/// One that has no source or no target would silence more than anybody means.
fn inhibition(inhibit: &Inhibit) -> anyhow::Result<Inhibition> {
    for (key, texts) in
        [("source_matchers", &inhibit.source_matchers), ("target_matchers", &inhibit.target_matchers)]
    {
        anyhow::ensure!(!texts.is_empty(), "{}.{key}: expected at least one matcher", inhibit.place);
    }
    Ok(Inhibition {
        source: matchers(&format!("{}.source_matchers", inhibit.place), &inhibit.source_matchers)?,
        target: matchers(&format!("{}.target_matchers", inhibit.place), &inhibit.target_matchers)?,
        equal: inhibit.equal.iter().map(|label| label.as_str().into()).collect(),
    })
}

fn matchers(key: &str, texts: &[String]) -> anyhow::Result<Vec<Matcher>> {
    let parsed = texts.iter().map(|text| parse_matchers(text).with_context(|| format!("{key}: {text:?}")));
    let parsed: Vec<Vec<Matcher>> = parsed.collect::<anyhow::Result<_>>()?;
    let parsed: Vec<Matcher> = parsed.into_iter().flatten().collect();
    anyhow::ensure!(
        parsed.len() <= crate::alerting::MATCHERS_MAX,
        "{key}: there are at most {}",
        crate::alerting::MATCHERS_MAX
    );
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Timestamp;

    const CHANNEL: &str = "[channels.ops]\nkind = 'slack'\nurl = 'https://h/x'\n";

    fn plan(routing: &str) -> Result<NotificationPlan, String> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), format!("{CHANNEL}{routing}")).unwrap();
        let settings = Settings::load(Some(file.path()), std::iter::empty()).unwrap();
        notification_plan(&settings).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_tree_of_routes_becomes_a_plan() {
        let plan = plan(
            "[alerting.route]\nreceiver = 'ops'\ngroup_by = ['...']\n[[alerting.route.routes]]\n\
             matchers = ['{a=\"b\", c=~\"d|e\"}', 'f!=g']\ncontinue = true\n[[alerting.inhibit]]\nsource_matchers = ['a=b']\n\
             target_matchers = ['c=d']\nequal = ['e']",
        )
        .unwrap();
        let root = plan.root.unwrap();
        assert_eq!((root.group_by(), root.routes().len()), (&GroupBy::All, 1));
        assert_eq!(root.routes()[0].after_match(), AfterMatch::Continue);
        assert_eq!(root.routes()[0].matchers().len(), 3, "as in Alertmanager a text may hold several");
        assert_eq!(&*plan.inhibitions[0].equal[0], "e");
    }

    const NIGHT: &str =
        "[[alerting.time_intervals]]\nname = 'night'\n[[alerting.time_intervals.time_intervals]]\n";

    #[test]
    fn routes_are_muted_at_the_hours_that_they_name() {
        let plan = plan(&format!(
            "{NIGHT}times = [{{start_time = '22:00', end_time = '24:00'}}]\nlocation = 'Europe/Berlin'\n\
             [alerting.route]\nreceiver = 'ops'\n[[alerting.route.routes]]\nmute_time_intervals = ['night']"
        ));
        let root = plan.unwrap().root.unwrap();
        let muting = root.routes()[0].muting();
        let on_new_year = |hour: i64| Timestamp::from_nanos((1_893_456_000 + hour * 3_600) * 1_000_000_000);
        assert_eq!(
            [20, 21, 22, 23].map(|hour| muting.is_muted(on_new_year(hour))),
            [false, true, true, false]
        );
        assert!(root.muting().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let route = "[alerting.route]\nreceiver = 'ops'\n";
        let deep = "[[alerting.route.routes]]\n".to_owned()
            + &(2..20)
                .map(|depth| format!("[[alerting.route{}]]\nmatchers = []\n", ".routes".repeat(depth)))
                .collect::<String>();
        for (routing, expected) in [
            (
                format!("{route}[[alerting.route.routes]]\nmatchers = ['a~b']"),
                "alerting.route.routes.0.matchers: \"a~b\": expected one of = != =~ !~ at position 1",
            ),
            (format!("{route}group_by = ['...', 'a']"), "alerting.route.group_by: \"...\" stands alone"),
            (format!("{route}{deep}"), "alerting.route: routes are nested at most 16 deep"),
            (
                "[[alerting.inhibit]]\nsource_matchers = ['a=b']".to_owned(),
                "alerting.inhibit.0.target_matchers: expected at least one matcher",
            ),
        ] {
            assert_eq!(plan(&routing).unwrap_err(), expected);
        }
        for (interval, expected) in [
            (
                "weekdays = ['monday', 'munday']",
                ": weekdays[1]: expected a day of the week like monday, or two like monday:friday, the week \
                 beginning on sunday",
            ),
            (
                "years = ['2030']\nlocation = 'Mars'",
                ".location: \"Mars\": expected a zone of the IANA database, like Europe/Berlin",
            ),
            ("location = 'UTC'", ": expected at least one of times, weekdays, days_of_month, months, years"),
        ] {
            let place = "alerting.time_intervals.0.time_intervals.0";
            assert_eq!(plan(&format!("{NIGHT}{interval}")).unwrap_err(), format!("{place}{expected}"));
        }
    }
}
