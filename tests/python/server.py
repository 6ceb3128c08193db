"""A TelemetryFlow server for a test: its own ports, its own data folder, stopped as an operator would stop it."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 25


def binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return os.environ.get("TELEMETRYFLOW_BIN", str(ROOT / target / "debug" / "telemetryflow"))


def eventually(what, probe, within_s=30):
    """The first result of `probe` that is not None or False; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        result = probe()
        if result is not None and result is not False:
            return result
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.1)


def free_ports(count):
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Server:
    """`folder` holds configuration, data and log; `extra` is added to the configuration."""

    def __init__(self, folder, extra=""):
        self.folder = pathlib.Path(folder)
        self.http_port, self.grpc_port, self.api_port = free_ports(3)
        self.config = self.folder / "config.toml"
        self.config.write_text(
            "[listen]\n"
            f'otlp_http = "127.0.0.1:{self.http_port}"\n'
            f'otlp_grpc = "127.0.0.1:{self.grpc_port}"\n'
            f'api = "127.0.0.1:{self.api_port}"\n'
            "[store]\n"
            f"path = {json.dumps(str(self.folder / 'store'))}\n"
            f"{extra}\n"
        )
        self.log = self.folder / "log"
        self.process = None

    @property
    def http_url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def grpc_url(self):
        return f"http://127.0.0.1:{self.grpc_port}"

    @property
    def metrics_url(self):
        return f"{self.http_url}/v1/metrics"

    def start(self):
        with open(self.log, "ab") as log:
            command = [binary(), "serve", "--config", str(self.config)]
            # What was answered can be read at once.
            environment = {"TELEMETRYFLOW__INGEST__DURABILITY": "store"} | os.environ
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        eventually("the server is ready\n", self._is_ready, READY_WITHIN_S)

    def stop(self):
        """Stops as an operator would; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {STOPPED_WITHIN_S} s of SIGTERM\n{self.said()}") from None

    def rows(self, statement):
        """Rows of the tables of a server that is stopped; integers of every size are exact."""
        statement += " SETTINGS output_format_json_quote_64bit_integers = 0"
        command = [binary(), "sql", "--config", str(self.config), "--format", "JSONEachRow", statement]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=READY_WITHIN_S)
        assert answer.returncode == 0, f"{statement}\n{answer.stderr}"
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def said(self):
        return self.log.read_text(errors="replace")[-4000:]

    def get(self, path, **parameters):
        """The JSON answer of the API, or None while what is asked for is not known yet (404)."""
        url = f"http://127.0.0.1:{self.api_port}{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise AssertionError(f"{url}: {error.code} {error.read().decode(errors='replace')}") from None

    def _is_ready(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}\n{self.said()}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False
