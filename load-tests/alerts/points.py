"""Requests with the points of one metric of all hosts, and with one point of one host."""

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from alerts import rules
from queries.templates import TIME, WAVE, as_double, as_integer


def request(number, hosts=range(rules.HOSTS), value=None, time_ns=None):
    """Values and times are slots of a template unless they are given."""
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    label(resource.resource.attributes, "service.name", "bench")
    metric = resource.scope_metrics.add().metrics.add()
    metric.name = rules.metric(number)
    for host in hosts:
        point = metric.gauge.data_points.add()
        point.time_unix_nano = as_integer(TIME) if time_ns is None else time_ns
        point.as_double = as_double(WAVE + host % 8) if value is None else value
        label(point.attributes, "block", f"b{host * rules.BLOCKS // rules.HOSTS:03}")
        label(point.attributes, "host", f"host{host:04}")
    return message


def label(attributes, key, value):
    attribute = attributes.add()
    attribute.key, attribute.value.string_value = key, value
