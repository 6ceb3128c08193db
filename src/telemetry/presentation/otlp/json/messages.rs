//! The messages of the three signals (opentelemetry-proto 1.x), field by field in the order of the definitions.

use super::schema::Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int64, Message as Of, Sfixed64, Sint32, Text, Uint32,
    Uint64, Value,
};
use super::schema::{Field, Kind, Message};
use crate::shared::Signal;

/// The message that a client exports.
pub const fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Metrics => &METRICS_REQUEST,
        Signal::Logs => &LOGS_REQUEST,
        Signal::Traces => &TRACE_REQUEST,
    }
}

const fn one(name: &'static str, number: u32, kind: Kind) -> Field {
    Field::new(name, number, kind)
}

const fn many(name: &'static str, number: u32, kind: Kind) -> Field {
    Field::new(name, number, kind).repeated()
}

const fn either(name: &'static str, number: u32, kind: Kind) -> Field {
    Field::new(name, number, kind).member()
}

const fn optional(name: &'static str, number: u32, kind: Kind) -> Field {
    Field::new(name, number, kind).optional()
}

// common/v1/common.proto, resource/v1/resource.proto

pub static ANY_VALUE: Message = Message {
    fields: &[
        either("stringValue", 1, Text),
        either("boolValue", 2, Bool),
        either("intValue", 3, Int64),
        either("doubleValue", 4, Double),
        either("arrayValue", 5, Of(&ARRAY_VALUE)),
        either("kvlistValue", 6, Of(&KEY_VALUE_LIST)),
        either("bytesValue", 7, Bytes),
    ],
};
static ARRAY_VALUE: Message = Message { fields: &[many("values", 1, Value)] };
static KEY_VALUE_LIST: Message = Message { fields: &[many("values", 1, Of(&KEY_VALUE))] };
static KEY_VALUE: Message = Message { fields: &[one("key", 1, Text), one("value", 2, Value)] };
static SCOPE: Message = Message {
    fields: &[
        one("name", 1, Text),
        one("version", 2, Text),
        many("attributes", 3, Of(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Uint32),
    ],
};
static ENTITY_REF: Message = Message {
    fields: &[
        one("schemaUrl", 1, Text),
        one("type", 2, Text),
        many("idKeys", 3, Text),
        many("descriptionKeys", 4, Text),
    ],
};
static RESOURCE: Message = Message {
    fields: &[
        many("attributes", 1, Of(&KEY_VALUE)),
        one("droppedAttributesCount", 2, Uint32),
        many("entityRefs", 3, Of(&ENTITY_REF)),
    ],
};

// metrics/v1/metrics.proto

static METRICS_REQUEST: Message = Message { fields: &[many("resourceMetrics", 1, Of(&RESOURCE_METRICS))] };
static RESOURCE_METRICS: Message = Message {
    fields: &[
        one("resource", 1, Of(&RESOURCE)),
        many("scopeMetrics", 2, Of(&SCOPE_METRICS)),
        one("schemaUrl", 3, Text),
    ],
};
static SCOPE_METRICS: Message = Message {
    fields: &[one("scope", 1, Of(&SCOPE)), many("metrics", 2, Of(&METRIC)), one("schemaUrl", 3, Text)],
};
static METRIC: Message = Message {
    fields: &[
        one("name", 1, Text),
        one("description", 2, Text),
        one("unit", 3, Text),
        either("gauge", 5, Of(&GAUGE)),
        either("sum", 7, Of(&SUM)),
        either("histogram", 9, Of(&HISTOGRAM)),
        either("exponentialHistogram", 10, Of(&EXPONENTIAL_HISTOGRAM)),
        either("summary", 11, Of(&SUMMARY)),
        many("metadata", 12, Of(&KEY_VALUE)),
    ],
};
static GAUGE: Message = Message { fields: &[many("dataPoints", 1, Of(&NUMBER_POINT))] };
static SUM: Message = Message {
    fields: &[
        many("dataPoints", 1, Of(&NUMBER_POINT)),
        one("aggregationTemporality", 2, Enum(TEMPORALITIES)),
        one("isMonotonic", 3, Bool),
    ],
};
static HISTOGRAM: Message = Message {
    fields: &[
        many("dataPoints", 1, Of(&HISTOGRAM_POINT)),
        one("aggregationTemporality", 2, Enum(TEMPORALITIES)),
    ],
};
static EXPONENTIAL_HISTOGRAM: Message = Message {
    fields: &[
        many("dataPoints", 1, Of(&EXPONENTIAL_POINT)),
        one("aggregationTemporality", 2, Enum(TEMPORALITIES)),
    ],
};
static SUMMARY: Message = Message { fields: &[many("dataPoints", 1, Of(&SUMMARY_POINT))] };
const TEMPORALITIES: &[(&str, i32)] = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
];
static NUMBER_POINT: Message = Message {
    fields: &[
        many("attributes", 7, Of(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        either("asDouble", 4, Double),
        either("asInt", 6, Sfixed64),
        many("exemplars", 5, Of(&EXEMPLAR)),
        one("flags", 8, Uint32),
    ],
};
static HISTOGRAM_POINT: Message = Message {
    fields: &[
        many("attributes", 9, Of(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        optional("sum", 5, Double),
        many("bucketCounts", 6, Fixed64),
        many("explicitBounds", 7, Double),
        many("exemplars", 8, Of(&EXEMPLAR)),
        one("flags", 10, Uint32),
        optional("min", 11, Double),
        optional("max", 12, Double),
    ],
};
static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        many("attributes", 1, Of(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        optional("sum", 5, Double),
        one("scale", 6, Sint32),
        one("zeroCount", 7, Fixed64),
        one("positive", 8, Of(&BUCKETS)),
        one("negative", 9, Of(&BUCKETS)),
        one("flags", 10, Uint32),
        many("exemplars", 11, Of(&EXEMPLAR)),
        optional("min", 12, Double),
        optional("max", 13, Double),
        one("zeroThreshold", 14, Double),
    ],
};
static BUCKETS: Message = Message { fields: &[one("offset", 1, Sint32), many("bucketCounts", 2, Uint64)] };
static SUMMARY_POINT: Message = Message {
    fields: &[
        many("attributes", 7, Of(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("quantileValues", 6, Of(&VALUE_AT_QUANTILE)),
        one("flags", 8, Uint32),
    ],
};
static VALUE_AT_QUANTILE: Message =
    Message { fields: &[one("quantile", 1, Double), one("value", 2, Double)] };
static EXEMPLAR: Message = Message {
    fields: &[
        many("filteredAttributes", 7, Of(&KEY_VALUE)),
        one("timeUnixNano", 2, Fixed64),
        either("asDouble", 3, Double),
        either("asInt", 6, Sfixed64),
        one("spanId", 4, Id),
        one("traceId", 5, Id),
    ],
};

// logs/v1/logs.proto

static LOGS_REQUEST: Message = Message { fields: &[many("resourceLogs", 1, Of(&RESOURCE_LOGS))] };
static RESOURCE_LOGS: Message = Message {
    fields: &[
        one("resource", 1, Of(&RESOURCE)),
        many("scopeLogs", 2, Of(&SCOPE_LOGS)),
        one("schemaUrl", 3, Text),
    ],
};
static SCOPE_LOGS: Message = Message {
    fields: &[one("scope", 1, Of(&SCOPE)), many("logRecords", 2, Of(&LOG_RECORD)), one("schemaUrl", 3, Text)],
};
static LOG_RECORD: Message = Message {
    fields: &[
        one("timeUnixNano", 1, Fixed64),
        one("observedTimeUnixNano", 11, Fixed64),
        one("severityNumber", 2, Enum(SEVERITIES)),
        one("severityText", 3, Text),
        one("body", 5, Value),
        many("attributes", 6, Of(&KEY_VALUE)),
        one("droppedAttributesCount", 7, Uint32),
        one("flags", 8, Fixed32),
        one("traceId", 9, Id),
        one("spanId", 10, Id),
        one("eventName", 12, Text),
    ],
};
const SEVERITIES: &[(&str, i32)] = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];

// trace/v1/trace.proto

static TRACE_REQUEST: Message = Message { fields: &[many("resourceSpans", 1, Of(&RESOURCE_SPANS))] };
static RESOURCE_SPANS: Message = Message {
    fields: &[
        one("resource", 1, Of(&RESOURCE)),
        many("scopeSpans", 2, Of(&SCOPE_SPANS)),
        one("schemaUrl", 3, Text),
    ],
};
static SCOPE_SPANS: Message = Message {
    fields: &[one("scope", 1, Of(&SCOPE)), many("spans", 2, Of(&SPAN)), one("schemaUrl", 3, Text)],
};
static SPAN: Message = Message {
    fields: &[
        one("traceId", 1, Id),
        one("spanId", 2, Id),
        one("traceState", 3, Text),
        one("parentSpanId", 4, Id),
        one("flags", 16, Fixed32),
        one("name", 5, Text),
        one("kind", 6, Enum(SPAN_KINDS)),
        one("startTimeUnixNano", 7, Fixed64),
        one("endTimeUnixNano", 8, Fixed64),
        many("attributes", 9, Of(&KEY_VALUE)),
        one("droppedAttributesCount", 10, Uint32),
        many("events", 11, Of(&EVENT)),
        one("droppedEventsCount", 12, Uint32),
        many("links", 13, Of(&LINK)),
        one("droppedLinksCount", 14, Uint32),
        one("status", 15, Of(&STATUS)),
    ],
};
const SPAN_KINDS: &[(&str, i32)] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];
static EVENT: Message = Message {
    fields: &[
        one("timeUnixNano", 1, Fixed64),
        one("name", 2, Text),
        many("attributes", 3, Of(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Uint32),
    ],
};
static LINK: Message = Message {
    fields: &[
        one("traceId", 1, Id),
        one("spanId", 2, Id),
        one("traceState", 3, Text),
        many("attributes", 4, Of(&KEY_VALUE)),
        one("droppedAttributesCount", 5, Uint32),
        one("flags", 6, Fixed32),
    ],
};
static STATUS: Message = Message { fields: &[one("message", 2, Text), one("code", 3, Enum(STATUS_CODES))] };
const STATUS_CODES: &[(&str, i32)] =
    &[("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", 2)];
