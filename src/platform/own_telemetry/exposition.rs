//! Reads an exposition in OpenMetrics 1.0, as `prometheus-client` writes it, so that the same counters can go out over OTLP.
//!
//! What is not understood is passed over: it is our own text, and a metric less is better than none.

use std::str::Chars;

/// One metric with everything that was counted under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposed<'a> {
    pub name: &'a str,
    pub help: &'a str,
    pub unit: &'a str,
    pub kind: &'a str,
    pub samples: Vec<Sample<'a>>,
}

/// One line: what stands behind the metric's name (`_total`, `_bucket`), its labels, its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    pub suffix: &'a str,
    pub labels: Vec<(&'a str, String)>,
    pub value: f64,
}

/// All metrics of an exposition, in its order.
pub fn read(text: &str) -> Vec<Exposed<'_>> {
    let mut all: Vec<Exposed<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            if let (Some(what), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) {
                describe(&mut all, what, name, rest);
            }
        } else if let Some(metric) = all.last_mut()
            && let Some(rest) = line.strip_prefix(metric.name)
            && let Some(sample) = sample(rest)
        {
            metric.samples.push(sample);
        }
    }
    all
}

fn describe<'a>(all: &mut Vec<Exposed<'a>>, what: &str, name: &'a str, rest: &'a str) {
    if all.last().is_none_or(|last| last.name != name) {
        all.push(Exposed { name, help: "", unit: "", kind: "", samples: Vec::new() });
    }
    let Some(metric) = all.last_mut() else { return };
    match what {
        "HELP" => metric.help = rest,
        "TYPE" => metric.kind = rest,
        "UNIT" => metric.unit = rest,
        _ => {}
    }
}

/// `_bucket{le="1.0",route="/a"} 3`, and what may stand behind the value.
fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (suffix, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.trim_start().split(' ').next()?;
    Some(Sample { suffix, labels, value: value.parse().ok()? })
}

/// Up to the closing brace, and what is behind it.
fn labels(text: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((found, behind));
        }
        let (name, behind) = rest.split_once("=\"")?;
        let mut letters = behind.chars();
        found.push((name, value(&mut letters)?));
        rest = letters.as_str();
    }
}

/// Up to the closing quote.
fn value(letters: &mut Chars<'_>) -> Option<String> {
    let mut value = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(value),
            '\\' => match letters.next()? {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            letter => value.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::EncodeLabelSet;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::{Registry, Unit};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
    struct Labels {
        reason: &'static str,
        tenant: &'static str,
    }

    #[test]
    fn what_the_registry_writes_is_read_back() {
        let mut registry = Registry::with_prefix("flow");
        let (rejected, durations) = (Family::<Labels, Counter>::default(), Histogram::new([0.5, 1.0]));
        registry.register("rejected", "Items, by reason", rejected.clone());
        registry.register_with_unit("took", "Time", Unit::Seconds, durations.clone());
        rejected.get_or_create(&Labels { reason: "a \"b\", {c} \\", tenant: "x\ny" }).inc_by(3);
        durations.observe(0.7);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();

        let read = read(&text);
        let [rejected, took] = &read[..] else { panic!("{read:?}") };
        assert_eq!(
            (rejected.name, rejected.kind, rejected.help),
            ("flow_rejected", "counter", "Items, by reason.")
        );
        let labels = vec![("reason", "a \"b\", {c} \\".to_owned()), ("tenant", "x\ny".to_owned())];
        assert_eq!(rejected.samples, [Sample { suffix: "_total", labels, value: 3.0 }]);
        assert_eq!((took.name, took.kind, took.unit), ("flow_took_seconds", "histogram", "seconds"));
        let suffixes: Vec<_> = took.samples.iter().map(|sample| (sample.suffix, sample.value)).collect();
        assert_eq!(
            suffixes,
            [("_sum", 0.7), ("_count", 1.0), ("_bucket", 0.0), ("_bucket", 1.0), ("_bucket", 1.0)]
        );
        assert_eq!(took.samples[4].labels, [("le", "+Inf".to_owned())]);
    }

    #[test]
    fn lines_that_are_cut_are_passed_over() {
        for text in
            ["# TYPE a gauge\na{b=\"c", "# TYPE a gauge\na", "# TYPE a gauge\na{b} 1", "a 1", "# EOF", ""]
        {
            assert!(read(text).iter().all(|metric| metric.samples.is_empty()), "{text}");
        }
    }
}
