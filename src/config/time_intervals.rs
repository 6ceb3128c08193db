//! Reads `[[alerting.time_intervals]]`: hours that routes name, as Alertmanager's configuration writes them.
//!
//! What days, times and zones have to look like is checked where they are used.

use super::reader::{Reader, text_of};
use super::routing::{Nested, texts};

pub(super) const NAMED: &str = "alerting.time_intervals";
/// In the tables of names.
const INTERVALS: &str = "time_intervals";
/// In the tables of intervals.
const TIMES: &str = "times";

pub(super) const NAMED_KEYS: [&str; 1] = ["name"];
pub(super) const INTERVAL_KEYS: [&str; 5] = ["weekdays", "days_of_month", "months", "years", "location"];
pub(super) const TIME_KEYS: [&str; 2] = ["start_time", "end_time"];

const NAME_ALLOWED: &str = "allowed: a name of 1 to 64 characters that no other has";
const NAME_CHARS_MAX: usize = 64;

/// Hours under a name; as written.
#[derive(Debug, Clone)]
pub struct TimeIntervals {
    /// Where it stands, for messages: `alerting.time_intervals.0`.
    pub place: String,
    /// Used once.
    pub name: String,
    pub intervals: Vec<TimeInterval>,
}

#[derive(Debug, Clone)]
pub struct TimeInterval {
    /// Where it stands, for messages.
    pub place: String,
    /// Beginnings and ends.
    pub times: Vec<[String; 2]>,
    pub weekdays: Vec<String>,
    pub days_of_month: Vec<String>,
    pub months: Vec<String>,
    pub years: Vec<String>,
    pub location: Option<String>,
}

/// As [`super::routing::nested`].
pub(super) fn nested(path: &str) -> Option<Nested> {
    let (place, name) = path.rsplit_once('.')?;
    let inner = match keys_at(place) {
        Some([]) | None => None,
        Some(keys) if keys == NAMED_KEYS => Some(INTERVALS),
        Some(keys) if keys == INTERVAL_KEYS => Some(TIMES),
        Some(_) => None,
    };
    (path == NAMED || inner == Some(name)).then_some(Nested::Tables)
}

/// The keys of the table at this place.
pub(super) fn keys_at(place: &str) -> Option<&'static [&'static str]> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let below: Vec<&str> = place.strip_prefix(NAMED)?.split('.').collect();
    let keys: (&[&str], &'static [&'static str]) = match &below[..] {
        ["", number] => (&[*number], &NAMED_KEYS),
        ["", number, INTERVALS, interval] => (&[*number, *interval], &INTERVAL_KEYS),
        ["", number, INTERVALS, interval, TIMES, time] => (&[*number, *interval, *time], &TIME_KEYS),
        _ => return None,
    };
    keys.0.iter().all(|number| is_number(number)).then_some(keys.1)
}

pub(super) fn read(reader: &mut Reader) -> Vec<TimeIntervals> {
    let mut all: Vec<TimeIntervals> = Vec::new();
    for index in 0..reader.items(NAMED) {
        let place = format!("{NAMED}.{index}");
        let key = format!("{place}.name");
        let is_free = |name: &&str| all.iter().all(|other| other.name != *name);
        let fits = |name: &&str| (1..=NAME_CHARS_MAX).contains(&name.chars().count());
        let name = reader.read(&key, String::new(), |written| {
            let name = text_of(written).filter(fits).filter(is_free);
            name.map(str::to_owned).ok_or_else(|| NAME_ALLOWED.to_owned())
        });
        let intervals = format!("{place}.{INTERVALS}");
        let intervals = (0..reader.items(&intervals))
            .map(|index| interval(reader, format!("{intervals}.{index}")))
            .collect();
        all.push(TimeIntervals { place, name, intervals });
    }
    all
}

fn interval(reader: &mut Reader, place: String) -> TimeInterval {
    let mut list = |name: &str| texts(reader, &format!("{place}.{name}")).unwrap_or_default();
    let [weekdays, days_of_month] = [list("weekdays"), list("days_of_month")];
    let [months, years] = [list("months"), list("years")];
    let times = format!("{place}.{TIMES}");
    let times = (0..reader.items(&times))
        .map(|index| TIME_KEYS.map(|key| reader.text(&format!("{times}.{index}.{key}"))))
        .collect();
    let location = format!("{place}.location");
    let location = reader.is_written(&location).then(|| reader.text(&location));
    TimeInterval { place, times, weekdays, days_of_month, months, years, location }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;

    fn load(text: &str) -> Result<Settings, String> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), format!("[channels.ops]\nkind = 'slack'\nurl = 'https://h/x'\n{text}"))
            .unwrap();
        let name = file.path().display().to_string();
        Settings::load(Some(file.path()), std::iter::empty())
            .map_err(|errors| errors.to_string().replace(&name, "FILE"))
    }

    const OFFICE: &str = "[[alerting.time_intervals]]\nname = 'office'\n\
        [[alerting.time_intervals.time_intervals]]\nweekdays = ['monday:friday']\nlocation = 'Europe/Berlin'\n\
        times = [{start_time = '09:00', end_time = '12:00'}, {start_time = '13:00', end_time = '17:00'}]\n\
        [[alerting.time_intervals.time_intervals]]\ndays_of_month = ['-1']\nmonths = ['12']\nyears = ['2030']\n";
    const ROUTES: &str = "[alerting.route]\nreceiver = 'ops'\n[[alerting.route.routes]]\n\
        mute_time_intervals = ['office']\n[[alerting.route.routes]]\nactive_time_intervals = ['office']\n";

    #[test]
    fn hours_and_the_routes_that_name_them_arrive_and_read_back() {
        let settings = load(&format!("{OFFICE}{ROUTES}")).unwrap();
        let [office] = &settings.alerting.time_intervals[..] else { panic!("one") };
        let [first, second] = &office.intervals[..] else { panic!("two intervals: {office:?}") };
        assert_eq!((office.name.as_str(), first.times.len()), ("office", 2));
        assert_eq!(first.times[1], ["13:00", "17:00"]);
        assert_eq!(
            (&first.weekdays[0][..], first.location.as_deref()),
            ("monday:friday", Some("Europe/Berlin"))
        );
        assert_eq!([&second.days_of_month[0], &second.months[0], &second.years[0]], ["-1", "12", "2030"]);
        let routes = &settings.alerting.route.as_ref().unwrap().routes;
        assert_eq!(routes[0].mute_time_intervals, ["office"]);
        assert_eq!(routes[1].active_time_intervals, ["office"]);
        let shown = settings.to_string();
        let with_urls = shown
            .split("\n\n")
            .filter(|section| !section.starts_with("[channels."))
            .collect::<Vec<_>>()
            .join("\n\n");
        assert_eq!(load(&with_urls).unwrap().to_string(), shown);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
        for (text, expected) in [
            (
                "[[alerting.time_intervals]]\nnam = 'x'",
                "FILE:5: unknown key alerting.time_intervals.0.nam; did you mean alerting.time_intervals.0.name?",
            ),
            (
                "[[alerting.time_intervals]]\nname = 'x'\ntime_intervals = 1",
                "unknown key alerting.time_intervals.0.time_intervals; did you mean \
                 [[alerting.time_intervals.time_intervals]]?",
            ),
            (
                "[[alerting.time_intervals]]\nname = 'x'\n[[alerting.time_intervals.time_intervals]]\nmute = []",
                "FILE:7: unknown key alerting.time_intervals.0.time_intervals.0.mute",
            ),
            (
                "[[alerting.time_intervals]]\nname = 'x'\n[[alerting.time_intervals.time_intervals]]\n\
                 times = [{start_time = '09:00'}]",
                "alerting.time_intervals.0.time_intervals.0.times.0.end_time is missing",
            ),
            (
                "[[alerting.time_intervals]]\nname = 'x'\n[[alerting.time_intervals]]\nname = 'x'",
                "FILE:7: alerting.time_intervals.1.name = \"x\": allowed: a name of 1 to 64 characters",
            ),
            (
                "[alerting.route]\nreceiver = 'ops'\n[[alerting.route.routes]]\nmute_time_intervals = ['x']",
                "\"x\" is not right; allowed: names of [[alerting.time_intervals]]",
            ),
            (
                "[alerting.route]\nreceiver = 'ops'\nmute_time_intervals = ['x']",
                "FILE:6: unknown key alerting.route.mute_time_intervals",
            ),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(expected), "{text}:\n{error}\n{expected}");
        }
    }
}
