"""The exporters of the official SDK: every signal over HTTP and gRPC, plain and packed."""

import dataclasses

import grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans

EXPORTERS = {
    "http": {"metrics": HttpMetrics, "traces": HttpSpans, "logs": HttpLogs},
    "grpc": {"metrics": GrpcMetrics, "traces": GrpcSpans, "logs": GrpcLogs},
}
COMPRESSIONS = {
    "http": {"plain": Compression.NoCompression, "gzip": Compression.Gzip},
    "grpc": {"plain": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip},
}


@dataclasses.dataclass(frozen=True)
class Wire:
    """How a client is configured to send: `http` or `grpc`, `plain` or `gzip`."""

    transport: str
    compression: str

    def __str__(self):
        return f"{self.transport}-{self.compression}"

    def exporter(self, signal, to, **options):
        """The exporter of `metrics`, `traces` or `logs` to whatever has an `http_url` and a `grpc_url`."""
        endpoint = to.grpc_url if self.transport == "grpc" else f"{to.http_url}/v1/{signal}"
        compression = COMPRESSIONS[self.transport][self.compression]
        return EXPORTERS[self.transport][signal](endpoint=endpoint, compression=compression, **options)


WIRES = [Wire(transport, compression) for transport in EXPORTERS for compression in ("plain", "gzip")]
