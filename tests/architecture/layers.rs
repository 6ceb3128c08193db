//! Inside a context dependencies point inwards: domain <- application <- infrastructure, presentation.

use std::collections::BTreeSet;

use crate::context_map::CONTEXTS;
use crate::paths::{Reference, references};
use crate::tree::SourceFile;

/// What a domain may name beside `crate::shared` and itself.
const FOR_DOMAINS: [&str; 4] = ["std", "core", "alloc", "thiserror"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Domain,
    Application,
    Infrastructure,
    Presentation,
}

impl Layer {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "domain" => Some(Self::Domain),
            "application" => Some(Self::Application),
            "infrastructure" => Some(Self::Infrastructure),
            "presentation" => Some(Self::Presentation),
            _ => None,
        }
    }

    fn may_name(self, other: Self) -> bool {
        match other {
            Self::Domain => true,
            Self::Application => self != Self::Domain,
            Self::Infrastructure | Self::Presentation => self == other,
        }
    }
}

pub fn broken(file: &SourceFile, externals: &BTreeSet<String>) -> Vec<String> {
    references(file, externals).iter().filter_map(|reference| complaint(reference, externals)).collect()
}

fn complaint(reference: &Reference, externals: &BTreeSet<String>) -> Option<String> {
    let context = reference.source_part(1);
    let layer = Layer::named(reference.source_part(2)).filter(|_| CONTEXTS.contains(&context))?;
    let target = reference.to.join("::");
    if reference.is_external() {
        let refused = layer == Layer::Domain && !domain_may_name(reference, externals);
        return refused
            .then(|| format!("a domain names {target}; it may name std, thiserror and crate::shared"));
    }
    if reference.target_part(1) != context {
        return None;
    }
    match Layer::named(reference.target_part(2)) {
        Some(other) if layer.may_name(other) => None,
        Some(_) => Some(format!("{layer:?} names {target}")),
        None => Some(format!("{layer:?} names {target}: its own context's façade, which is above it")),
    }
}

/// Tests of a domain may also use what only tests depend on (proptest).
fn domain_may_name(reference: &Reference, externals: &BTreeSet<String>) -> bool {
    let name = reference.target_part(0);
    let is_type = name.starts_with(char::is_uppercase);
    is_type || FOR_DOMAINS.contains(&name) || (reference.is_in_tests() && !externals.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        let externals = BTreeSet::from(["tokio".to_owned(), "serde".to_owned()]);
        broken(&SourceFile::example(path, text), &externals).len()
    }

    #[test]
    fn inward_paths_pass() {
        let domain = "use std::fmt; use thiserror::Error; use crate::shared::Clock; use super::metric::Metric; \
                      use crate::telemetry::domain::X; use Severity::*; mod tests { use super::*; use proptest::prelude::*; }";
        assert_eq!(complaints("src/telemetry/domain/point.rs", domain), 0);
        assert_eq!(complaints("src/telemetry/domain.rs", "mod metric; pub use metric::Metric;"), 0);
        let application =
            "use crate::telemetry::domain::Metric; use tokio::sync::mpsc; use super::ports::Store;";
        assert_eq!(complaints("src/telemetry/application/ingest.rs", application), 0);
        let adapter = "use super::super::application::Port; use crate::telemetry::domain::Metric;";
        assert_eq!(complaints("src/telemetry/infrastructure/store.rs", adapter), 0);
        let facade = "pub use infrastructure::Store; use presentation::routes;";
        assert_eq!(complaints("src/telemetry/mod.rs", facade), 0);
        assert_eq!(complaints("src/platform/http/mod.rs", "use tokio::net; use crate::platform::clock;"), 0);
    }

    #[test]
    fn outward_paths_are_found() {
        let cases = [
            ("src/telemetry/domain/metric.rs", "use super::super::application::Ingest;"),
            ("src/telemetry/domain/metric.rs", "fn f() { crate::telemetry::infrastructure::g() }"),
            ("src/telemetry/domain.rs", "use super::presentation::X;"),
            ("src/telemetry/application/ingest.rs", "use crate::telemetry::{infrastructure::Store};"),
            ("src/telemetry/application/ingest.rs", "use super::super::presentation::otlp;"),
            ("src/telemetry/presentation/http.rs", "use crate::telemetry::infrastructure::Store;"),
            ("src/telemetry/infrastructure/store.rs", "use crate::telemetry::presentation::http;"),
            ("src/telemetry/application/ingest.rs", "use crate::telemetry::Facade;"),
        ];
        for (path, text) in cases {
            assert_eq!(complaints(path, text), 1, "{path}: {text}");
        }
    }

    #[test]
    fn a_domain_names_no_other_crate() {
        assert_eq!(complaints("src/alerting/domain/rule.rs", "use serde::Deserialize;"), 1);
        assert_eq!(complaints("src/alerting/domain/rule.rs", "#[derive(serde::Serialize)] struct A;"), 1);
        assert_eq!(
            complaints("src/alerting/domain/rule.rs", "mod tests { #[tokio::test] async fn t() {} }"),
            1
        );
    }
}
