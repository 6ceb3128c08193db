//! What a client of the live stream asks for.

use crate::platform::http::Problem;
use crate::querying::domain::Watch;
use crate::shared::TenantId;
use crate::shared::nearest::nearest;

use super::parameters::{ATTRIBUTES, METRIC_NAME, Names, Parameters, TEXT_BYTES_MAX, wrong};
use super::search_parameters::{OF_LOG_FILTER, RESOURCE, TERMS_MAX};

pub(super) const EVENTS: Names = &["events"];

/// What can be listened to, by its name in the parameter and in the stream.
pub(super) const INGEST: &str = "ingest";
pub(super) const METRICS: &str = "metrics";
pub(super) const LOGS: &str = "logs";
pub(super) const ALERTS: &str = "alerts";
pub(super) const ALL_EVENTS: [&str; 4] = [INGEST, METRICS, LOGS, ALERTS];

impl Parameters {
    /// A parameter that no chosen event reads is an unknown one.
    pub(super) fn watch(&self, tenant: TenantId) -> Result<Watch, Problem> {
        let events = self.events()?;
        let wants = |event: &str| events.contains(&event);
        let mut known = vec![EVENTS];
        let mut maps: &[&str] = &[];
        if wants(METRICS) {
            known.push(METRIC_NAME);
        }
        if wants(LOGS) {
            known.extend(OF_LOG_FILTER);
            maps = &[ATTRIBUTES, RESOURCE];
        }
        self.only_or(&known, maps)?;
        Ok(Watch {
            tenant,
            ingest: wants(INGEST),
            alerts: wants(ALERTS),
            metrics: if wants(METRICS) { self.metric_names()? } else { Vec::new() },
            logs: if wants(LOGS) { Some(self.log_filter()?) } else { None },
        })
    }

    pub(super) fn tail(&self, tenant: TenantId) -> Result<Watch, Problem> {
        self.only_or(OF_LOG_FILTER, &[ATTRIBUTES, RESOURCE])?;
        Ok(Watch { logs: Some(self.log_filter()?), ..Watch::nothing(tenant) })
    }

    fn events(&self) -> Result<Vec<&str>, Problem> {
        let given = self.all(EVENTS).flat_map(|list| list.split(',')).map(str::trim);
        let events: Vec<&str> = given.filter(|event| !event.is_empty()).collect();
        if events.is_empty() {
            return Err(wrong(EVENTS, "missing").with_allowed(ALL_EVENTS));
        }
        match events.iter().find(|event| !ALL_EVENTS.contains(event)) {
            None => Ok(events),
            Some(unknown) => {
                let problem = wrong(EVENTS, "unknown event").with_allowed(ALL_EVENTS);
                Err(match nearest(unknown, ALL_EVENTS) {
                    Some(near) => problem.with_near([near]),
                    None => problem,
                })
            }
        }
    }

    fn metric_names(&self) -> Result<Vec<Box<str>>, Problem> {
        let names: Vec<Box<str>> = self.all(METRIC_NAME).map(Box::from).collect();
        match names.len() {
            0 => return Err(wrong(METRIC_NAME, "missing")),
            1..=TERMS_MAX => {}
            _ => return Err(wrong(METRIC_NAME, format!("more than {TERMS_MAX} of them"))),
        }
        if names.iter().any(|name| name.is_empty() || name.len() > TEXT_BYTES_MAX) {
            return Err(wrong(METRIC_NAME, format!("empty, or longer than {TEXT_BYTES_MAX} bytes")));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(pairs: &[(&str, &str)]) -> Result<Watch, Problem> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Parameters::new(pairs).watch(TenantId::unnamed())
    }

    #[test]
    fn what_is_listened_to_is_what_is_named() {
        let all = watch(&[
            ("events", "ingest, metrics"),
            ("events", "logs,alerts"),
            ("metricName", "a"),
            ("metricName", "b"),
            ("severity", "warn"),
            ("attr[user]", "ann"),
        ])
        .unwrap();
        assert!(all.ingest && all.alerts && all.wants_metric("a") && !all.wants_metric("c"));
        assert_eq!(all.logs.unwrap().attributes.len(), 1);
        let nothing = Watch::nothing(TenantId::unnamed());
        assert_eq!(watch(&[("events", "ingest")]).unwrap(), Watch { ingest: true, ..nothing });
    }

    #[test]
    fn wrong_values_say_what_is_wrong() {
        for (pairs, detail) in [
            (vec![], "missing"),
            (vec![("events", ",")], "missing"),
            (vec![("events", "log")], "unknown event"),
            (vec![("events", "metrics")], "missing"),
            (vec![("events", "metrics"), ("metricName", "")], "empty, or longer than 1024 bytes"),
            (vec![("events", "ingest"), ("metricName", "a")], "unknown parameter"),
            (vec![("events", "ingest"), ("attr[a]", "b")], "unknown parameter"),
            (vec![("events", "logs"), ("severity", "loud")], "no severity"),
        ] {
            assert_eq!(watch(&pairs).unwrap_err().detail(), detail, "{pairs:?}");
        }
    }
}
