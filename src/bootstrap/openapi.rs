//! The document of the API: what every route of its listener takes and answers, from those who serve them.

use serde_json::Value;

use crate::platform::http::openapi::{self, Operation};
use crate::platform::{health, log_level};
use crate::{alerting, querying, telemetry};

const TITLE: &str = "TelemetryFlow";
const ABOUT: &str = "Metrics, log records and traces: what was stored, and what happens. Wrong questions are answered with \
    the field, what is allowed and what was probably meant (RFC 9457). Unknown parameters are refused.";

/// The same for every configuration.
pub fn document() -> Value {
    openapi::document(TITLE, env!("CARGO_PKG_VERSION"), ABOUT, &operations())
}

fn operations() -> Vec<Operation> {
    let all = [
        querying::operations(),
        alerting::operations(),
        telemetry::operations(),
        health::operations(),
        log_level::operations(),
        openapi::operations(),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The operations of a path.
    fn methods(path: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
        path.as_object().unwrap().values()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let names: BTreeSet<&str> =
            paths.values().flat_map(methods).map(|one| one["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.len(), operations().len());
    }

    #[test]
    fn every_parameter_is_described() {
        let document = document();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for parameter in methods(operations).flat_map(|one| one["parameters"].as_array().unwrap()) {
                let about = parameter["description"].as_str().unwrap();
                assert!(!about.is_empty() && !about.starts_with(' '), "{path}: {}", parameter["name"]);
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let references: BTreeSet<&str> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 10, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
