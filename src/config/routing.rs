//! Reads who is told of which alert: `[alerting.route]` with the routes below it, and `[[alerting.inhibit]]`.
//!
//! A key's path has the place of its table in it: `alerting.route.routes.0.receiver`. What matchers and trees have to look like is
//! checked where they are used.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Channel;
use super::reader::Reader;
use super::time_intervals::{self, TimeIntervals};
use super::written::Written;
use crate::shared::nearest::nearest;

pub(super) const ROOT: &str = "alerting.route";
const INHIBIT: &str = "alerting.inhibit";
/// In the tables of routes below the first.
const ROUTES: &str = "routes";

pub(super) const ROOT_KEYS: [&str; 5] =
    ["receiver", "group_by", "group_wait", "group_interval", "repeat_interval"];
pub(super) const ROUTE_KEYS: [&str; 9] = [
    "receiver",
    "matchers",
    "group_by",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "continue",
    "mute_time_intervals",
    "active_time_intervals",
];
pub(super) const INHIBIT_KEYS: [&str; 3] = ["source_matchers", "target_matchers", "equal"];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A route as it is written: what is absent is as the route above has it. The first one has a receiver.
#[derive(Debug, Clone)]
pub struct RouteSection {
    /// Where it stands, for messages: `alerting.route.routes.0`.
    pub place: String,
    /// A channel that there is.
    pub receiver: Option<String>,
    /// As written.
    pub matchers: Vec<String>,
    pub group_by: Option<Vec<String>>,
    /// 0 to 1 h.
    pub group_wait: Option<Duration>,
    /// 1 s to 1 day.
    pub group_interval: Option<Duration>,
    /// 1 min to 30 days.
    pub repeat_interval: Option<Duration>,
    pub after_match: AfterMatch,
    /// Names that there are; none at the first route.
    pub mute_time_intervals: Vec<String>,
    pub active_time_intervals: Vec<String>,
    pub routes: Vec<Self>,
}

/// Whether routes behind one that matched are tried, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterMatch {
    Stop,
    Continue,
}

/// Which alerts are not told of while others fire; matchers as written.
#[derive(Debug, Clone)]
pub struct Inhibit {
    /// Where it stands, for messages.
    pub place: String,
    pub source_matchers: Vec<String>,
    pub target_matchers: Vec<String>,
    pub equal: Vec<String>,
}

/// What stands at a path that holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    Table,
    Tables,
}

/// Absent if the path is none of a table of routing.
pub(super) fn nested(path: &str) -> Option<Nested> {
    match path {
        ROOT => Some(Nested::Table),
        INHIBIT => Some(Nested::Tables),
        _ => {
            let (place, name) = path.rsplit_once('.')?;
            let is_route = |keys: &[&str]| keys == ROOT_KEYS || keys == ROUTE_KEYS;
            let routes = (name == ROUTES && keys_at(place).is_some_and(is_route)).then_some(Nested::Tables);
            routes.or_else(|| time_intervals::nested(path))
        }
    }
}

/// The keys of the table at this place.
fn keys_at(place: &str) -> Option<&'static [&'static str]> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(keys) = time_intervals::keys_at(place) {
        return Some(keys);
    }
    if let Some(number) = place.strip_prefix(INHIBIT) {
        return number.strip_prefix('.').is_some_and(is_number).then_some(&INHIBIT_KEYS);
    }
    let below: Vec<&str> = place.strip_prefix(ROOT)?.split('.').collect();
    match &below[..] {
        [""] => Some(&ROOT_KEYS),
        ["", pairs @ ..] => {
            let (pairs, rest) = pairs.as_chunks::<2>();
            let fits =
                rest.is_empty() && pairs.iter().all(|[name, number]| *name == ROUTES && is_number(number));
            fits.then_some(&ROUTE_KEYS)
        }
        _ => None,
    }
}

pub(super) fn is_known(path: &str) -> bool {
    path.rsplit_once('.').and_then(|(place, key)| keys_at(place).map(|keys| keys.contains(&key)))
        == Some(true)
}

/// The key that an unknown one of a table of routing was probably meant to be.
pub(super) fn nearest_key(path: &str) -> Option<String> {
    let (place, key) = path.rsplit_once('.')?;
    let near = nearest(key, keys_at(place)?.iter().copied())?;
    Some(format!("{place}.{near}"))
}

/// The header of the table that a key's path without the key names: `[a]`, or `[[a]]` of one in a list.
pub(super) fn header(place: &str) -> String {
    match keys_at(place) {
        Some(keys) if keys != ROOT_KEYS => list_header(place),
        _ => format!("[{place}]"),
    }
}

/// The header of each table of a list.
pub(super) fn list_header(place: &str) -> String {
    let words: Vec<&str> =
        place.split('.').filter(|part| !part.starts_with(|c: char| c.is_ascii_digit())).collect();
    format!("[[{}]]", words.join("."))
}

/// What routes name.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) channels: &'a BTreeMap<String, Channel>,
    pub(super) time_intervals: &'a [TimeIntervals],
}

pub(super) fn route(reader: &mut Reader, known: Known<'_>) -> Option<RouteSection> {
    if !reader.is_any_written(ROOT) {
        return None;
    }
    let route = route_at(reader, ROOT, known);
    if route.receiver.is_none() {
        reader.refuse(&format!("{ROOT}.receiver"), &allowed_receivers(known.channels));
    }
    Some(route)
}

fn route_at(reader: &mut Reader, place: &str, known: Known<'_>) -> RouteSection {
    let key = |name: &str| format!("{place}.{name}");
    let group_by = key("group_by");
    let routes = key(ROUTES);
    RouteSection {
        place: place.to_owned(),
        receiver: receiver(reader, &key("receiver"), known.channels),
        matchers: texts(reader, &key("matchers")).unwrap_or_default(),
        group_by: texts(reader, &group_by),
        group_wait: duration(reader, &key("group_wait"), Duration::ZERO..=HOUR),
        group_interval: duration(reader, &key("group_interval"), SECOND..=DAY),
        repeat_interval: duration(reader, &key("repeat_interval"), MINUTE..=DAY * 30),
        after_match: after_match(reader, &key("continue")),
        mute_time_intervals: hours(reader, &key("mute_time_intervals"), known.time_intervals),
        active_time_intervals: hours(reader, &key("active_time_intervals"), known.time_intervals),
        routes: (0..reader.items(&routes))
            .map(|index| route_at(reader, &format!("{routes}.{index}"), known))
            .collect(),
    }
}

pub(super) fn inhibitions(reader: &mut Reader) -> Vec<Inhibit> {
    let places = (0..reader.items(INHIBIT)).map(|index| format!("{INHIBIT}.{index}"));
    places
        .map(|place| Inhibit {
            source_matchers: texts(reader, &format!("{place}.source_matchers")).unwrap_or_default(),
            target_matchers: texts(reader, &format!("{place}.target_matchers")).unwrap_or_default(),
            equal: texts(reader, &format!("{place}.equal")).unwrap_or_default(),
            place,
        })
        .collect()
}

fn receiver(reader: &mut Reader, path: &str, channels: &BTreeMap<String, Channel>) -> Option<String> {
    if !reader.is_written(path) {
        return None;
    }
    let name = reader.text(path);
    if !name.is_empty() && !channels.contains_key(&name) {
        reader.refuse(path, &allowed_receivers(channels));
    }
    Some(name)
}

fn allowed_receivers(channels: &BTreeMap<String, Channel>) -> String {
    match channels.is_empty() {
        true => "allowed: the name of a channel, of which there is none ([channels.NAME])".to_owned(),
        false => {
            let names: Vec<&str> = channels.keys().map(String::as_str).collect();
            format!("allowed: the name of a channel: {}", names.join(", "))
        }
    }
}

/// Names of time intervals.
fn hours(reader: &mut Reader, path: &str, known: &[TimeIntervals]) -> Vec<String> {
    let is_known = |name: &str| known.iter().any(|one| one.name == name).then(|| name.to_owned());
    reader.list(path, "allowed: names of [[alerting.time_intervals]]", is_known)
}

pub(super) fn texts(reader: &mut Reader, path: &str) -> Option<Vec<String>> {
    reader.is_written(path).then(|| {
        reader.list(path, "allowed: a list of texts", |text| (!text.is_empty()).then(|| text.to_owned()))
    })
}

fn duration(reader: &mut Reader, path: &str, bounds: std::ops::RangeInclusive<Duration>) -> Option<Duration> {
    reader.is_written(path).then(|| reader.duration(path, bounds))
}

fn after_match(reader: &mut Reader, path: &str) -> AfterMatch {
    if !reader.is_written(path) {
        return AfterMatch::Stop;
    }
    reader.read(path, AfterMatch::Stop, |written| match written {
        Written::Foreign(text) | Written::Bare(text) if text == "true" => Ok(AfterMatch::Continue),
        Written::Foreign(text) | Written::Bare(text) if text == "false" => Ok(AfterMatch::Stop),
        _ => Err("allowed: true or false".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    const CHANNELS: &str = "[channels.ops]\nkind = 'slack'\nurl = 'https://h/x'\n\
        [channels.page]\nkind = 'slack'\nurl = 'https://h/y'\n";

    fn load(routing: &str) -> Result<Settings, String> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), format!("{CHANNELS}{routing}")).unwrap();
        let name = file.path().display().to_string();
        Settings::load(Some(file.path()), std::iter::empty())
            .map_err(|errors| errors.to_string().replace(&name, "FILE"))
    }

    const TREE: &str = "[alerting.route]\nreceiver = 'ops'\ngroup_by = ['...']\ngroup_wait = '10s'\n\
        [[alerting.route.routes]]\nmatchers = ['team=\"db\"', 'severity=~\"E.*\"']\ncontinue = true\n\
        [[alerting.route.routes.routes]]\nreceiver = 'page'\nrepeat_interval = '1h'\n\
        [[alerting.route.routes]]\nmatchers = []\ngroup_interval = '1m'\n\
        [[alerting.inhibit]]\nsource_matchers = ['a=b']\ntarget_matchers = ['c=d']\nequal = ['host']\n";

    #[test]
    fn a_tree_of_routes_arrives_and_reads_back() {
        let settings = load(TREE).unwrap();
        let root = settings.alerting.route.as_ref().unwrap();
        assert_eq!((root.receiver.as_deref(), root.group_wait), (Some("ops"), Some(SECOND * 10)));
        assert_eq!(root.group_by.as_deref(), Some(&["...".to_owned()][..]));
        let [first, second] = &root.routes[..] else { panic!("two routes: {root:?}") };
        assert_eq!(first.matchers, ["team=\"db\"", "severity=~\"E.*\""]);
        assert_eq!((first.after_match, second.after_match), (AfterMatch::Continue, AfterMatch::Stop));
        assert_eq!(first.routes[0].place, "alerting.route.routes.0.routes.0");
        assert_eq!(first.routes[0].repeat_interval, Some(HOUR));
        assert_eq!(second.group_interval, Some(MINUTE));
        let inhibit = &settings.alerting.inhibit[0];
        assert_eq!(
            (&inhibit.source_matchers[..], &inhibit.equal[..]),
            (&["a=b".into()][..], &["host".into()][..])
        );
        let shown = settings.to_string();
        let routing = shown.split("[[alerting").next().unwrap().len();
        assert!(shown[routing..].contains("[[alerting.route.routes.routes]]"), "{shown}");
        let with_urls = shown
            .replace("(hidden)", "https://h/x")
            .split("\n\n")
            .filter(|section| !section.starts_with("[channels."))
            .collect::<Vec<_>>()
            .join("\n\n");
        let again = load(&with_urls).unwrap();
        assert_eq!(again.to_string(), shown);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
        for (routing, expected) in [
            (
                "[alerting.route]\ngroup_wait = '1s'",
                "alerting.route.receiver is missing; allowed: the name of a channel: ops, page",
            ),
            (
                "[alerting.route]\nreceiver = 'opps'",
                "FILE:8: alerting.route.receiver = \"opps\": allowed: the name of a channel: ops, page",
            ),
            (
                "[alerting.route]\nreceivr = 'ops'",
                "FILE:8: unknown key alerting.route.receivr; did you mean alerting.route.receiver?",
            ),
            (
                "[alerting.route]\nreceiver = 'ops'\nmatchers = ['a=b']",
                "FILE:9: unknown key alerting.route.matchers",
            ),
            (
                "[alerting.route]\nreceiver = 'ops'\ngroup_wait = '2h'",
                "FILE:9: alerting.route.group_wait = \"2h\": allowed: a duration from 0s to 1h",
            ),
            (
                "[alerting.route]\nreceiver = 'ops'\n[[alerting.route.routes]]\ncontinue = 1",
                "FILE:10: alerting.route.routes.0.continue = 1: allowed: true or false",
            ),
            (
                "[alerting.route]\nreceiver = 'ops'\n[alerting.route.routes]\nx = 1",
                "FILE:9: unknown key alerting.route.routes; did you mean [[alerting.route.routes]]?",
            ),
            ("[alerting]\nroute = 1", "FILE:8: unknown key alerting.route; did you mean [alerting.route]?"),
            (
                "[[alerting.inhibit]]\nsource_matchers = 'a=b'",
                "FILE:8: alerting.inhibit.0.source_matchers = \"a=b\": allowed: a list of texts",
            ),
            ("[[alerting.inhibit]]\nsource = ['a=b']", "FILE:8: unknown key alerting.inhibit.0.source"),
        ] {
            let error = load(routing).unwrap_err();
            assert!(error.contains(expected), "{routing}:\n{error}\n{expected}");
        }
    }
}
