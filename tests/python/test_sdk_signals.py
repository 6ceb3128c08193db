"""The official OpenTelemetry SDK for Python sends every signal and kind it has; what is stored is what it held."""

import pytest
from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Sum
from opentelemetry.sdk.metrics.export import Histogram as ExplicitHistogram

from recording import AS_STORED, ATTRIBUTES, DELTA, LARGE, SCOPE, TYPES, points, send_logs, send_metrics, send_spans
from server import Server
from wire import WIRES

RESOURCE = {"ResourceSchemaUrl": "https://resource.test/schema"}
SCOPE_COLUMNS = {"ScopeName": SCOPE[0], "ScopeVersion": SCOPE[1], "ScopeSchemaUrl": "https://scope.test/schema"}
WHOSE = "ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeSchemaUrl"


class Sent:
    """All signals over every wire to one server, which has stopped since."""

    def __init__(self, server):
        self.server = server
        self.held = {}
        self.read = {}
        for wire in WIRES:
            temporality = DELTA if wire.compression == "gzip" else {}
            metrics = wire.exporter("metrics", server, preferred_temporality=temporality)
            self.held[wire, "metrics"] = send_metrics(metrics, str(wire))
            self.held[wire, "traces"] = send_spans(wire.exporter("traces", server), str(wire))
            self.held[wire, "logs"] = send_logs(wire.exporter("logs", server), str(wire))

    def rows(self, wire, statement):
        """What came over one wire; what came over all of them is read once."""
        if statement not in self.read:
            self.read[statement] = self.server.rows(statement)
        return [row for row in self.read[statement] if row["ResourceAttributes"]["service.name"] == str(wire)]


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("signals"))
    server.start()
    try:
        everything = Sent(server)
    finally:
        code = server.stop()
    assert code == 0, server.said()
    return everything


def nanos(column):
    return f"toUnixTimestamp64Nano({column})"


def all_nanos(column):
    return f"arrayMap(time -> toUnixTimestamp64Nano(time), {column})"


def texts(attributes):
    """Attributes as they are stored; every key of these tests has one value."""
    return {key: AS_STORED.get(key, value) for key, value in (attributes or {}).items()}


def whose(service):
    return {"ResourceAttributes": {"service.name": service, **AS_STORED}, **RESOURCE, **SCOPE_COLUMNS}


def trace_id(number):
    return f"{number:032x}" if number else ""


def span_id(number):
    return f"{number:016x}" if number else ""


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_every_span_is_stored_as_the_sdk_held_it(sent, wire):
    stored = sent.rows(
        wire,
        f"""SELECT {WHOSE}, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, StatusCode, StatusMessage,
            {nanos("Timestamp")} AS start, Duration, SpanAttributes, DroppedAttributesCount,
            {all_nanos("Events.Timestamp")} AS event_times, Events.Name AS events, Events.Attributes AS event_attributes,
            Links.TraceId AS link_traces, Links.SpanId AS link_spans, Links.Attributes AS link_attributes
        FROM telemetryflow.otel_traces ORDER BY SpanName""",
    )
    spans = sorted(sent.held[wire, "traces"], key=lambda span: span.name)
    assert [span.name for span in spans] == ["GET /cart", "POST /orders", "insert", "notify"]
    assert stored == [span_row(span, str(wire)) for span in spans]


def span_row(span, service):
    return whose(service) | {
        "TraceId": trace_id(span.context.trace_id),
        "SpanId": span_id(span.context.span_id),
        "ParentSpanId": span_id(span.parent.span_id) if span.parent else "",
        "TraceState": "",
        "SpanName": span.name,
        "SpanKind": span.kind.name.capitalize(),
        "StatusCode": span.status.status_code.name.capitalize(),
        "StatusMessage": span.status.description or "",
        "start": span.start_time,
        "Duration": span.end_time - span.start_time,
        "SpanAttributes": texts(span.attributes),
        "DroppedAttributesCount": 0,
        "event_times": [event.timestamp for event in span.events],
        "events": [event.name for event in span.events],
        "event_attributes": [texts(event.attributes) for event in span.events],
        "link_traces": [trace_id(link.context.trace_id) for link in span.links],
        "link_spans": [span_id(link.context.span_id) for link in span.links],
        "link_attributes": [texts(link.attributes) for link in span.links],
    }


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_attributes_of_every_type_reach_every_signal(sent, wire):
    order = next(span for span in sent.held[wire, "traces"] if span.name == "POST /orders")
    placed = sent.held[wire, "logs"][0].log_record
    orders = next(point for metric, point in points(sent.held[wire, "metrics"]) if metric.name == "orders")
    for attributes in (order.attributes, placed.attributes, orders.attributes, order.resource.attributes):
        assert attributes.keys() >= ATTRIBUTES.keys()


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_every_log_record_is_stored_as_the_sdk_held_it(sent, wire):
    stored = sent.rows(
        wire,
        f"""SELECT {WHOSE}, {nanos("Timestamp")} AS time, {nanos("ObservedTimestamp")} AS observed, TraceId, SpanId,
            TraceFlags, SeverityText, SeverityNumber, Body, BodyType, LogAttributes, EventName
        FROM telemetryflow.otel_logs ORDER BY EventName""",
    )
    records = sorted((kept.log_record for kept in sent.held[wire, "logs"]), key=lambda record: record.event_name)
    assert len(records) == 1 + len(TYPES)
    assert stored == [log_row(record, str(wire)) for record in records]


def log_row(record, service):
    return whose(service) | {
        "time": record.timestamp or record.observed_timestamp,
        "observed": record.observed_timestamp,
        "TraceId": trace_id(record.trace_id),
        "SpanId": span_id(record.span_id),
        "TraceFlags": int(record.trace_flags or 0),
        "SeverityText": record.severity_text or "",
        "SeverityNumber": record.severity_number.value if record.severity_number else 0,
        "Body": body_text(record),
        "BodyType": body_type(record.body),
        "LogAttributes": texts(record.attributes),
        "EventName": record.event_name,
    }


def body_text(record):
    return AS_STORED.get(record.event_name.removeprefix("body."), record.body)


def body_type(body):
    names = {bool: "bool", str: "string", int: "int", float: "double", bytes: "bytes", type(None): "empty"}
    return names.get(type(body)) or ("map" if isinstance(body, dict) else "array")


POINT = f"""{WHOSE}, MetricName, MetricDescription, MetricUnit, Attributes, {nanos("StartTimeUnix")} AS start,
    {nanos("TimeUnix")} AS time, {all_nanos("`Exemplars.TimeUnix`")} AS exemplar_times, `Exemplars.Value` AS exemplars,
    `Exemplars.ValueInteger` AS exemplar_integers, `Exemplars.TraceId` AS exemplar_traces,
    `Exemplars.SpanId` AS exemplar_spans, `Exemplars.FilteredAttributes` AS exemplar_attributes"""


KINDS = {
    "gauge": (Gauge, "Value, ValueInteger"),
    "sum": (Sum, "Value, ValueInteger, AggregationTemporality, IsMonotonic"),
    "histogram": (
        ExplicitHistogram,
        "Count, Sum, Min, Max, BucketCounts, ExplicitBounds, AggregationTemporality",
    ),
    "exponential_histogram": (
        ExponentialHistogram,
        "Count, Sum, Min, Max, Scale, ZeroCount, PositiveOffset, PositiveBucketCounts, NegativeOffset, "
        "NegativeBucketCounts, AggregationTemporality",
    ),
}


@pytest.mark.parametrize("view", KINDS)
@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_every_point_is_stored_as_the_sdk_held_it(sent, wire, view):
    kind, columns = KINDS[view]
    stored = sent.rows(
        wire,
        f"SELECT {POINT}, {columns} FROM telemetryflow.otel_metrics_{view} ORDER BY MetricName, TimeUnix",
    )
    expected = [
        point_row(metric, point, str(wire))
        for metric, point in points(sent.held[wire, "metrics"])
        if isinstance(metric.data, kind)
    ]
    expected.sort(key=lambda row: (row["MetricName"], row["time"]))
    # Two exports, and the last one when the provider was shut down.
    assert len(expected) >= 2
    assert stored == expected


def point_row(metric, point, service):
    exemplars = point.exemplars
    row = whose(service) | {
        "MetricName": metric.name,
        "MetricDescription": metric.description,
        "MetricUnit": metric.unit,
        "Attributes": texts(point.attributes),
        "start": 0 if isinstance(metric.data, Gauge) else point.start_time_unix_nano,
        "time": point.time_unix_nano,
        "exemplar_times": [exemplar.time_unix_nano for exemplar in exemplars],
        "exemplars": [float(exemplar.value) for exemplar in exemplars],
        "exemplar_integers": [integer(exemplar.value) for exemplar in exemplars],
        "exemplar_traces": [trace_id(exemplar.trace_id) for exemplar in exemplars],
        "exemplar_spans": [span_id(exemplar.span_id) for exemplar in exemplars],
        "exemplar_attributes": [texts(exemplar.filtered_attributes) for exemplar in exemplars],
    }
    if isinstance(metric.data, (Gauge, Sum)):
        row |= {"Value": float(point.value), "ValueInteger": integer(point.value)}
    else:
        row |= {"Count": point.count, "Sum": point.sum, "Min": point.min, "Max": point.max}
    if not isinstance(metric.data, Gauge):
        row["AggregationTemporality"] = int(metric.data.aggregation_temporality)
    return row | of_kind(metric.data, point)


def of_kind(data, point):
    if isinstance(data, Sum):
        return {"IsMonotonic": data.is_monotonic}
    if isinstance(data, ExplicitHistogram):
        return {"BucketCounts": list(point.bucket_counts), "ExplicitBounds": list(point.explicit_bounds)}
    if isinstance(data, ExponentialHistogram):
        return {
            "Scale": point.scale,
            "ZeroCount": point.zero_count,
            "PositiveOffset": point.positive.offset,
            "PositiveBucketCounts": list(point.positive.bucket_counts),
            "NegativeOffset": point.negative.offset,
            "NegativeBucketCounts": list(point.negative.bucket_counts),
        }
    return {}


def integer(value):
    return value if isinstance(value, int) else None


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_exemplars_lead_to_their_spans(sent, wire):
    reduced = [point for metric, point in points(sent.held[wire, "metrics"]) if metric.name == "reduced"]
    exemplars = [exemplar for point in reduced for exemplar in point.exemplars]
    assert {exemplar.value for exemplar in exemplars} == {LARGE}
    assert all(exemplar.trace_id and exemplar.span_id for exemplar in exemplars)
    assert all(exemplar.filtered_attributes == {"count": 42} for exemplar in exemplars)

