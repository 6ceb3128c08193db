"""Metrics of 10,000 series each: what is asked of them reads an hour of all series, grouped by one label."""

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from queries.fleet import attribute
from queries.templates import INTEGER, START, TIME, WAVE, WAVES, as_double, as_integer, multiple

SERIES = 10_000
SERVICES = 100
SERIES_EACH = SERIES // SERVICES
ROUTES = 20
INTERVAL_S = 15
HOUR_S = 3_600
KINDS = {"gauge": "avg", "counter": "rate"}
# The first of a kind is read again and again past the cache; each is read once through an empty one.
EACH = 5


def metric_name(kind, number):
    return f"wide.{kind}.{number}"


def due(now_s):
    """An hour up to now, and the step before: when each service has sent."""
    times = range(int(now_s) - HOUR_S - INTERVAL_S, int(now_s), INTERVAL_S)
    return [(at, number) for at in times for number in range(SERVICES)]


def points(now_s):
    return len(due(now_s)) * SERIES_EACH * EACH * len(KINDS)


def request(service):
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    attribute(resource.resource.attributes, "service.name", f"wide-{service}")
    metrics = resource.scope_metrics.add().metrics
    for number in range(EACH):
        gauge = metrics.add(name=metric_name("gauge", number), unit="1").gauge
        for at, point in enumerate(points_of(gauge.data_points, service)):
            point.as_double = as_double(WAVE + (service + at) % WAVES)
        counter = metrics.add(name=metric_name("counter", number), unit="{request}").sum
        counter.is_monotonic, counter.aggregation_temporality = True, 2
        for at, point in enumerate(points_of(counter.data_points, service)):
            point.as_int = as_integer(INTEGER + multiple((1, 2, 3, 5, 7)[at % 5]))
    return message


def points_of(points, service):
    for at in range(SERIES_EACH):
        point = points.add(time_unix_nano=as_integer(TIME), start_time_unix_nano=as_integer(START))
        attribute(point.attributes, "pod", f"pod-{service}-{at}")
        attribute(point.attributes, "route", f"/v1/items/{at % ROUTES}")
        yield point


def question(kind, number, now_s, cache):
    """The pairs of a query string."""
    return [
        ("metricName", metric_name(kind, number)),
        ("startTime", int(now_s) - HOUR_S),
        ("endTime", int(now_s)),
        ("interval", "1m"),
        ("aggregation", KINDS[kind]),
        ("groupBy", "route"),
        ("cache", cache),
    ]
