"""Starts a server with some data, and asks it what schemas/openapi.json allows and what it does not. See README.md."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from server import ROOT, Server  # noqa: E402

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method"
)
ENDLESS = "^/api/v2/(stream|logs/tail)$"
RECORDS = 50


def post(server, path, body):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(server.http_url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200 and answer.read() == b"{}"


def text(key, value):
    return {"key": key, "value": {"stringValue": value}}


def send_some(server):
    """A few of everything, of the last minutes."""
    now = time.time_ns()
    times = [str(now - number * 10_000_000_000) for number in range(RECORDS)]
    resource = {"attributes": [text("service.name", "shop"), text("region", "eu")]}
    gauge = {"dataPoints": [{"timeUnixNano": at, "asDouble": 21.5, "attributes": [text("room", "a")]} for at in times]}
    counter = {
        "aggregationTemporality": 2,
        "isMonotonic": True,
        "dataPoints": [
            {"timeUnixNano": at, "startTimeUnixNano": times[-1], "asInt": str(RECORDS - number)}
            for number, at in enumerate(times)
        ],
    }
    histogram = {
        "aggregationTemporality": 2,
        "dataPoints": [
            {"timeUnixNano": at, "count": "3", "sum": 7.5, "bucketCounts": ["1", "2"], "explicitBounds": [2.0]}
            for at in times
        ],
    }
    metrics = [
        {"name": "room.temperature", "unit": "Cel", "gauge": gauge},
        {"name": "orders", "sum": counter},
        {"name": "size", "histogram": histogram},
    ]
    post(server, "/v1/metrics", {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]})
    records = [
        {
            "timeUnixNano": at,
            "severityNumber": number % 25,
            "body": {"stringValue": f"late {number}"},
            "attributes": [text("user", str(number % 3))],
            "traceId": f"{number + 1:032x}",
            "spanId": f"{number + 1:016x}",
        }
        for number, at in enumerate(times)
    ]
    post(server, "/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]})
    spans = [
        {
            "traceId": f"{number // 3 + 1:032x}",
            "spanId": f"{number + 1:016x}",
            "parentSpanId": "" if number % 3 == 0 else f"{number:016x}",
            "name": "GET /cart",
            "kind": 2,
            "startTimeUnixNano": at,
            "endTimeUnixNano": str(int(at) + 5_000_000),
            "status": {"code": number % 3},
            "events": [{"timeUnixNano": at, "name": "retried"}],
        }
        for number, at in enumerate(times)
    ]
    post(server, "/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]})


def main():
    seed = os.environ.get("SEED") or str(random.randrange(2**32))
    print(f"SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.start()
        try:
            send_some(server)
            command = [
                str(pathlib.Path(sys.executable).parent / "schemathesis"),
                "run",
                str(ROOT / "schemas" / "openapi.json"),
                f"--url=http://127.0.0.1:{server.api_port}",
                f"--checks={CHECKS}",
                f"--exclude-path-regex={ENDLESS}",
                f"--max-examples={os.environ.get('EXAMPLES', '100')}",
                "--mode=all",
                "--phases=examples,coverage,fuzzing",
                f"--seed={seed}",
                "--suppress-health-check=all",
                "--continue-on-failure",
            ]
            return subprocess.run(command, cwd=folder).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
