//! What rules look at, to the wire and back.

use std::collections::BTreeSet;

use super::wire;
use crate::alerting::domain::interest::{Interest, Look};
use crate::alerting::domain::rule::Source;
use crate::alerting::domain::rule_words::WatchedMetric;
use crate::shared::label_filter::{LabelTest, Pattern, Term};
use crate::shared::{LabelFilter, TenantId};

pub fn interest_to_wire(id: u64, interest: &Interest) -> wire::Interest {
    wire::Interest { id, looks: interest.looks().map(|(source, look)| look_to_wire(source, look)).collect() }
}

fn look_to_wire(source: &Source, look: &Look) -> wire::Look {
    let (source, metric) = match source {
        Source::Metric(metric) => (wire::Source::Metric, metric.as_str()),
        Source::Logs => (wire::Source::Logs, ""),
        Source::Spans => (wire::Source::Spans, ""),
    };
    wire::Look {
        source: source.into(),
        metric: metric.to_owned(),
        tenant: look.tenant.as_ref().map(ToString::to_string).unwrap_or_default(),
        filter: look.filter.terms().iter().map(term_to_wire).collect(),
        labels: look.labels.iter().map(|label| label.to_string()).collect(),
    }
}

fn term_to_wire(term: &Term) -> wire::Term {
    let texts = |values: &[Box<str>]| values.iter().map(|value| value.to_string()).collect();
    let (test, values) = match &term.test {
        LabelTest::Equals(value) => (wire::Test::Equals, vec![value.to_string()]),
        LabelTest::NotEquals(value) => (wire::Test::NotEquals, vec![value.to_string()]),
        LabelTest::Matches(pattern) => (wire::Test::Matches, vec![pattern.written().to_owned()]),
        LabelTest::NotMatches(pattern) => (wire::Test::NotMatches, vec![pattern.written().to_owned()]),
        LabelTest::In(values) => (wire::Test::In, texts(values)),
        LabelTest::NotIn(values) => (wire::Test::NotIn, texts(values)),
        LabelTest::Exists => (wire::Test::Exists, Vec::new()),
        LabelTest::Missing => (wire::Test::Missing, Vec::new()),
    };
    wire::Term { label: term.label.to_string(), test: test.into(), values }
}

/// A look that this version does not understand is taken for one without a filter: more is told than has to be, and nothing is
/// overlooked. One whose source it does not know is left out.
pub fn interest_from_wire(interest: &wire::Interest) -> Interest {
    let mut read = Interest::default();
    for look in &interest.looks {
        if let Some((source, look)) = look_from_wire(look) {
            read.add(source, look);
        }
    }
    read
}

fn look_from_wire(look: &wire::Look) -> Option<(Source, Look)> {
    let source = match look.source() {
        wire::Source::Unknown => return None,
        wire::Source::Metric => Source::Metric(WatchedMetric::parse(&look.metric).ok()?),
        wire::Source::Logs => Source::Logs,
        wire::Source::Spans => Source::Spans,
    };
    let tenant = match &*look.tenant {
        "" => None,
        text => Some(TenantId::parse(text).ok()?),
    };
    let labels: BTreeSet<Box<str>> = look.labels.iter().map(|label| label.as_str().into()).collect();
    Some((source, Look { tenant, filter: filter_from_wire(&look.filter).unwrap_or_default(), labels }))
}

fn filter_from_wire(terms: &[wire::Term]) -> Option<LabelFilter> {
    let mut filter = LabelFilter::default();
    for term in terms {
        filter.push(Term { label: term.label.as_str().into(), test: test_from_wire(term)? }).ok()?;
    }
    Some(filter)
}

fn test_from_wire(term: &wire::Term) -> Option<LabelTest> {
    let one = || term.values.first().map(String::as_str);
    let all = || term.values.iter().map(|value| value.as_str().into()).collect();
    Some(match term.test() {
        wire::Test::Unknown => return None,
        wire::Test::Equals => LabelTest::Equals(one()?.into()),
        wire::Test::NotEquals => LabelTest::NotEquals(one()?.into()),
        wire::Test::Matches => LabelTest::Matches(Pattern::parse(one()?)?),
        wire::Test::NotMatches => LabelTest::NotMatches(Pattern::parse(one()?)?),
        wire::Test::In => LabelTest::In(all()),
        wire::Test::NotIn => LabelTest::NotIn(all()),
        wire::Test::Exists => LabelTest::Exists,
        wire::Test::Missing => LabelTest::Missing,
    })
}
