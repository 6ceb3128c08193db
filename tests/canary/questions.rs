//! Random requests: every route with parameters of its own and of others, and values that are right, foreign or hostile.

use fastrand::Rng;
use serde_json::{Value, json};
use telemetryflow::querying::PATHS;

use super::scene::{SHARED, SHARED_METRICS, SHARED_TRACE, Side};
use super::support::encoded;
use super::support::hostile::HOSTILE;
use super::support::otlp::{MINUTE, moment};

/// Of so many requests one has a parameter that it does not know, and of so many values one is hostile.
const UNKNOWN_ONE_IN: usize = 40;
const HOSTILE_ONE_IN: usize = 12;
/// Of so many requests for metrics one names none.
const CATALOGUE_ONE_IN: usize = 4;
/// Of so many requests that no cache answers one is made.
const UNCACHED_ONE_IN: usize = 6;

const SERIES: &[&str] =
    &["metricName", "serviceName", "filter", "attr", "startTime", "endTime", "limit", "cursor"];
const LOG_FILTER: &[&str] = &["service", "severity", "text", "traceId", "spanId", "attr", "resource"];

/// What a route knows, and of these what is always said.
struct Route {
    known: Vec<&'static str>,
    needed: &'static [&'static str],
}

/// The only one that is posted to.
const METRICS_QUERY: &str = "/api/v2/metrics/query";
/// `/api/v2/metrics` without a name.
const CATALOGUE: &[&str] = &["search", "serviceName", "limit", "cursor", "cache"];

fn route(path: &str) -> Route {
    let with = |lists: &[&[&'static str]], needed| Route { known: lists.concat(), needed };
    match path.strip_prefix("/api/v2/").unwrap_or(path) {
        "metrics" => with(
            &[
                SERIES,
                &["aggregation", "aggregation", "groupBy", "groupBy", "interval", "quantile"],
                &["maxDataPoints", "fill", "orderBy", "format", "cache"],
            ],
            &["metricName"],
        ),
        // What is asked for stands in the body.
        "metrics/query" => with(&[], &[]),
        "metrics/metadata" => with(&[&["cache"]], &["metricName"]),
        "metrics/labels" => with(&[SERIES, &["search", "cache"]], &[]),
        "metrics/labels/values" => with(&[SERIES, &["search", "cache"]], &["label"]),
        "metrics/cardinality" => with(&[SERIES, &["cache"]], &[]),
        "metrics/series" | "metrics/exemplars" => with(&[SERIES], &["metricName"]),
        "logs" => with(&[LOG_FILTER, &["startTime", "endTime", "limit", "order", "cursor"]], &[]),
        "logs/histogram" => with(&[LOG_FILTER, &["startTime", "endTime", "interval"]], &[]),
        "logs/context" => with(&[&["before", "after", "service", "resource"]], &["time"]),
        "logs/tail" => with(&[LOG_FILTER], &[]),
        "stream" => with(&[LOG_FILTER], &["events", "metricName"]),
        "traces" => with(
            &[
                &["startTime", "endTime", "service", "operation", "minDuration", "maxDuration", "status"],
                &["attr", "limit", "cursor"],
            ],
            &[],
        ),
        "traces/{id}" => with(&[&["format"]], &[]),
        "services" => with(&[&["startTime", "endTime", "service", "limit"]], &[]),
        "services/{name}/operations" | "service-map" => with(&[&["startTime", "endTime", "limit"]], &[]),
        unknown => panic!("a route that nobody asks for: {unknown}"),
    }
}

/// A request of one side.
pub struct Asked {
    /// As [`PATHS`] has it.
    pub path: &'static str,
    pub path_and_query: String,
    /// Of a question that is posted.
    pub body: Option<String>,
}

impl Asked {
    pub fn holds(&self, text: &str) -> bool {
        self.path_and_query.contains(text) || self.body.as_ref().is_some_and(|body| body.contains(text))
    }
}

/// Makes requests of one side up.
pub struct Questions<'a> {
    pub random: Rng,
    pub own: &'a Side,
    pub other: &'a Side,
    /// `next` of former answers, to whomever.
    pub cursors: &'a [String],
}

impl Questions<'_> {
    pub fn next(&mut self) -> Asked {
        let (path, route) = self.route();
        let mut names = route.needed.to_vec();
        let likely = self.random.usize(..4);
        names.extend(route.known.iter().copied().filter(|_| self.random.usize(..10) < likely));
        // A cursor would mostly lead behind everything.
        names.retain(|name| *name != "cursor" || self.random.usize(..3) == 0);
        // The server asks for both.
        if names.contains(&"maxDataPoints") {
            names.retain(|name| *name != "interval");
            names.push("automatic");
        }
        let mut pairs: Vec<String> = names.into_iter().map(|name| self.pair(name)).collect();
        if self.random.usize(..UNKNOWN_ONE_IN) == 0 {
            let name = self.text();
            pairs.push(format!("{}={}", encoded(&name), encoded(&self.text())));
        }
        let id = self.trace_id();
        let service = self.service();
        let path_only = path.replace("{id}", &encoded(&id)).replace("{name}", &encoded(&service));
        let body = (path == METRICS_QUERY).then(|| self.body());
        Asked { path, path_and_query: format!("{path_only}?{}", pairs.join("&")), body }
    }

    /// Several queries and formulas over them.
    fn body(&mut self) -> String {
        let queries = (0..1 + self.random.usize(..3)).map(|_| {
            let mut query = json!({"metricName": self.value("metricName"), "groupBy": "host"});
            for name in ["aggregation", "groupBy", "filter", "serviceName", "name"] {
                if self.random.usize(..6) == 0 {
                    query[name] = if name == "name" { self.text().into() } else { self.value(name).into() };
                }
            }
            query
        });
        let queries: Vec<Value> = queries.collect();
        let formulas = (0..self.random.usize(..3)).map(|number| {
            let name = if self.random.bool() { self.text() } else { format!("formula {number}") };
            let formula = if self.random.usize(..HOSTILE_ONE_IN) == 0 {
                self.one(&HOSTILE).to_owned()
            } else {
                self.one(&["a * 2", "a / a", "max(a, 1)", "a + b", "(a - b) / c"]).to_owned()
            };
            json!({"name": name, "formula": formula})
        });
        let formulas: Vec<Value> = formulas.collect();
        json!({"startTime": "now-30m", "interval": "1m", "queries": queries, "formulas": formulas})
            .to_string()
    }

    /// Any; but what always asks the store takes so long that it gets a smaller share.
    fn route(&mut self) -> (&'static str, Route) {
        loop {
            let path = PATHS[self.random.usize(..PATHS.len())];
            let mut route = route(path);
            if path == PATHS[0] && self.random.usize(..CATALOGUE_ONE_IN) == 0 {
                route = Route { known: CATALOGUE.to_vec(), needed: &[] };
            }
            let is_cached = route.known.contains(&"cache") || path == METRICS_QUERY;
            if is_cached || self.random.usize(..UNCACHED_ONE_IN) == 0 {
                return (path, route);
            }
        }
    }

    fn one<'b>(&mut self, of: &[&'b str]) -> &'b str {
        of[self.random.usize(..of.len())]
    }

    fn pair(&mut self, name: &'static str) -> String {
        let hostile = self.random.usize(..HOSTILE_ONE_IN) == 0;
        if name == "automatic" {
            return "interval=auto".to_owned();
        }
        let value = if hostile { self.one(&HOSTILE).to_owned() } else { self.value(name) };
        if ["attr", "resource"].contains(&name) {
            let key = self.label();
            return format!("{name}[{}]={}", encoded(&key), encoded(&value));
        }
        format!("{name}={}", encoded(&value))
    }

    /// A text of one side, of both, or of nobody.
    fn any(&mut self, of: impl Fn(&Side) -> String, shared: &[&str]) -> String {
        match self.random.u8(..10) {
            0..4 => self.one(shared).to_owned(),
            4..7 => of(self.own),
            7..9 => of(self.other),
            _ => self.one(&HOSTILE).to_owned(),
        }
    }

    fn text(&mut self) -> String {
        self.any(|side| side.mark.to_owned(), &["", "a", "x", SHARED])
    }

    fn service(&mut self) -> String {
        self.any(Side::service, &[SHARED])
    }

    fn label(&mut self) -> String {
        self.any(Side::label, &["host", "who", "service.name", "user", "owner"])
    }

    fn trace_id(&mut self) -> String {
        self.any(|side| side.id(16), &[SHARED_TRACE])
    }

    fn filter(&mut self) -> String {
        let quoted = |text: String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let (label, text, service) = (quoted(self.label()), quoted(self.text()), quoted(self.service()));
        let test = self.one(&["=", "!=", "=~", "!~"]);
        match self.random.u8(..4) {
            0 => format!("{label} {test} {text}"),
            1 => format!("{label} exists and {label} {test} {text}"),
            2 => format!("service.name in ({service}, {text})"),
            _ => format!("who =~ \".*\" and service.name {test} {service}"),
        }
    }

    fn value(&mut self, name: &str) -> String {
        let from = |minutes: u64| (moment() - minutes * MINUTE).to_string();
        let known: &[&str] = match name {
            "metricName" => return self.any(Side::metric, &SHARED_METRICS),
            "serviceName" | "service" => return self.service(),
            "label" => return self.label(),
            "filter" => return self.filter(),
            "attr" | "resource" | "search" | "text" => return self.text(),
            "traceId" => return self.trace_id(),
            "spanId" => return self.any(|side| side.id(8), &["5555555555555555"]),
            "operation" => return self.any(|side| format!("GET {}", side.mark), &[""]),
            "groupBy" => {
                let (first, second) = (self.label(), self.label());
                return if self.random.bool() { first } else { format!("{first},{second}") };
            }
            "cursor" => {
                let kept = self.cursors.len();
                return if kept == 0 {
                    "1".to_owned()
                } else {
                    self.cursors[self.random.usize(..kept)].clone()
                };
            }
            "startTime" => {
                return [from(20), from(1), "now-30m".into(), "now-2h".into()][self.random.usize(..4)]
                    .clone();
            }
            "endTime" => return [from(0), "now".into(), "now+5m".into()][self.random.usize(..3)].clone(),
            "time" => return [from(0), "now".into(), "now-15m".into()][self.random.usize(..3)].clone(),
            "interval" => &["1m", "5m", "30s", "1h"],
            "maxDataPoints" => &["10", "300"],
            "aggregation" => {
                &["avg", "sum", "min", "max", "last", "count", "rate", "increase", "p99", "histogram"]
            }
            "quantile" => &["0", "0.5", "1", "2"],
            "fill" => &["null", "zero", "previous", "none"],
            "orderBy" => &["max", "-max", "name", "-name", "last", "sum"],
            "limit" | "before" | "after" => &["1", "2", "10", "500"],
            "cache" => &["auto", "auto", "bypass"],
            "severity" => &["info", "error", "fatal", "3"],
            "order" => &["asc", "desc"],
            "status" => &["ok", "error", "unset"],
            "minDuration" => &["0s", "1ms", "10ms"],
            "maxDuration" => &["4ms", "1s"],
            "format" => &["json", "otlp", "rows", "csv", "prometheus"],
            "events" => &["metrics", "metrics,logs", "metrics,logs", "ingest,logs,metrics,alerts"],
            unknown => panic!("a parameter without values: {unknown}"),
        };
        self.one(known).to_owned()
    }
}
