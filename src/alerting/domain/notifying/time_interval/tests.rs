//! When intervals hold, and what is no interval.

use super::*;
use crate::alerting::domain::notifying::fixtures::{LocalClock, seconds};

/// Thursday, the 31st of January 2030, 12:00.
const NOON: LocalTime =
    LocalTime { year: 2030, month: 1, day: 31, days_in_month: 31, weekday: 4, minute: 12 * 60 };

fn words(change: impl FnOnce(&mut IntervalWords)) -> IntervalWords {
    let mut words = IntervalWords::default();
    change(&mut words);
    words
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn times(list: &[[&str; 2]]) -> Vec<[String; 2]> {
    list.iter().map(|pair| pair.map(str::to_owned)).collect()
}

fn holds(words: IntervalWords, now: LocalTime) -> bool {
    let interval = TimeInterval::new(words, Arc::new(LocalClock(now))).unwrap();
    interval.holds(Timestamp::EPOCH.plus(seconds(1)))
}

#[test]
fn the_end_of_a_time_is_not_in_it() {
    let day = |minute| LocalTime { minute, ..NOON };
    let office = || words(|words| words.times = times(&[["09:00", "17:00"], ["23:30", "24:00"]]));
    for (minute, expected) in [
        (9 * 60 - 1, false),
        (9 * 60, true),
        (17 * 60 - 1, true),
        (17 * 60, false),
        (23 * 60 + 30, true),
        (24 * 60 - 1, true),
    ] {
        assert_eq!(holds(office(), day(minute)), expected, "{minute}");
    }
}

#[test]
fn days_months_and_years_are_single_ones_or_first_and_last() {
    let weekday = |list: &[&str]| holds(words(|words| words.weekdays = texts(list)), NOON);
    assert!(
        weekday(&["thursday"]) && weekday(&["monday:Friday"]) && weekday(&["sunday", "thursday:saturday"])
    );
    assert!(!weekday(&["friday", "sunday:wednesday"]));
    let month = |list: &[&str]| holds(words(|words| words.months = texts(list)), NOON);
    assert!(
        month(&["january"]) && month(&["1:3"]) && month(&["december", "January:May"]) && !month(&["2:12"])
    );
    let year = |list: &[&str]| holds(words(|words| words.years = texts(list)), NOON);
    assert!(year(&["2030"]) && year(&["2020:2030"]) && !year(&["2029", "2031:2040"]));
}

#[test]
fn negative_days_count_from_the_end_of_the_month() {
    let on = |list: &[&str], day, days_in_month| {
        let now = LocalTime { day, days_in_month, ..NOON };
        holds(words(|words| words.days_of_month = texts(list)), now)
    };
    assert!(on(&["-1"], 31, 31) && on(&["-1"], 28, 28) && !on(&["-1"], 30, 31));
    assert!(on(&["-3:-1"], 26, 28) && !on(&["-3:-1"], 25, 28));
    assert!(on(&["1:5", "20:-1"], 20, 30) && on(&["20:-1"], 30, 30) && !on(&["1:5", "20:-1"], 6, 30));
    assert!(!on(&["31"], 30, 30) && on(&["1:31"], 30, 30));
}

#[test]
fn all_lists_have_to_hold_and_one_without_lists_always_does() {
    assert!(holds(IntervalWords::default(), NOON));
    let both = |weekday: &str| {
        words(|words| {
            words.weekdays = texts(&[weekday]);
            words.times = times(&[["09:00", "17:00"]]);
        })
    };
    assert!(holds(both("thursday"), NOON) && !holds(both("friday"), NOON));
    assert!(!holds(both("thursday"), LocalTime { minute: 0, ..NOON }));
}

#[test]
fn what_is_wrong_is_named_with_its_list_and_place() {
    use IntervalFault::{DayOfMonth, Month, Time, TooMany, Weekday, Year};
    let fault = |words: IntervalWords| {
        let error = TimeInterval::new(words, Arc::new(LocalClock(NOON))).unwrap_err();
        (error.list, error.place, error.cause)
    };
    for wrong in [["17:00", "09:00"], ["09:00", "09:00"], ["9:00", "10:00"], ["09:00", "24:01"], ["", "x"]] {
        assert_eq!(fault(words(|words| words.times = times(&[wrong]))), ("times", 0, Time), "{wrong:?}");
    }
    for wrong in ["munday", "friday:monday", "", "monday:", "1"] {
        let days = words(|words| words.weekdays = texts(&["monday", wrong]));
        assert_eq!(fault(days), ("weekdays", 1, Weekday), "{wrong}");
    }
    for wrong in ["0", "32", "-32", "5:1", "-1:1", "-1:-3", "-1:20", "x"] {
        let days = words(|words| words.days_of_month = texts(&[wrong]));
        assert_eq!(fault(days), ("days_of_month", 0, DayOfMonth), "{wrong}");
    }
    for wrong in ["13", "0", "may:march", "x"] {
        assert_eq!(fault(words(|words| words.months = texts(&[wrong]))), ("months", 0, Month), "{wrong}");
    }
    for wrong in ["0", "2030:2029", "10000", "x"] {
        assert_eq!(fault(words(|words| words.years = texts(&[wrong]))), ("years", 0, Year), "{wrong}");
    }
    let many = words(|words| words.years = texts(&["2030"; INTERVALS_MAX + 1]));
    assert_eq!(fault(many), ("years", INTERVALS_MAX, TooMany));
}
