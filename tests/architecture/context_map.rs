//! The context map: which part of the program may call which, in two small tables.

use std::collections::BTreeSet;

use crate::layers::Layer;
use crate::paths::{Reference, references};
use crate::tree::SourceFile;

/// The business topics, each with its layers behind a façade.
pub const CONTEXTS: [&str; 5] = ["telemetry", "querying", "alerting", "tenancy", "dashboards"];

/// "May call the façade of". Everyone may use `shared`; who may use `platform` is said by [`platform_use`].
const MAY_CALL: [(&str, &[&str]); 8] = [
    ("telemetry", &["tenancy"]),
    ("querying", &["tenancy"]),
    ("alerting", &["querying", "tenancy"]),
    ("tenancy", &[]),
    ("dashboards", &["querying", "tenancy"]),
    ("platform", &[]),
    ("shared", &[]),
    ("config", &["platform"]),
];

/// They put the program together, so they may name everything.
const MAY_CALL_ALL: [&str; 3] = ["bootstrap", "main", "cli"];

/// What the application layer may use of `platform`: mechanism without I/O.
const PLATFORM_FOR_APPLICATION: [&str; 2] = ["event_bus", "lifecycle"];

pub fn broken(file: &SourceFile, externals: &BTreeSet<String>) -> Vec<String> {
    references(file, externals)
        .iter()
        .filter(|reference| !reference.is_external())
        .filter_map(complaint)
        .collect()
}

fn complaint(reference: &Reference) -> Option<String> {
    let (from, to) = (reference.source_part(1), reference.target_part(1));
    let target = reference.to.join("::");
    if from.is_empty() || from == to || MAY_CALL_ALL.contains(&from) {
        return None;
    }
    let Some((_, allowed)) = MAY_CALL.iter().find(|(part, _)| *part == from) else {
        return Some(format!("`{from}` is not on the context map: add it to the table"));
    };
    let is_context = CONTEXTS.contains(&from);
    let may = match to {
        "shared" => true,
        "platform" if is_context => platform_use(reference),
        _ => allowed.contains(&to),
    };
    if !may {
        return Some(format!("names {target}, which the context map does not allow"));
    }
    let private = CONTEXTS.contains(&to) && Layer::named(reference.target_part(2)).is_some();
    private.then(|| format!("names {target}: a private layer of another context, not its façade"))
}

fn platform_use(reference: &Reference) -> bool {
    match Layer::named(reference.source_part(2)) {
        _ if reference.is_in_tests() => true,
        Some(Layer::Domain) => false,
        Some(Layer::Application) => PLATFORM_FOR_APPLICATION.contains(&reference.target_part(2)),
        Some(Layer::Infrastructure | Layer::Presentation) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        broken(&SourceFile::example(path, text), &BTreeSet::new()).len()
    }

    #[test]
    fn allowed_arrows_pass() {
        assert_eq!(complaints("src/alerting/application/evaluate.rs", "use crate::querying::Metrics;"), 0);
        assert_eq!(complaints("src/telemetry/domain/metric.rs", "use crate::shared::TenantId;"), 0);
        assert_eq!(
            complaints("src/querying/infrastructure/store.rs", "use crate::platform::clickhouse::Pool;"),
            0
        );
        assert_eq!(complaints("src/querying/mod.rs", "use crate::platform::http::Routes;"), 0);
        assert_eq!(
            complaints("src/telemetry/application/ingest.rs", "use crate::platform::event_bus::EventBus;"),
            0
        );
        assert_eq!(complaints("src/bootstrap.rs", "use crate::telemetry::infrastructure::Store;"), 0);
        assert_eq!(complaints("src/main.rs", "use telemetryflow::bootstrap;"), 0);
        assert_eq!(complaints("src/config.rs", "use crate::platform::http::Limits;"), 0);
    }

    #[test]
    fn arrows_that_are_not_on_the_map_are_found() {
        let cases = [
            ("src/querying/application/read.rs", "use crate::alerting::Rules;"),
            ("src/querying/application/read.rs", "fn f() { crate::telemetry::Ingest::new() }"),
            ("src/tenancy/mod.rs", "use super::telemetry::X;"),
            ("src/platform/http/mod.rs", "use crate::telemetry::X;"),
            ("src/shared/time.rs", "use crate::platform::clock;"),
            ("src/telemetry/application/ingest.rs", "use crate::platform::clickhouse::Pool;"),
            ("src/telemetry/domain/metric.rs", "use crate::platform::event_bus::EventBus;"),
            ("src/telemetry/mod.rs", "use crate::bootstrap::Everything;"),
            ("src/telemetry/mod.rs", "use crate::config::Config;"),
            ("src/config.rs", "use crate::telemetry::Settings;"),
            ("src/helpers.rs", "use crate::shared::TenantId;"),
        ];
        for (path, text) in cases {
            assert_eq!(complaints(path, text), 1, "{path}: {text}");
        }
    }

    #[test]
    fn the_layers_of_another_context_are_private() {
        assert_eq!(complaints("src/alerting/mod.rs", "use crate::querying::domain::Series;"), 1);
    }
}
