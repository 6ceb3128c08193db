"""A rule over what an SDK sends: the alert reaches a Slack webhook, and so does its end."""

import json

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from server import eventually

RULES = """\
groups:
- name: python
  rules:
  - id: queue-full
    name: Queue is full
    metric: queue.depth
    aggregation: max
    window: 10s
    thresholds:
    - {severity: WARN, op: ">", value: 5}
    channels: [slack-test]
"""
# Fires at a value that the rule above leaves alone.
CONTROL = """\
  - id: control
    name: Control
    metric: queue.depth
    aggregation: max
    window: 10s
    thresholds:
    - {severity: INFO, op: ">=", value: 5}
    channels: [slack-test]
"""


@pytest.fixture
def depth():
    """A gauge that is exported, with each value, to the server that it was connected to."""
    providers = []

    def connect(server):
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=server.metrics_url), export_interval_millis=3_600_000
        )
        provider = MeterProvider([reader], resource=Resource.create({"service.name": "shop"}))
        providers.append(provider)
        gauge = provider.get_meter("tests.python").create_gauge("queue.depth")

        def export(value):
            gauge.set(value)
            assert provider.force_flush()

        return export

    yield connect
    for provider in providers:
        provider.shutdown()


def configuration(tmp_path, slack, text=RULES):
    rules = tmp_path / "rules.yaml"
    rules.write_text(text)
    return (
        f"[alerting]\nrules = {json.dumps(str(rules))}\n"
        f'[channels.slack-test]\nkind = "slack"\nurl = {json.dumps(slack.url)}\n'
        '[outgoing]\nallow = ["127.0.0.0/8"]\n'
    )


def test_an_alert_fires_and_resolves_when_values_go_down(start_server, tmp_path, slack, depth):
    export = depth(start_server(configuration(tmp_path, slack)))

    def reported(value, *words):
        export(value)
        return slack.holds("Queue is full", *words)

    eventually("a message that the queue is full", lambda: reported(9, "warn"), within_s=60)
    assert not slack.holds("Queue is full", "resolved")
    eventually("a message that it no longer is", lambda: reported(1, "resolved"), within_s=90)


def test_an_alert_resolves_when_nothing_comes_any_more(start_server, tmp_path, slack, depth):
    export = depth(start_server(configuration(tmp_path, slack)))

    def fired():
        export(9)
        return slack.holds("Queue is full", "warn")

    eventually("a message that the queue is full", fired, within_s=60)
    eventually("a message that it no longer is", lambda: slack.holds("Queue is full", "resolved"), within_s=120)


def test_a_value_at_the_threshold_is_not_above_it(start_server, tmp_path, slack, depth):
    export = depth(start_server(configuration(tmp_path, slack, RULES + CONTROL)))

    def control_fired():
        export(5)
        return slack.holds("Control")

    eventually("a message of the control rule", control_fired, within_s=60)
    assert not slack.holds("Queue is full")
