//! What the configuration says of routes and inhibition, as alerting understands it.

use anyhow::Context;

use crate::alerting::{
    AfterMatch, GroupBy, INHIBITIONS_MAX, Inhibition, Matcher, NotificationPlan, Route, RouteWords,
    parse_matcher,
};
use crate::config::{self, Inhibit, RouteSection, Settings};

/// The value of `group_by` that stands for all labels.
const ALL_LABELS: &str = "...";

/// Who is told what. An error names the key and what is wrong with it.
pub fn notification_plan(settings: &Settings) -> anyhow::Result<NotificationPlan> {
    let alerting = &settings.alerting;
    let root = alerting.route.as_ref().map(|route| {
        let words = route_words(route)?;
        Route::root(&words).with_context(|| route.place.clone())
    });
    anyhow::ensure!(
        alerting.inhibit.len() <= INHIBITIONS_MAX,
        "alerting.inhibit: there are at most {INHIBITIONS_MAX}"
    );
    let inhibitions = alerting.inhibit.iter().map(inhibition).collect::<anyhow::Result<_>>()?;
    Ok(NotificationPlan { root: root.transpose()?, inhibitions })
}

fn route_words(route: &RouteSection) -> anyhow::Result<RouteWords> {
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
        routes: route.routes.iter().map(route_words).collect::<anyhow::Result<_>>()?,
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
    let parsed = texts.iter().map(|text| parse_matcher(text).with_context(|| format!("{key}: {text:?}")));
    let parsed: Vec<Matcher> = parsed.collect::<anyhow::Result<_>>()?;
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
             matchers = ['a=\"b\"']\ncontinue = true\n[[alerting.inhibit]]\nsource_matchers = ['a=b']\n\
             target_matchers = ['c=d']\nequal = ['e']",
        )
        .unwrap();
        let root = plan.root.unwrap();
        assert_eq!((root.group_by(), root.routes().len()), (&GroupBy::All, 1));
        assert_eq!(root.routes()[0].after_match(), AfterMatch::Continue);
        assert_eq!(&*plan.inhibitions[0].equal[0], "e");
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
    }
}
