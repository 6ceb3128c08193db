"""The fleet that is watched: services that send the same metrics over and over, all of a service's in one body."""

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from queries.templates import DOUBLE, INTEGER, START, TIME, WAVE, WAVES, as_double, as_integer, multiple

SERVICES = 20
PODS, ROUTES = 5, 6
GAUGES = tuple(f"fleet.level.{number}" for number in range(20))
COUNTERS = tuple(f"fleet.requests.{number}" for number in range(12))
HISTOGRAMS = tuple(f"fleet.duration.{number}" for number in range(8))
METRICS = len(GAUGES) + len(COUNTERS) + len(HISTOGRAMS)
POINTS_PER_BODY = METRICS * PODS * ROUTES
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Observations per bucket for each of a series' steps, in all 100; one more than there are bounds.
WEIGHTS = (1, 3, 8, 20, 30, 20, 10, 5, 2, 1, 0, 0)
# Half of the services send every ten seconds, the others every fifteen.
INTERVALS_S = (10, 15)


def service_name(number):
    return f"service-{number % SERVICES}"


def interval_s(service):
    return INTERVALS_S[service % len(INTERVALS_S)]


def series_count(services=SERVICES):
    return services * METRICS * PODS * ROUTES


def points_per_second(services=SERVICES):
    return sum(POINTS_PER_BODY / interval_s(service) for service in range(services))


def request(service):
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    attribute(resource.resource.attributes, "service.name", service_name(service))
    metrics = resource.scope_metrics.add().metrics
    for number, name in enumerate(GAUGES):
        points = metrics.add(name=name, unit="1").gauge.data_points
        for at, point in enumerate(points_of(points, service)):
            point.as_double = as_double(WAVE + (number + at) % WAVES)
    for number, name in enumerate(COUNTERS):
        counter = metrics.add(name=name, unit="{request}").sum
        counter.is_monotonic, counter.aggregation_temporality = True, 2
        for at, point in enumerate(points_of(counter.data_points, service)):
            each = multiple((1, 2, 3, 5, 7)[(number + at) % 5])
            if number % 2:
                point.as_double = as_double(DOUBLE + each)
            else:
                point.as_int = as_integer(INTEGER + each)
    for number, name in enumerate(HISTOGRAMS):
        histogram = metrics.add(name=name, unit="s").histogram
        histogram.aggregation_temporality = 2
        for at, point in enumerate(points_of(histogram.data_points, service)):
            scale = 1 + (number + at) % 3
            counts = [weight * scale for weight in WEIGHTS]
            point.count = as_integer(INTEGER + multiple(sum(counts)))
            point.sum = as_double(DOUBLE + multiple(sum(counts)))
            point.bucket_counts.extend(as_integer(INTEGER + multiple(count)) for count in counts)
            point.explicit_bounds.extend(BOUNDS)
    return message


def points_of(points, service):
    """A point for each series of a metric of the service."""
    for pod in range(PODS):
        for route in range(ROUTES):
            point = points.add(time_unix_nano=as_integer(TIME), start_time_unix_nano=as_integer(START))
            attribute(point.attributes, "pod", f"{service_name(service)}-pod-{pod}")
            attribute(point.attributes, "route", f"/v1/items/{route}")
            yield point


def attribute(attributes, key, text):
    added = attributes.add(key=key)
    added.value.string_value = text
