//! The routes of the query API, as the document of the API has them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::platform::http::ProblemKind;
use crate::platform::http::openapi::{Form, Needs, Operation, Parameter};

use super::answers::{CatalogueBody, QueryBody, TimeSeriesBody};
use super::described::described;
use super::formats::{Format, PrometheusBody, RowsBody};
use super::get_cardinality::{MetricBody, MetricsBody};
use super::get_labels::{LabelsBody, ValuesBody};
use super::get_logs::{ContextBody, HistogramBody, LogsBody};
use super::get_series::{ExemplarsBody, MetadataBody, SeriesBody};
use super::get_service_map::ServiceMapBody;
use super::get_services::{OperationsBody, ServicesBody};
use super::get_traces::{TraceBody, TracesBody};
use super::otlp_json::TracesData;
use super::parameters::{
    ATTRIBUTES, LIMIT, METRIC_NAME, METRICS_DEFAULT, METRICS_MAX, Names, OF_CATALOGUE, SERVICE_NAME,
    TEXT_BYTES_MAX,
};
use super::post_metrics_query::Question;
use super::search_parameters::{
    OF_CONTEXT, OF_HISTOGRAM, OF_LOG_FILTER, OF_LOGS, RESOURCE, ROWS_MAX, SERVICE, TIME,
};
use super::series_parameters::{
    CARDINALITY_DEFAULT, LABEL, OF_CARDINALITY, OF_LABELS, OF_METADATA, OF_SERIES, OF_VALUES,
};
use super::stream_parameters::EVENTS;
use super::time_series_parameters::{FORMAT, OF_TIME_SERIES, SERIES_DEFAULT};
use super::trace_parameters::{OF_ONE_TRACE, OF_OPERATIONS, OF_SERVICES, OF_TRACES};
use super::{
    CARDINALITY_PATH, EXEMPLARS_PATH, LABEL_VALUES_PATH, LABELS_PATH, LOG_CONTEXT_PATH, LOG_HISTOGRAM_PATH,
    LOG_TAIL_PATH, LOGS_PATH, METADATA_PATH, METRICS_PATH, METRICS_QUERY_PATH, OPERATIONS_PATH, SERIES_PATH,
    SERVICE_MAP_PATH, SERVICES_PATH, STREAM_PATH, TRACE_PATH, TRACES_PATH,
};

/// What every question to the store may be answered with.
const OF_READING: [ProblemKind; 2] = [ProblemKind::InvalidRequest, ProblemKind::Unavailable];
const EVENT_STREAM: &str = "text/event-stream";

pub fn operations() -> Vec<Operation> {
    metrics()
        .into_iter()
        .chain(about_metrics())
        .chain(logs())
        .chain(traces())
        .chain(services())
        .chain(live())
        .collect()
}

fn read(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::get(path, id, summary).needs(Needs::Reader).problems(&OF_READING)
}

fn metrics() -> Vec<Operation> {
    let parameters = without_doubles(&[OF_TIME_SERIES, OF_CATALOGUE].concat());
    let limit = format!(
        "Most series, those with the highest values ({SERIES_DEFAULT} without it, at most `[query] series_max`); of the \
         catalogue most metrics ({METRICS_DEFAULT} without it, at most {METRICS_MAX})."
    );
    let parameters =
        described(&parameters, &[ATTRIBUTES]).into_iter().map(|parameter| match &*parameter.names {
            names if names == LIMIT => {
                Parameter::new(LIMIT, limit.clone(), Form::Count { default: SERIES_DEFAULT, max: None })
            }
            names if names == SERVICE_NAME => parameter.repeated(),
            names if names == FORMAT => {
                let values = Format::NAMED.iter().map(|(name, _)| (*name).into()).collect();
                Parameter::new(
                    FORMAT,
                    "What the answer looks like.",
                    Form::Choice { values, default: Some("json") },
                )
            }
            _ => parameter,
        });
    vec![
        read(METRICS_PATH, "getMetrics", "The catalogue of metrics, or a metric over time")
            .tagged("metrics")
            .described(
                "With `metricName` a time series; without it the catalogue, which takes `search`, `serviceName` (once), \
                 `limit`, `cursor` and `cache` alone.",
            )
            .with(parameters)
            .answers::<Either<Either<TimeSeriesBody<'_>, RowsBody<'_>>, Either<CatalogueBody<'_>, PrometheusBody>>>()
            .problems(&[ProblemKind::NotFound, ProblemKind::NotComputable]),
        Operation::post(METRICS_QUERY_PATH, "queryMetrics", "Several queries over one range, and formulas over them")
            .needs(Needs::Reader)
            .tagged("metrics")
            .described(
                "The members of a query are the parameters of `GET /api/v2/metrics`, and its name (`a`, `b`, ... without one). \
                 A formula is arithmetic over names: `100 * errors / requests`.",
            )
            .asks::<Question>()
            .answers::<QueryBody<'_>>()
            .problems(&OF_READING)
            .problems(&[ProblemKind::NotFound, ProblemKind::NotComputable, ProblemKind::BodyTooLarge]),
    ]
}

fn about_metrics() -> Vec<Operation> {
    let of = |names, maps| several(described(names, maps), SERVICE_NAME);
    let attributes = &[ATTRIBUTES];
    let about =
        |path, id, summary| read(path, id, summary).tagged("metrics").problems(&[ProblemKind::NotFound]);
    let cardinality = of(OF_CARDINALITY, attributes).into_iter().map(|parameter| match &*parameter.names {
        names if names == LIMIT => {
            let form = Form::Count { default: CARDINALITY_DEFAULT, max: Some(ROWS_MAX) };
            Parameter::new(LIMIT, "Most metrics, or services.", form)
        }
        _ => parameter,
    });
    vec![
        about(METADATA_PATH, "getMetricMetadata", "What a metric is")
            .with(needed(of(OF_METADATA, &[]), METRIC_NAME))
            .answers::<MetadataBody<'_>>(),
        about(LABELS_PATH, "listLabels", "Labels of the series of metrics")
            .with(of(OF_LABELS, attributes))
            .answers::<LabelsBody<'_>>(),
        about(LABEL_VALUES_PATH, "listLabelValues", "Values of a label")
            .with(needed(of(OF_VALUES, attributes), LABEL))
            .answers::<ValuesBody<'_>>(),
        about(SERIES_PATH, "listSeries", "Series of a metric")
            .with(needed(of(OF_SERIES, attributes), METRIC_NAME))
            .answers::<SeriesBody<'_>>(),
        about(
            CARDINALITY_PATH,
            "getCardinality",
            "Which metrics have the most series, and what makes those of one",
        )
        .described("With `metricName` of this metric.")
        .with(cardinality)
        .answers::<Either<MetricsBody<'_>, MetricBody<'_>>>(),
        about(EXEMPLARS_PATH, "listExemplars", "What was recorded beside the points of a metric")
            .with(needed(of(OF_SERIES, attributes), METRIC_NAME))
            .answers::<ExemplarsBody<'_>>(),
    ]
}

fn logs() -> Vec<Operation> {
    let filter = &[ATTRIBUTES, RESOURCE];
    vec![
        read(LOGS_PATH, "searchLogs", "Log records that pass a filter, a page at a time")
            .tagged("logs")
            .with(of_services(described(OF_LOGS, filter)))
            .answers::<LogsBody<'_>>(),
        read(
            LOG_HISTOGRAM_PATH,
            "countLogs",
            "How many log records pass a filter, over time and by severity",
        )
        .tagged("logs")
        .with(of_services(described(OF_HISTOGRAM, filter)))
        .answers::<HistogramBody<'_>>(),
        read(LOG_CONTEXT_PATH, "getLogContext", "What was recorded around a moment")
            .tagged("logs")
            .with(needed(of_services(described(OF_CONTEXT, &[RESOURCE])), TIME))
            .answers::<ContextBody<'_>>(),
    ]
}

fn traces() -> Vec<Operation> {
    let id = Parameter::in_path(&["id"], "The trace's id.", Form::Hexadecimal { digits: 32 });
    vec![
        read(TRACES_PATH, "searchTraces", "Traces of which a span passes a filter")
            .tagged("traces")
            .with(of_services(described(OF_TRACES, &[ATTRIBUTES])))
            .answers::<TracesBody<'_>>(),
        read(TRACE_PATH, "getTrace", "A trace with its spans")
            .tagged("traces")
            .with([id])
            .with(described(OF_ONE_TRACE, &[]))
            .answers::<Either<TraceBody<'_>, TracesData<'_>>>()
            .problems(&[ProblemKind::NotFound, ProblemKind::NotComputable]),
    ]
}

fn services() -> Vec<Operation> {
    let name = Form::Text { bytes_max: TEXT_BYTES_MAX, example: "shop" };
    vec![
        read(SERVICES_PATH, "listServices", "Requests, errors and durations of services")
            .tagged("services")
            .with(of_services(described(OF_SERVICES, &[])))
            .answers::<ServicesBody>(),
        read(OPERATIONS_PATH, "listOperations", "Requests, errors and durations of a service's operations")
            .tagged("services")
            .with([Parameter::in_path(&["name"], "The service's name.", name)])
            .with(described(OF_OPERATIONS, &[]))
            .answers::<OperationsBody>(),
        read(SERVICE_MAP_PATH, "getServiceMap", "Which service called which")
            .tagged("services")
            .with(described(OF_OPERATIONS, &[]))
            .answers::<ServiceMapBody>(),
    ]
}

fn live() -> Vec<Operation> {
    let events =
        "Events `ingest`, `metrics`, `logs`, `alerts`, and `lagged` for who is too slow; data as JSON.";
    let of_all = [&[EVENTS, METRIC_NAME], OF_LOG_FILTER].concat();
    let of_all = of_services(described(&of_all, &[ATTRIBUTES, RESOURCE])).into_iter();
    let of_all = of_all.map(|parameter| match &*parameter.names {
        names if names == METRIC_NAME => parameter.repeated(),
        names if names == EVENTS => parameter.repeated().needed(),
        _ => parameter,
    });
    vec![
        read(STREAM_PATH, "listen", "What happens, as it happens")
            .tagged("live")
            .described(
                "Ends after an hour, or when the server stops. `metricName` belongs to `metrics`, the filter to `logs`.",
            )
            .with(of_all)
            .answers_text(EVENT_STREAM, events),
        read(LOG_TAIL_PATH, "tailLogs", "Log records as they are stored")
            .tagged("live")
            .described("As `/api/v2/stream?events=logs`.")
            .with(of_services(described(OF_LOG_FILTER, &[ATTRIBUTES, RESOURCE])))
            .answers_text(EVENT_STREAM, "Events `logs`, each a log record as a search answers it; and `lagged`."),
    ]
}

fn without_doubles(names: &[Names]) -> Vec<Names> {
    let mut once: Vec<Names> = Vec::new();
    for names in names {
        if !once.contains(names) {
            once.push(names);
        }
    }
    once
}

/// Several services may be named.
fn of_services(parameters: Vec<Parameter>) -> Vec<Parameter> {
    several(parameters, SERVICE)
}

fn several(parameters: Vec<Parameter>, which: Names) -> Vec<Parameter> {
    let parameters = parameters.into_iter();
    parameters
        .map(|parameter| if &*parameter.names == which { parameter.repeated() } else { parameter })
        .collect()
}

fn needed(parameters: Vec<Parameter>, which: Names) -> Vec<Parameter> {
    let parameters = parameters.into_iter();
    parameters
        .map(|parameter| if &*parameter.names == which { parameter.needed() } else { parameter })
        .collect()
}

/// An answer of one of two forms. Only described, never made.
struct Either<A, B>(std::marker::PhantomData<(A, B)>);

impl<A: JsonSchema, B: JsonSchema> JsonSchema for Either<A, B> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", A::schema_name(), B::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<A>(), generator.subschema_for::<B>()] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_described_once() {
        let mut described: Vec<&str> = operations().iter().map(Operation::path).collect();
        let mut served = super::super::PATHS.to_vec();
        described.sort_unstable();
        served.sort_unstable();
        assert_eq!(described, served);
    }
}
