//! `TimeInterval`: hours of days, as Alertmanager's `time_intervals` write them: 9 to 5 from Monday to Friday, in Berlin.

use std::fmt;
use std::sync::Arc;

use crate::shared::Timestamp;

/// Most intervals of one name, and most entries of each of their lists.
pub const INTERVALS_MAX: usize = 100;

/// From Sunday on, as they are counted.
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS_MAX: i32 = 31;
const MINUTES_OF_DAY: i32 = 24 * 60;
const YEARS: [i32; 2] = [1, 9_999];

/// Port: a place's own time.
pub trait Zone: fmt::Debug + Send + Sync {
    fn local(&self, at: Timestamp) -> LocalTime;
}

/// What a clock and a calendar on the wall say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    pub year: i32,
    /// 1 to 12.
    pub month: i32,
    /// From 1 on.
    pub day: i32,
    pub days_in_month: i32,
    /// 0 is Sunday.
    pub weekday: i32,
    /// Since midnight, as the clock shows it.
    pub minute: i32,
}

/// An interval as it is written. A list that is empty holds always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntervalWords {
    /// Beginnings and ends, `09:00` to `17:00`.
    pub times: Vec<[String; 2]>,
    pub weekdays: Vec<String>,
    pub days_of_month: Vec<String>,
    pub months: Vec<String>,
    pub years: Vec<String>,
    /// The name of the zone; absent: UTC.
    pub location: Option<String>,
}

/// Hours that belong together: all of its lists hold, each by one of its entries.
#[derive(Debug, Clone)]
pub struct TimeInterval {
    /// In minutes; the end is not in it.
    times: Vec<[i32; 2]>,
    /// First and last, as those below.
    weekdays: Vec<[i32; 2]>,
    /// Negative ones count from the end of the month.
    days_of_month: Vec<[i32; 2]>,
    months: Vec<[i32; 2]>,
    years: Vec<[i32; 2]>,
    zone: Arc<dyn Zone>,
    words: IntervalWords,
}

/// Intervals under the name by which routes know them.
#[derive(Debug)]
pub struct TimeIntervals {
    pub name: Box<str>,
    pub intervals: Vec<TimeInterval>,
}

/// What is wrong with which entry of which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{list}[{place}]: {cause}")]
pub struct IntervalError {
    pub list: &'static str,
    pub place: usize,
    pub cause: IntervalFault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntervalFault {
    #[error("expected a start and a later end from 00:00 to 24:00, each with two digits")]
    Time,
    #[error(
        "expected a day of the week like monday, or two like monday:friday, the week beginning on sunday"
    )]
    Weekday,
    #[error(
        "expected a day from 1 to 31, from -31 to -1 counted from the end of the month, or two like 1:15"
    )]
    DayOfMonth,
    #[error("expected a month like january or 1, or two like january:march")]
    Month,
    #[error("expected a year like 2027, or two like 2027:2029")]
    Year,
    #[error("there are at most {INTERVALS_MAX}")]
    TooMany,
}

impl TimeInterval {
    pub fn new(words: IntervalWords, zone: Arc<dyn Zone>) -> Result<Self, IntervalError> {
        Ok(Self {
            times: parsed("times", &words.times, IntervalFault::Time, |[start, end]| {
                let times = [minutes(start)?, minutes(end)?];
                (times[0] < times[1]).then_some(times)
            })?,
            weekdays: parsed("weekdays", &words.weekdays, IntervalFault::Weekday, |text| {
                pair(text, |day| position(&WEEKDAYS, day)).filter(in_order)
            })?,
            days_of_month: parsed(
                "days_of_month",
                &words.days_of_month,
                IntervalFault::DayOfMonth,
                |text| pair(text, day_of_month).filter(days_in_order),
            )?,
            months: parsed("months", &words.months, IntervalFault::Month, |text| {
                pair(text, month).filter(in_order)
            })?,
            years: parsed("years", &words.years, IntervalFault::Year, |text| {
                pair(text, |year| number(year, YEARS)).filter(in_order)
            })?,
            zone,
            words,
        })
    }

    pub fn holds(&self, at: Timestamp) -> bool {
        let now = self.zone.local(at);
        let one_of =
            |list: &[[i32; 2]], holds: &dyn Fn(&[i32; 2]) -> bool| list.is_empty() || list.iter().any(holds);
        let within = |value: i32| move |[first, last]: &[i32; 2]| (*first..=*last).contains(&value);
        let day = |[first, last]: &[i32; 2]| {
            let of_month = |day: i32| if day < 0 { now.days_in_month + 1 + day } else { day };
            (of_month(*first)..=of_month(*last)).contains(&now.day)
        };
        one_of(&self.times, &|[start, end]| (*start..*end).contains(&now.minute))
            && one_of(&self.weekdays, &within(now.weekday))
            && one_of(&self.days_of_month, &day)
            && one_of(&self.months, &within(now.month))
            && one_of(&self.years, &within(now.year))
    }

    /// As it was written.
    pub const fn words(&self) -> &IntervalWords {
        &self.words
    }
}

impl TimeIntervals {
    pub fn hold(&self, at: Timestamp) -> bool {
        self.intervals.iter().any(|interval| interval.holds(at))
    }
}

/// Names are used once.
impl PartialEq for TimeIntervals {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TimeIntervals {}

fn parsed<T>(
    list: &'static str,
    texts: &[T],
    fault: IntervalFault,
    parse: impl Fn(&T) -> Option<[i32; 2]>,
) -> Result<Vec<[i32; 2]>, IntervalError> {
    if texts.len() > INTERVALS_MAX {
        return Err(IntervalError { list, place: INTERVALS_MAX, cause: IntervalFault::TooMany });
    }
    let wrong = |place| IntervalError { list, place, cause: fault };
    texts.iter().enumerate().map(|(place, text)| parse(text).ok_or_else(|| wrong(place))).collect()
}

/// One, or two with a colon between them.
fn pair(text: &str, parse: impl Fn(&str) -> Option<i32>) -> Option<[i32; 2]> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some([parse(first.trim())?, parse(last.trim())?])
}

const fn in_order([first, last]: &[i32; 2]) -> bool {
    *first <= *last
}

/// In the longest month, at least.
const fn days_in_order([first, last]: &[i32; 2]) -> bool {
    let from_the_end = *first < 0 && *last > 0;
    let [first, last] = [
        if *first < 0 { *first + DAYS_MAX + 1 } else { *first },
        if *last < 0 { *last + DAYS_MAX + 1 } else { *last },
    ];
    !from_the_end && first <= last
}

fn number(text: &str, [least, most]: [i32; 2]) -> Option<i32> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

fn position(names: &[&str], text: &str) -> Option<i32> {
    let place = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    i32::try_from(place).ok()
}

fn month(text: &str) -> Option<i32> {
    position(&MONTHS, text).map(|place| place + 1).or_else(|| number(text, [1, 12]))
}

fn day_of_month(text: &str) -> Option<i32> {
    number(text, [-DAYS_MAX, DAYS_MAX]).filter(|day| *day != 0)
}

/// `HH:MM`, up to `24:00`.
fn minutes(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let of_day = number(hours, [0, 24])? * 60 + number(minutes, [0, 59])?;
    (of_day <= MINUTES_OF_DAY).then_some(of_day)
}

#[cfg(test)]
mod tests;
