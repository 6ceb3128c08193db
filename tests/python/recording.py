"""An application that records every signal with the SDK, and what of it has to be read back."""

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SCOPE = ("tests.python", "1.2.3")
# An attribute of each type that the API has, and its text in the store.
TYPES = {
    "text": ("a b/c ä€\U0001f600", "a b/c ä€\U0001f600"),
    "no.text": ("", ""),
    "flag": (True, "true"),
    "count": (42, "42"),
    "largest": (2**63 - 1, "9223372036854775807"),
    "smallest": (-(2**63), "-9223372036854775808"),
    "ratio": (-0.1, "-0.1"),
    "bytes": (b"\x00\xff", "AP8="),
    "texts": (["x", 'y"'], '["x","y\\""]'),
    "flags": ([True, False], "[true,false]"),
    "counts": ([1, -2], "[1,-2]"),
    "ratios": ([0.5, -1.5], "[0.5,-1.5]"),
    "map": ({"a": 1, "b": ["c"]}, '{"a":1,"b":["c"]}'),
    "nothing": (None, ""),
}
ATTRIBUTES = {key: value for key, (value, _) in TYPES.items()}
AS_STORED = {key: text for key, (_, text) in TYPES.items()}
# Far apart, on both sides of zero, and zero.
MEASURED = [-7.5, 0, 0.001, 0.5, 5, 10, 50, 1e9]
# Beyond 2^53 a double would lose the last digits.
LARGE = 2**53 + 1
DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


def keeping(exporter):
    """The exporter, with all that it is given in its `kept`."""
    export, exporter.kept = exporter.export, []

    def kept_export(batch, *arguments, **options):
        exporter.kept.append(batch)
        return export(batch, *arguments, **options)

    exporter.export = kept_export
    return exporter


def resource(service):
    # Without what `Resource.create` would add of the SDK itself.
    return Resource({"service.name": service, **ATTRIBUTES}, "https://resource.test/schema")


def send_spans(exporter, service):
    """Four spans, linked, in two traces; gives them as the SDK holds them."""
    provider = TracerProvider(resource=resource(service))
    provider.add_span_processor(BatchSpanProcessor(keeping(exporter)))
    tracer = provider.get_tracer(*SCOPE, schema_url="https://scope.test/schema")
    cart = tracer.start_span("GET /cart", kind=trace.SpanKind.SERVER)
    cart.set_status(trace.StatusCode.OK)
    cart.end()
    order = tracer.start_span("POST /orders", kind=trace.SpanKind.CLIENT, attributes=ATTRIBUTES)
    within = trace.set_span_in_context(order)
    link = trace.Link(cart.get_span_context(), {"text": TYPES["text"][0]})
    insert = tracer.start_span("insert", within, trace.SpanKind.INTERNAL, links=[link])
    insert.add_event("retry", {"count": 42})
    insert.add_event("abort", ATTRIBUTES)
    insert.set_status(trace.Status(trace.StatusCode.ERROR, "deadlock"))
    insert.end()
    tracer.start_span("notify", within, trace.SpanKind.PRODUCER).end()
    order.end()
    assert provider.force_flush()
    provider.shutdown()
    return [span for batch in exporter.kept for span in batch]


def send_logs(exporter, service):
    """A record with all that a record can have, and one of each type of body; gives them as the SDK holds them."""
    provider = LoggerProvider(resource=resource(service))
    provider.add_log_record_processor(BatchLogRecordProcessor(keeping(exporter)))
    logger = provider.get_logger(*SCOPE, schema_url="https://scope.test/schema")
    tracer = TracerProvider().get_tracer(*SCOPE)
    logger.emit(
        body="order 7 placed",
        severity_number=SeverityNumber.WARN2,
        severity_text="WARNING",
        event_name="order.placed",
        attributes=ATTRIBUTES,
        context=trace.set_span_in_context(tracer.start_span("order")),
    )
    for key, (body, _) in TYPES.items():
        logger.emit(body=body, event_name=f"body.{key}")
    assert provider.force_flush()
    provider.shutdown()
    return [record for batch in exporter.kept for record in batch]


def send_metrics(exporter, service):
    """Every instrument twice, in a sampled span; gives the points as the SDK holds them."""
    views = [
        View(instrument_name="explicit", aggregation=ExplicitBucketHistogramAggregation([0, 1, 10])),
        View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation()),
        # What is left out of a point is an attribute of its exemplars.
        View(instrument_name="reduced", attribute_keys={"method"}),
    ]
    reader = PeriodicExportingMetricReader(keeping(exporter), export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=resource(service), views=views)
    meter = provider.get_meter(*SCOPE, schema_url="https://scope.test/schema")
    tracer = TracerProvider().get_tracer(*SCOPE)
    for _ in range(2):
        with tracer.start_as_current_span("measured"):
            measure(meter)
        assert provider.force_flush()
    provider.shutdown()
    return [resource_metrics for batch in exporter.kept for resource_metrics in batch.resource_metrics]


def measure(meter):
    meter.create_counter("orders", "{order}", "Orders placed").add(3, ATTRIBUTES)
    meter.create_counter("revenue", "EUR").add(12.75)
    meter.create_up_down_counter("balance").add(-0.125, {"method": "POST"})
    meter.create_gauge("temperature", "Cel").set(-3.5, {"method": "POST"})
    meter.create_gauge("serial").set(LARGE, {"method": "POST"})
    meter.create_counter("reduced").add(LARGE, {"method": "POST", "count": 42})
    explicit, exponential = meter.create_histogram("explicit", "s"), meter.create_histogram("exponential", "s")
    for value in MEASURED:
        explicit.record(value, {"method": "POST"})
        exponential.record(value, {"method": "POST"})


def points(exported):
    """Every point, with its metric."""
    return [
        (metric, point)
        for resource_metrics in exported
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
        for point in metric.data.data_points
    ]
