//! Questions that are wrong, each with the field and a part of the reason that its refusal names.

use super::support::encoded;

/// A question, the field and words of the reason.
pub type Refused = (String, &'static str, &'static str);

pub fn questions() -> Vec<Refused> {
    let mut all = Vec::new();
    let mut add = |route: &str, cases: &[(&str, &'static str, &'static str)]| {
        for (query, field, detail) in cases {
            all.push((format!("{route}{query}"), *field, *detail));
        }
    };
    add("metrics?metricName=good&", OF_A_METRIC);
    add("", OF_OTHERS);
    all.extend(filters());
    all.extend(too_many());
    all
}

/// Bodies of `POST /api/v2/metrics/query`, the field where one is named, and words of the reason.
pub fn bodies() -> Vec<(String, Option<&'static str>, &'static str)> {
    let of = |queries: &str, formulas: &str| format!("{{\"queries\":[{queries}],\"formulas\":[{formulas}]}}");
    let good = "{\"metricName\":\"good\"}";
    let formula = |text: &str| of(good, &format!("{{\"name\":\"f\",\"formula\":\"{text}\"}}"));
    let nested = format!("{}a{}", "(".repeat(400), ")".repeat(400));
    vec![
        (String::new(), None, "not a query"),
        ("\u{0}".into(), None, "not a query"),
        ("SELECT 1".into(), None, "not a query"),
        ("{\"queries\":".to_owned() + &"[".repeat(60_000), None, "not a query"),
        ("{\"queries\":[],\"query\":1}".into(), None, "unknown field"),
        (of("", ""), Some("queries"), "at least one"),
        (of(&vec![good; 21].join(","), ""), Some("queries"), "at most 20"),
        (of("{\"metricName\":{\"x\":1}}", ""), Some("queries[0].metricName"), "expected a text"),
        (of("{\"metricName\":\"good\",\"limit\":-1}", ""), Some("queries[0].limit"), "from 1 to 10000"),
        (of("{\"metricName\":\"good\",\"limit\":1e99}", ""), Some("queries[0].limit"), "from 1 to 10000"),
        (of("{\"metricName\":\"good\",\"interval\":\"1m\"}", ""), Some("queries[0].interval"), "said once"),
        (
            of("{\"metricName\":\"good\",\"filter\":\"' OR 1=1 --\"}", ""),
            Some("queries[0].filter"),
            "expected",
        ),
        (of("{\"metricName\":\"good\",\"name\":7}", ""), Some("queries[0].name"), "expected a text"),
        (of("{\"metricName\":\"good\",\"name\":\"\"}", ""), Some("name"), "1 to 64 bytes"),
        (of(good, "{\"name\":\"a\",\"formula\":\"a\"}"), Some("name"), "there once"),
        (formula(""), Some("formulas[0].formula"), "expected a number"),
        (formula("a;DROP TABLE x"), Some("formulas[0].formula"), "expected one of"),
        (formula("a--"), Some("formulas[0].formula"), "expected a number"),
        (formula("toString(a)"), Some("formulas[0].formula"), "position"),
        (formula("b * 2"), Some("formulas[0].formula"), "no query has this name"),
        (formula("1 + 1"), Some("formulas[0].formula"), "names no query"),
        (formula(&nested), Some("formulas[0].formula"), "nested more than 32 deep"),
        (formula(&"-".repeat(1_000)), Some("formulas[0].formula"), "position"),
        (formula(&"a+".repeat(1_000)), Some("formulas[0].formula"), "longer than 1024 bytes"),
    ]
}

/// What looks bad and is not.
pub fn harmless() -> [String; 6] {
    let nested = format!("host =~ \"{}a{}\"", "(".repeat(100), ")".repeat(100));
    [
        "metrics?metricName=good&startTime=now&endTime=now".into(),
        format!("metrics?metricName=good&filter={}", encoded("host =~ \"(a+)+(a|a)*(.*.*.*)*b\"")),
        format!("metrics?metricName=good&filter={}", encoded(&nested)),
        "metrics?metricName=good&startTime=now-365d&interval=1d&cursor=18446744073709551615".into(),
        "metrics/series?metricName=good&cursor=ffffffffffffffff".into(),
        "logs?cursor=1a5e27eef13e0000-ffffffffffffffff-1".into(),
    ]
}

const OF_A_METRIC: &[(&str, &str, &str)] = &[
    ("startTime=now&endTime=now-1h", "endTime", "must be after"),
    ("startTime=1700000000&endTime=1700000000", "endTime", "must be after"),
    ("startTime=yesterday", "startTime", "not a moment"),
    ("startTime=99999999999999999999", "startTime", "not a moment"),
    ("startTime=now-99999999d", "startTime", "not a moment"),
    ("endTime=-5", "endTime", "not a moment"),
    ("interval=1ns", "interval", ""),
    ("interval=0s", "interval", ""),
    ("interval=-1m", "interval", ""),
    ("interval=99999999999999999999d", "interval", ""),
    ("interval=5m--", "interval", ""),
    ("startTime=0&interval=1s", "interval", "more than 11000 buckets"),
    ("startTime=0&endTime=1000000000&interval=1s", "interval", "more than 11000 buckets"),
    ("interval=auto&maxDataPoints=1000000000", "maxDataPoints", "from 1 to 11000"),
    ("interval=auto&maxDataPoints=0", "maxDataPoints", "from 1 to 11000"),
    ("maxDataPoints=10", "maxDataPoints", "only with interval=auto"),
    ("limit=0", "limit", "from 1 to 10000"),
    ("limit=10001", "limit", "from 1 to 10000"),
    ("limit=1e3", "limit", "from 1 to 10000"),
    ("limit=18446744073709551617", "limit", "from 1 to 10000"),
    ("limit=", "limit", "from 1 to 10000"),
    ("limit=1&limit=2", "limit", "more than once"),
    ("metricName=other", "metricName", "more than once"),
    ("start=now-1h&from=now-2h", "startTime", "more than once"),
    ("aggregation=median", "aggregation", "unknown aggregation"),
    ("aggregation=avg%2Csum", "aggregation", "unknown aggregation"),
    ("quantile=1.1", "quantile", "from 0 to 1"),
    ("quantile=NaN", "quantile", "from 0 to 1"),
    ("quantile=-0.1", "quantile", "from 0 to 1"),
    ("quantile=inf", "quantile", "from 0 to 1"),
    ("quantile=0.5&aggregation=avg", "quantile", "only without aggregation"),
    ("fill=nul", "fill", "unknown value"),
    ("fill=zero&aggregation=avg", "fill", "do not mean 0"),
    ("orderBy=maxx", "orderBy", "unknown order"),
    ("orderBy=--max", "orderBy", "unknown order"),
    ("orderBy=max;DROP", "orderBy", "unknown order"),
    ("cursor=-1", "cursor", "not a cursor"),
    ("cursor=18446744073709551616", "cursor", "not a cursor"),
    ("cache=off", "cache", "unknown value"),
    ("groupBy=host&groupBy=host", "groupBy", "named twice"),
    ("groupBy=a,b,c,d,e,f,g,h,i", "groupBy", "at most 8"),
    ("attr[]=x", "attr[]", "unknown parameter"),
    ("attr[host=x", "attr[host", "unknown parameter"),
    ("metricname=x", "metricname", "unknown parameter"),
    ("format=%7Bx%3AIdentifier%7D", "format", "unknown value"),
    ("format=sql", "format", "unknown value"),
    ("format=csv&aggregation=histogram", "format", "no rows"),
];

const OF_OTHERS: &[(&str, &str, &str)] = &[
    ("metrics?metricName=", "metricName", "empty"),
    ("metrics?limit=1001", "limit", "from 1 to 1000"),
    ("metrics?startTime=now", "startTime", "unknown parameter"),
    ("metrics?format=csv", "format", "unknown parameter"),
    ("metrics/metadata", "metricName", "missing"),
    ("metrics/metadata?metricName=good&limit=1", "limit", "unknown parameter"),
    ("metrics/labels?cursor=1-zz", "cursor", "not the `next`"),
    ("metrics/labels?cursor=1-6", "cursor", "not the `next`"),
    ("metrics/labels?cursor=fffffffffffffffff-61", "cursor", "not the `next`"),
    ("metrics/labels?cursor=1-ff", "cursor", "not the `next`"),
    ("metrics/labels?limit=1001", "limit", "from 1 to 1000"),
    ("metrics/labels/values", "label", "missing"),
    ("metrics/labels/values?label=", "label", "empty"),
    ("metrics/labels/values?label=a&label=b", "label", "more than once"),
    ("metrics/series?metricName=good&cursor=-1", "cursor", "not the `next`"),
    ("metrics/series?metricName=good&cursor=11111111111111111", "cursor", "not the `next`"),
    ("metrics/series?metricName=good&startTime=2&endTime=1", "endTime", "must be after"),
    ("metrics/series?metricName=good&cache=auto", "cache", "unknown parameter"),
    ("metrics/exemplars?metricName=good&cursor=ffffffffffffffff-1", "cursor", "not the `next`"),
    ("metrics/exemplars?metricName=good&cursor=1-1-1", "cursor", "not the `next`"),
    ("metrics/cardinality?limit=0", "limit", "from 1 to 1000"),
    ("metrics/cardinality?interval=1m", "interval", "unknown parameter"),
    ("logs?severity=loud", "severity", "no severity"),
    ("logs?severity=25", "severity", "no severity"),
    ("logs?traceId=00000000000000000000000000000000", "traceId", "32 hexadecimal digits"),
    ("logs?traceId=%27%20OR%201=1%20--", "traceId", "32 hexadecimal digits"),
    ("logs?spanId=01", "spanId", "16 hexadecimal digits"),
    ("logs?order=up", "order", "unknown value"),
    ("logs?order=asc,%20time", "order", "unknown value"),
    ("logs?limit=1001", "limit", "from 1 to 1000"),
    ("logs?cursor=1-2", "cursor", "not the `next`"),
    ("logs?cursor=7fffffffffffffff-1-1", "cursor", "not the `next`"),
    ("logs?cursor=1-1-ffffffffff", "cursor", "not the `next`"),
    ("logs?cursor=+-1-1", "cursor", "not the `next`"),
    ("logs?startTime=now&endTime=now", "endTime", "must be after"),
    ("logs?metricName=good", "metricName", "unknown parameter"),
    ("logs/histogram?startTime=0&interval=1s", "interval", "more than 11000 buckets"),
    ("logs/histogram?interval=1ns", "interval", ""),
    ("logs/histogram?limit=1", "limit", "unknown parameter"),
    ("logs/context", "time", "missing"),
    ("logs/context?time=then", "time", "not a moment"),
    ("logs/context?time=now&before=501", "before", "from 1 to 500"),
    ("logs/context?time=now&after=-1", "after", "from 1 to 500"),
    ("logs/context?time=now&attr[a]=b", "attr[a]", "unknown parameter"),
    ("traces?minDuration=-1s", "minDuration", ""),
    ("traces?minDuration=1", "minDuration", ""),
    ("traces?minDuration=2s&maxDuration=1s", "maxDuration", "must not be less"),
    ("traces?status=bad", "status", "unknown value"),
    ("traces?cursor=1-00000000000000000000000000000000", "cursor", "not the `next`"),
    ("traces?limit=-1", "limit", "from 1 to 1000"),
    ("traces?resource[a]=b", "resource[a]", "unknown parameter"),
    ("traces/xyz", "traceId", "32 hexadecimal digits"),
    ("traces/0102030405060708090a0b0c0d0e0f10?format=xml", "format", "unknown value"),
    ("traces/0102030405060708090a0b0c0d0e0f10?limit=1", "limit", "unknown parameter"),
    ("services?limit=0", "limit", "from 1 to 1000"),
    ("services?attr[a]=b", "attr[a]", "unknown parameter"),
    ("services/%ff/operations", "service", "cannot be decoded"),
    ("services/shop/operations?service=shop", "service", "unknown parameter"),
    ("service-map?limit=1001", "limit", "from 1 to 1000"),
    ("service-map?startTime=2&endTime=1", "endTime", "must be after"),
    ("stream", "events", "missing"),
    ("stream?events=log", "events", "unknown event"),
    ("stream?events=metrics", "metricName", "missing"),
    ("stream?events=ingest&text=x", "text", "unknown parameter"),
    ("stream?events=logs&severity=loud", "severity", "no severity"),
    ("logs/tail?events=logs", "events", "unknown parameter"),
    ("logs/tail?spanId=x", "spanId", "16 hexadecimal digits"),
];

fn filters() -> Vec<Refused> {
    let list = vec!["\"x\""; 257].join(",");
    let cases = [
        (vec!["a exists"; 33].join(" and "), "more than 32 terms"),
        (vec!["a exists"; 400].join(" and "), "longer than 4096 bytes"),
        (format!("a in ({list})"), "more than 256 values"),
        ("(".repeat(1_000) + "a=\"b\"" + &")".repeat(1_000), "expected a label name"),
        (format!("a = \"{}\"", "x".repeat(5_000)), "longer than 4096 bytes"),
        ("a =~ \"(a{1000}){1000}\"".into(), "regular expression"),
        ("a =~ \"\\\\w{1000}\\\\w{1000}\"".into(), "regular expression"),
        (format!("a =~ \"{}\"", "(".repeat(1_000)), "regular expression"),
        (format!("a =~ \"{}a{}\"", "(".repeat(1_000), ")".repeat(1_000)), "regular expression"),
        ("a =~ \"(?<=x)y\"".into(), "regular expression"),
        ("a = \"b".into(), "not closed"),
        ("a = \"b\" or c = \"d\"".into(), "expected 'and'"),
        ("a = 'b'".into(), "double quotes"),
        ("a; DROP TABLE x".into(), "expected one of"),
        ("a = \"b\" -- and c exists".into(), "expected 'and'"),
        ("a in ()".into(), "expected"),
    ];
    let routes = ["metrics?metricName=good&", "metrics/labels?", "metrics/series?metricName=good&"];
    let of_route = |route: &'static str| {
        let one = move |(text, detail): &(String, &'static str)| {
            (format!("{route}filter={}", encoded(text)), "filter", *detail)
        };
        cases.iter().map(one).collect::<Vec<_>>()
    };
    routes.into_iter().flat_map(of_route).collect()
}

/// Of each thing one more than is taken.
fn too_many() -> Vec<Refused> {
    let times = |count: usize, of: &str| {
        (0..count).map(|n| of.replace('#', &n.to_string())).collect::<Vec<_>>().join("&")
    };
    let long = "x".repeat(1_025);
    let cases = [
        (format!("metrics?metricName={long}"), "metricName", "longer than 1024 bytes"),
        (format!("metrics?search={long}"), "search", "longer than 1024 bytes"),
        (format!("metrics?metricName=good&groupBy={}", &long[..257]), "groupBy", "1 to 256 bytes"),
        (format!("metrics?metricName=good&{}", times(33, "attr[a#]=b")), "attr[a32]", "more than 32 terms"),
        (
            format!("metrics?metricName=good&{}", times(257, "serviceName=s#")),
            "serviceName",
            "more than 256 values",
        ),
        (format!("metrics/labels/values?label={long}"), "label", "longer than 1024 bytes"),
        (format!("logs?text={long}"), "text", "longer than 1024 bytes"),
        (format!("logs?service={long}"), "service", "longer than 1024 bytes"),
        (format!("logs?{}", times(33, "service=s#")), "service", "more than 32"),
        (format!("logs?{}", times(33, "attr[a#]=b")), "attr", "more than 32"),
        (format!("logs?{}", times(33, "resource[a#]=b")), "resource", "more than 32"),
        (format!("traces?{}", times(33, "attr[a#]=b")), "attr", "more than 32"),
        (format!("traces?operation={long}"), "operation", "longer than 1024 bytes"),
        (format!("services/{long}/operations"), "service", "longer than 1024 bytes"),
        (format!("stream?events=metrics&{}", times(33, "metricName=m#")), "metricName", "more than 32"),
    ];
    cases.into()
}
