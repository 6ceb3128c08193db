"""The official OpenTelemetry SDK for Python sends every kind of number it has; what is read back is what was recorded."""

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from server import eventually
from wire import WIRES

SERVICE = "checkout"
# Beyond 2^53 a double would lose the last digits.
LARGE = 2**53 + 1
# The attributes of one point, of each type, and how they read as labels.
ATTRIBUTES = {"text": "a b/c", "flag": True, "count": 42, "ratio": 0.5, "list": ["x", "y"]}
LABELS = {"text": "a b/c", "flag": "true", "count": "42", "ratio": "0.5", "list": '["x","y"]'}


@pytest.fixture
def meter_of():
    """Makes a meter that exports to a server, and the function that makes it export now."""
    providers = []

    def make(server, wire=WIRES[0]):
        exporter = wire.exporter("metrics", server)
        # Exports happen when the test asks for them.
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        provider = MeterProvider([reader], resource=Resource.create({"service.name": SERVICE}))
        providers.append(provider)
        return provider.get_meter("tests.python"), provider.force_flush

    yield make
    for provider in providers:
        provider.shutdown()


def record_everything(meter):
    """One instrument of each kind; gives what has to be read back: name -> (type, unit, {method: value})."""
    meter.create_counter("orders", unit="{order}", description="Orders placed").add(3, {"method": "POST"})
    meter.create_counter("orders", unit="{order}", description="Orders placed").add(4, {"method": "PUT"})
    meter.create_counter("revenue", unit="EUR").add(12.75, {"method": "POST"})
    queue = meter.create_up_down_counter("queue/length", unit="1")
    queue.add(9, {"method": "POST"})
    queue.add(-11, {"method": "POST"})
    meter.create_up_down_counter("balance").add(-0.125, {"method": "POST"})
    meter.create_gauge("temperature", unit="Cel").set(-3.5, {"method": "POST"})
    meter.create_gauge("serial").set(LARGE, {"method": "POST"})
    for make, name, value in [
        (meter.create_observable_counter, "observed.counter", 17),
        (meter.create_observable_up_down_counter, "observed.up_down", -5.5),
        (meter.create_observable_gauge, "observed.gauge", 21.25),
    ]:
        make(name, callbacks=[lambda _, value=value: [Observation(value, {"method": "POST"})]])
    return {
        "orders": ("sum", "{order}", {"POST": 3, "PUT": 4}),
        "revenue": ("sum", "EUR", {"POST": 12.75}),
        "queue/length": ("sum", "1", {"POST": -2}),
        "balance": ("sum", "", {"POST": -0.125}),
        "temperature": ("gauge", "Cel", {"POST": -3.5}),
        "serial": ("gauge", "", {"POST": LARGE}),
        "observed.counter": ("sum", "", {"POST": 17}),
        "observed.up_down": ("sum", "", {"POST": -5.5}),
        "observed.gauge": ("gauge", "", {"POST": 21.25}),
    }


def last_values(server, name, label):
    """The last value of each group, or None while nothing of the metric can be read."""
    answer = server.get(
        "/api/v2/metrics", metricName=name, aggregation="last", groupBy=label, interval="1s", startTime="now-5m"
    )
    if answer is None or not answer["series"]:
        return None
    assert answer["metric"]["name"] == name
    assert all(len(series["values"]) == len(answer["times"]) for series in answer["series"])
    return {series["labels"][label]: last_of(series["values"]) for series in answer["series"]}


def last_of(values):
    return next(value for value in reversed(values) if value is not None)


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_every_number_that_was_recorded_is_read_back(start_server, meter_of, wire):
    server = start_server()
    meter, export = meter_of(server, wire)
    expected = record_everything(meter)
    assert export()

    for name, (_, _, values) in expected.items():
        read = eventually(f"{name} can be read", lambda name=name: complete(server, name, values))
        assert read == values, name


def complete(server, name, values):
    """All groups at once, or None while some are still on their way."""
    read = last_values(server, name, "method")
    return read if read is not None and len(read) >= len(values) else None


def test_the_catalogue_tells_name_kind_unit_and_service(start_server, meter_of):
    server = start_server()
    meter, export = meter_of(server)
    expected = record_everything(meter)
    assert export()

    def listed():
        metrics = {metric["name"]: metric for metric in server.get("/api/v2/metrics")["metrics"]}
        return metrics if expected.keys() <= metrics.keys() else None

    metrics = eventually("all metrics are in the catalogue", listed)
    for name, (kind, unit, values) in expected.items():
        metric = metrics[name]
        assert (metric["type"], metric["unit"] or "") == (kind, unit), name
        assert metric["services"] == [SERVICE], name
        assert metric["seriesCount"] == len(values), name
    assert metrics["orders"]["description"] == "Orders placed"
    assert (metrics["orders"]["temporality"], metrics["orders"]["monotonic"]) == ("cumulative", True)
    assert (metrics["balance"]["temporality"], metrics["balance"]["monotonic"]) == ("cumulative", False)


def test_attributes_of_every_type_are_labels(start_server, meter_of):
    server = start_server()
    meter, export = meter_of(server)
    meter.create_gauge("attributes").set(1, ATTRIBUTES)
    assert export()

    for label, text in LABELS.items():
        read = eventually(f"{label} is a label", lambda label=label: last_values(server, "attributes", label))
        assert read == {text: 1}, label


def test_the_latest_of_several_exports_is_the_last_value(start_server, meter_of):
    server = start_server()
    meter, export = meter_of(server)
    gauge, counter = meter.create_gauge("level"), meter.create_counter("steps")
    for level in (5, 8, 2):
        gauge.set(level, {"method": "POST"})
        counter.add(10, {"method": "POST"})
        assert export()

    eventually("the last level", lambda: last_values(server, "level", "method") == {"POST": 2})
    eventually("the total of the steps", lambda: last_values(server, "steps", "method") == {"POST": 30})
