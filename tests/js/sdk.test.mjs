// The official OpenTelemetry SDK for JavaScript sends every signal and kind it has, as JSON and as protobuf, plain and
// packed; what is stored is what was recorded.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

import { Front, Server } from './server.mjs';

const JSON_EXPORTERS = { Metrics: JsonMetrics, Logs: JsonLogs, Traces: JsonTraces };
const PROTOBUF_EXPORTERS = { Metrics: ProtoMetrics, Logs: ProtoLogs, Traces: ProtoTraces };
const WIRES = {
  json: { ...JSON_EXPORTERS, compression: 'none' },
  'json-gzip': { ...JSON_EXPORTERS, compression: 'gzip' },
  protobuf: { ...PROTOBUF_EXPORTERS, compression: 'none' },
  'protobuf-gzip': { ...PROTOBUF_EXPORTERS, compression: 'gzip' },
};
const ATTRIBUTES = { text: 'a b/c', flag: true, count: 42, ratio: 0.5, list: ['x', 'y'] };
const AS_STORED = { text: 'a b/c', flag: 'true', count: '42', ratio: '0.5', list: '["x","y"]' };

const resource = (service) => resourceFromAttributes({ 'service.name': service });

async function sendMetrics(url, { Metrics, compression }, service) {
  const exporter = new Metrics({ url: `${url}/v1/metrics`, compression });
  const readers = [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })];
  const exponential = { type: AggregationType.EXPONENTIAL_HISTOGRAM };
  const views = [{ instrumentName: 'exponential', aggregation: exponential }];
  const provider = new MeterProvider({ resource: resource(service), readers, views });
  const meter = provider.getMeter('tests.js', '1.2.3');
  meter.createCounter('orders', { unit: '{order}', description: 'Orders placed' }).add(3, ATTRIBUTES);
  meter.createUpDownCounter('balance').add(-0.125, { method: 'POST' });
  meter.createGauge('temperature').record(-3.5, { method: 'POST' });
  const explicit = meter.createHistogram('explicit', { advice: { explicitBucketBoundaries: [1, 10] } });
  const buckets = meter.createHistogram('exponential');
  for (const value of [0.5, 5, 50]) {
    explicit.record(value, { method: 'POST' });
    buckets.record(value, { method: 'POST' });
  }
  // Exports what there is, once.
  await provider.shutdown();
}

async function sendTrace(url, { Traces, compression }, service) {
  const exporter = new Traces({ url: `${url}/v1/traces`, compression });
  const spanProcessors = [new BatchSpanProcessor(exporter)];
  const provider = new BasicTracerProvider({ resource: resource(service), spanProcessors });
  const tracer = provider.getTracer('tests.js', '1.2.3');
  const parent = tracer.startSpan('GET /cart', { kind: SpanKind.SERVER, startTime: [1_900_000, 0] }, ROOT_CONTEXT);
  parent.end();
  const root = tracer.startSpan('POST /orders', { kind: SpanKind.CLIENT, attributes: ATTRIBUTES }, ROOT_CONTEXT);
  const context = trace.setSpan(ROOT_CONTEXT, root);
  const links = [{ context: parent.spanContext(), attributes: { why: 'cart' } }];
  const child = tracer.startSpan('insert', { kind: SpanKind.INTERNAL, links }, context);
  child.addEvent('retry', { attempt: 2 });
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'deadlock' });
  child.end();
  root.end();
  // Exports what there is, once.
  await provider.shutdown();
  return { root: root.spanContext(), child: child.spanContext(), linked: parent.spanContext(), duration: child.duration };
}

async function sendLogs(url, { Logs, compression }, service, spanContext) {
  const exporter = new Logs({ url: `${url}/v1/logs`, compression });
  const processors = [new BatchLogRecordProcessor({ exporter })];
  const provider = new LoggerProvider({ resource: resource(service), processors });
  const logger = provider.getLogger('tests.js', '1.2.3');
  const context = trace.setSpanContext(ROOT_CONTEXT, spanContext);
  logger.emit({
    body: 'order 7 placed',
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
    eventName: 'order.placed',
    attributes: ATTRIBUTES,
    context,
  });
  logger.emit({ body: { order: 7, items: ['a', 'b'] } });
  // Exports what there is, once.
  await provider.shutdown();
}

describe('every signal and kind arrives as it was recorded', () => {
  const sent = {};
  let server;
  before(async () => {
    server = await Server.start();
    for (const [wire, exporters] of Object.entries(WIRES)) {
      const service = `shop-${wire}`;
      sent[wire] = await sendTrace(server.otlp, exporters, service);
      await sendLogs(server.otlp, exporters, service, sent[wire].root);
      await sendMetrics(server.otlp, exporters, service);
    }
    await server.stop();
  });
  after(() => server.remove());

  for (const wire of Object.keys(WIRES)) {
    const service = `shop-${wire}`;
    const from = (table) => `FROM telemetryflow.${table} WHERE ServiceName = '${service}'`;

    test(`numbers, ${wire}`, async () => {
      const sums = await server.rows(
        `SELECT MetricName, Value, IsMonotonic, MetricUnit, MetricDescription, Attributes ${from('otel_metrics_sum')} ORDER BY MetricName`,
      );
      assert.deepEqual(
        sums.map((row) => [row.MetricName, row.Value, row.IsMonotonic, row.MetricUnit, row.MetricDescription]),
        [
          ['balance', -0.125, false, '', ''],
          ['orders', 3, true, '{order}', 'Orders placed'],
        ],
      );
      assert.deepEqual(sums[1].Attributes, AS_STORED);
      const gauges = await server.rows(`SELECT MetricName, Value, ScopeName, ScopeVersion ${from('otel_metrics_gauge')}`);
      assert.deepEqual(gauges, [{ MetricName: 'temperature', Value: -3.5, ScopeName: 'tests.js', ScopeVersion: '1.2.3' }]);
    });

    test(`histograms, ${wire}`, async () => {
      const [explicit, ...none] = await server.rows(
        `SELECT toUInt32(Count) AS Count, Sum, Min, Max, arrayMap(c -> toUInt32(c), BucketCounts) AS BucketCounts, ExplicitBounds ${from('otel_metrics_histogram')}`,
      );
      assert.deepEqual(none, []);
      assert.deepEqual(explicit, { Count: 3, Sum: 55.5, Min: 0.5, Max: 50, BucketCounts: [1, 1, 1], ExplicitBounds: [1, 10] });
      const [buckets] = await server.rows(
        `SELECT toUInt32(Count) AS Count, Sum, Min, Max, Scale, toUInt32(arraySum(PositiveBucketCounts)) AS Positive ${from('otel_metrics_exponential_histogram')}`,
      );
      assert.deepEqual({ ...buckets, Scale: 0 }, { Count: 3, Sum: 55.5, Min: 0.5, Max: 50, Scale: 0, Positive: 3 });
    });

    test(`spans, ${wire}`, async () => {
      const spans = await server.rows(
        `SELECT SpanName, TraceId, SpanId, ParentSpanId, SpanKind, StatusCode, StatusMessage, SpanAttributes,
           toUInt64(Duration) AS Duration, Events.Name AS events, Events.Attributes AS event_attributes,
           Links.TraceId AS link_traces, Links.SpanId AS link_spans, Links.Attributes AS link_attributes
         ${from('otel_traces')} ORDER BY SpanName`,
      );
      const { root, child, linked, duration } = sent[wire];
      // The third span began in 1970: it was rejected, and its neighbours were not.
      assert.deepEqual(spans.map((span) => span.SpanName), ['POST /orders', 'insert']);
      const [order, insert] = spans;
      assert.deepEqual([order.TraceId, order.SpanId, order.ParentSpanId], [root.traceId, root.spanId, '']);
      assert.deepEqual([order.SpanKind, order.StatusCode, order.SpanAttributes], ['Client', 'Unset', AS_STORED]);
      assert.deepEqual([insert.TraceId, insert.SpanId, insert.ParentSpanId], [root.traceId, child.spanId, root.spanId]);
      assert.deepEqual([insert.SpanKind, insert.StatusCode, insert.StatusMessage], ['Internal', 'Error', 'deadlock']);
      assert.equal(Number(insert.Duration), duration[0] * 1e9 + duration[1]);
      assert.deepEqual([insert.events, insert.event_attributes], [['retry'], [{ attempt: '2' }]]);
      assert.deepEqual([insert.link_traces, insert.link_spans], [[linked.traceId], [linked.spanId]]);
      assert.deepEqual(insert.link_attributes, [{ why: 'cart' }]);
    });

    test(`log records, ${wire}`, async () => {
      const records = await server.rows(
        `SELECT Body, SeverityNumber, SeverityText, EventName, TraceId, SpanId, LogAttributes, ScopeName ${from('otel_logs')} ORDER BY SeverityNumber`,
      );
      const { root } = sent[wire];
      assert.deepEqual(records.map((record) => record.Body), ['{"order":7,"items":["a","b"]}', 'order 7 placed']);
      const placed = records[1];
      assert.deepEqual([placed.SeverityNumber, placed.SeverityText, placed.EventName], [13, 'WARN', 'order.placed']);
      assert.deepEqual([placed.TraceId, placed.SpanId], [root.traceId, root.spanId]);
      assert.deepEqual([placed.LogAttributes, placed.ScopeName], [AS_STORED, 'tests.js']);
    });
  }
});

for (const [wire, exporters] of Object.entries(WIRES)) {
  test(`what was refused twice for the moment is delivered once, ${wire}`, async () => {
    const server = await Server.start();
    const front = await Front.before(server.otlp, [503, 503]);
    try {
      await sendMetrics(front.url, exporters, 'shop');
      await server.stop();
      const [row] = await server.rows('SELECT toUInt32(count()) AS n FROM telemetryflow.metric_samples');
      assert.deepEqual([front.requests, row.n], [3, 3]);
      assert.equal(front.encoding ?? 'none', exporters.compression);
    } finally {
      front.close();
      await server.remove();
    }
  });

  test(`what was too large, and what was taken in part, is not sent again, ${wire}`, async () => {
    const server = await Server.start();
    const [large, partial] = [await Front.before(server.otlp, [413]), await Front.before(server.otlp, [])];
    try {
      await sendMetrics(large.url, exporters, 'shop').catch(() => {});
      assert.equal(large.requests, 1);
      // One of its spans is from 1970.
      await sendTrace(partial.url, exporters, 'shop').catch(() => {});
      assert.equal(partial.requests, 1);
    } finally {
      large.close();
      partial.close();
      await server.remove();
    }
  });
}
