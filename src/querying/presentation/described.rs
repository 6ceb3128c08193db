//! What each parameter of a query string means and looks like, for the document of the API. The tables of names are those that
//! query strings are parsed with.

use std::borrow::Cow;

use crate::platform::http::openapi::{Form, Parameter};
use crate::querying::domain::{Aggregation, Fill, OrderBy, Severity, SpanStatus};

use super::parameters::{
    ATTRIBUTES, CACHE, CURSOR, END, FILTER, GROUP_BY, INTERVAL, INTERVAL_DEFAULT, LIMIT, METRIC_NAME, Names,
    SEARCH, SERVICE_NAME, START, TEXT_BYTES_MAX,
};
use super::search_parameters::{
    AFTER, BEFORE, CONTEXT_DEFAULT, CONTEXT_MAX, ORDER, RESOURCE, ROWS_DEFAULT, ROWS_MAX, SERVICE, SEVERITY,
    SPAN_ID, TEXT, TIME, TRACE_ID,
};
use super::series_parameters::LABEL;
use super::stream_parameters::{ALL_EVENTS, EVENTS};
use super::time_series_parameters::{AGGREGATION, FILL, MAX_DATA_POINTS, ORDER_BY, POINTS_DEFAULT, QUANTILE};
use super::trace_parameters::{DURATION_MAX, DURATION_MIN, FORMAT, OPERATION, STATUS};

const fn text(example: &'static str) -> Form {
    Form::Text { bytes_max: TEXT_BYTES_MAX, example }
}

fn choice(values: &[&'static str], default: &'static str) -> Form {
    Form::Choice { values: owned(values), default: Some(default) }
}

fn owned(values: &[&'static str]) -> Vec<Cow<'static, str>> {
    values.iter().map(|value| Cow::Borrowed(*value)).collect()
}

const fn count(default: usize, max: usize) -> Form {
    Form::Count { default, max: Some(max) }
}

/// Every parameter that some route has. What differs from route to route stands there (`operations.rs`).
fn every() -> Vec<(Names, &'static str, Form)> {
    let aggregations = Aggregation::NAMED.iter().map(|(name, _)| (*name).into());
    let aggregations = aggregations.chain(["quantile".into()]).collect();
    let fills = Fill::NAMED.iter().map(|(name, _)| (*name).into()).collect();
    let orders =
        OrderBy::NAMED.iter().flat_map(|(name, _)| [(*name).into(), format!("-{name}").into()]).collect();
    vec![
        (METRIC_NAME, "The metric's exact name.", text("room.temperature")),
        (SERVICE_NAME, "Only of this service.", text("shop")),
        (SERVICE, "Only of this service.", text("shop")),
        (
            START,
            "The first moment: RFC 3339, unix time in s, ms, us or ns, or `now-15m`. Without it an hour before the end.",
            text("now-15m"),
        ),
        (END, "The moment behind the last one, in the same forms. Without it now.", text("now")),
        (
            INTERVAL,
            "Width of a bucket, `5m` unless said otherwise; `auto` follows from the range and the metric. Buckets begin at its multiples.",
            text(INTERVAL_DEFAULT),
        ),
        (
            AGGREGATION,
            "What is computed in each bucket.",
            Form::Choice { values: aggregations, default: Some("avg") },
        ),
        (QUANTILE, "The part of the values that lies below, from 0 to 1.", text("0.999")),
        (
            FILL,
            "What stands where there are no points.",
            Form::Choice { values: fills, default: Some("null") },
        ),
        (
            ORDER_BY,
            "By which series are ranked; a minus in front means the highest first.",
            Form::Choice { values: orders, default: Some("-max") },
        ),
        (
            MAX_DATA_POINTS,
            "With `interval=auto`: most buckets.",
            Form::Count { default: POINTS_DEFAULT, max: None },
        ),
        (LABEL, "The label's name.", text("room")),
        (GROUP_BY, "Labels, separated by commas. Without it all series become one.", text("room")),
        (
            FILTER,
            "Terms on labels, joined by `and`: `=`, `!=`, `=~`, `!~`, `in (...)`, `exists`.",
            text("room =~ \"k.*\" and floor in (\"1\", \"2\")"),
        ),
        (LIMIT, "Most rows of the answer.", count(ROWS_DEFAULT, ROWS_MAX)),
        (CACHE, "`bypass` reads the store.", choice(&["auto", "bypass"], "auto")),
        (SEARCH, "Part of the name.", text("room")),
        (CURSOR, "`next` of the page before.", text("")),
        (
            SEVERITY,
            "At least as severe: a number from 0 to 24, or `trace`, `debug`, `info`, `warn`, `error`, `fatal` (with 2 to 4 behind it).",
            text(Severity::CLASSES[3]),
        ),
        (TEXT, "Part of the body, in this case.", text("late")),
        (TRACE_ID, "Of this trace.", Form::Hexadecimal { digits: 32 }),
        (SPAN_ID, "Of this span.", Form::Hexadecimal { digits: 16 }),
        (ORDER, "`desc` is the newest first.", choice(&["desc", "asc"], "desc")),
        (TIME, "The moment, in the same forms as `startTime`.", text("now-15m")),
        (BEFORE, "Most records before the moment.", count(CONTEXT_DEFAULT, CONTEXT_MAX)),
        (AFTER, "Most records at the moment and after it.", count(CONTEXT_DEFAULT, CONTEXT_MAX)),
        (OPERATION, "Exact name of the span.", text("GET /cart")),
        (DURATION_MIN, "The span takes at least so long.", text("250ms")),
        (DURATION_MAX, "The span takes at most so long.", text("2s")),
        (STATUS, "The span's status.", Form::Choice { values: owned(&SpanStatus::NAMES), default: None }),
        (FORMAT, "`otlp` is what an exporter would send.", choice(&["json", "otlp"], "json")),
        (
            EVENTS,
            "What to listen to, separated by commas.",
            Form::Choice { values: owned(&ALL_EVENTS), default: None },
        ),
    ]
}

/// The parameters of a route, out of the tables that its query string is parsed with. What nobody describes has no
/// description, which a test finds.
pub(super) fn described(names: &[Names], maps: &[&'static str]) -> Vec<Parameter> {
    let every = every();
    let described = names.iter().map(|names| match every.iter().find(|(known, ..)| known == names) {
        Some((known, about, form)) => Parameter::new(known, *about, form.clone()),
        None => Parameter::new(names, "", text("")),
    });
    described.chain(maps.iter().map(|map| map_parameter(map))).collect()
}

fn map_parameter(map: &'static str) -> Parameter {
    let about = match map {
        ATTRIBUTES => "`attr[key]=value`: has this attribute. One that is missing counts as the empty text.",
        RESOURCE => "`resource[key]=value`: its resource has this attribute.",
        _ => "",
    };
    Parameter {
        names: vec![map].into(),
        ..Parameter::new(&[], about, Form::Map { bytes_max: TEXT_BYTES_MAX })
    }
}
