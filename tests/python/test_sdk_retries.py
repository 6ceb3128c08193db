"""What the official SDK sends again and what it does not: nothing is lost, nothing comes twice, nothing comes for ever."""

import concurrent.futures
import os

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

from front import FRONTS
from recording import keeping, points, send_logs, send_metrics, send_spans
from wire import WIRES

SENDERS = {"metrics": send_metrics, "traces": send_spans, "logs": send_logs}
TABLES = ["metric_samples", "metric_histograms", "metric_exponential_histograms", "otel_traces", "otel_logs"]
# What OTLP lets a client send again. The SDK adds RESOURCE_EXHAUSTED, also where the server does not ask for it.
RETRYABLE = [
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
]


@pytest.fixture
def start_front():
    fronts = []

    def start(wire, server, refused=0):
        fronts.append(FRONTS[wire.transport](server, refused))
        return fronts[-1]

    yield start
    for front in fronts:
        front.close()


def stored_items(server):
    """How many rows the tables of all signals hold."""
    counts = " + ".join(f"(SELECT count() FROM telemetryflow.{table})" for table in TABLES)
    (row,) = server.rows(f"SELECT {counts} AS n")
    return row["n"]


def rejections(server):
    """What a running server says that it rejected."""
    entries = server.get("/api/v2/ingest/rejections")["rejections"]
    return [
        (entry["signal"], entry["transport"], entry["outcome"], reason["reason"])
        for entry in entries
        for reason in entry["reasons"]
    ]


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_what_was_refused_twice_for_the_moment_is_stored_once(start_server, start_front, wire):
    server = start_server()
    front = start_front(wire, server, refused=2)
    # Side by side, since the SDK waits for seconds over gRPC.
    with concurrent.futures.ThreadPoolExecutor() as threads:
        sending = {
            signal: threads.submit(send, wire.exporter(signal, front), "shop") for signal, send in SENDERS.items()
        }
    held = {signal: sent.result() for signal, sent in sending.items()}
    assert server.stop() == 0

    # Metrics are exported three times; spans and records once.
    assert sorted(front.requests.values()) == [3, 3, 5]
    assert stored_items(server) == len(points(held["metrics"])) + len(held["traces"]) + len(held["logs"])


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_what_is_too_large_is_sent_once(start_server, start_front, wire):
    server = start_server('[ingest]\nbody_bytes_max = "1MiB"')
    front = start_front(wire, server)
    options = {"retryable_error_codes": RETRYABLE} if wire.transport == "grpc" else {}
    exporter = keeping(wire.exporter("logs", front, **options))
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("tests.python").emit(body=os.urandom(750_000).hex())
    provider.shutdown()

    assert list(front.requests.values()) == [1]
    assert rejections(server) == [("logs", wire.transport, "refused", "body_too_large")]
    assert server.stop() == 0
    assert stored_items(server) == 0


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_what_is_taken_in_part_is_sent_once(start_server, start_front, wire):
    server = start_server()
    front = start_front(wire, server)
    provider = TracerProvider()
    spans = [provider.get_tracer("tests.python").start_span("good"), early(provider)]
    for span in spans:
        span.end()
    exporter = wire.exporter("traces", front)
    exporter.export(spans)
    exporter.shutdown()

    assert list(front.requests.values()) == [1]
    assert rejections(server) == [("traces", wire.transport, "partial", "time_too_old")]
    assert server.stop() == 0
    (stored,) = server.rows("SELECT SpanName FROM telemetryflow.otel_traces")
    assert stored["SpanName"] == "good"


def early(provider):
    """Began in 1970, which the server rejects."""
    return provider.get_tracer("tests.python").start_span("early", kind=trace.SpanKind.SERVER, start_time=1)
