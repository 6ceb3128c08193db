"""Servers for one scenario each: free ports, an empty data folder, stopped at the end whatever happens."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from bench.failed import Failed
from bench.programs import ROOT, target

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 60
STORES = {"null": 'kind = "null"', "embedded": 'kind = "embedded"'}


class Server:
    """A process that is loaded; the idle server has no `config` and no port `api`."""

    def __init__(self, process, port, config=None, api=None):
        self.process, self.port, self.config, self.api = process, port, config, api

    @property
    def pid(self):
        return self.process.pid

    def resident_mb(self):
        return self.memory_mb("VmRSS")

    def peak_mb(self):
        return self.memory_mb("VmHWM")

    def memory_mb(self, name):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        (kib,) = [line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")]
        return int(kib) * 1024 / 1e6

    def stop(self):
        """Ends it in order, and for good where it does not; a second time nothing happens."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOPPED_WITHIN_S)
        except BaseException as reason:
            self.process.kill()
            self.process.wait()
            if isinstance(reason, subprocess.TimeoutExpired):
                raise Failed(f"the server did not stop within {STOPPED_WITHIN_S} s of SIGTERM") from None
            raise


def watched(port):
    """Configurations by how much a server says of itself: nothing, as it is by default, and all that it can over OTLP."""
    own = f'[telemetry]\notlp = "http://127.0.0.1:{port}"\nmetrics_interval = "1s"\ntraces_per_thousand = 1000\n'
    return {"quiet": '[log]\nlevel = "off"\n', "default": "", "everything": own}


@contextlib.contextmanager
def telemetryflow(programs, store="null", durability="journal", more=""):
    """A TelemetryFlow server that is ready; `more` is the rest of its configuration."""
    # Where it is built, since that is a disk: /tmp may be memory, and the journal's syncs are part of what is measured.
    target().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=target()) as data:
        http, grpc, api = free_ports(3)
        config = pathlib.Path(data) / "config.toml"
        config.write_text(
            f'[listen]\notlp_http = "127.0.0.1:{http}"\notlp_grpc = "127.0.0.1:{grpc}"\napi = "127.0.0.1:{api}"\n'
            f'[store]\n{STORES[store]}\npath = "{data}/store"\n'
            f'[ingest]\ndurability = "{durability}"\n{more}'
        )
        log = pathlib.Path(data) / "log"
        with open(log, "wb") as output:
            command = [programs.server, "serve", "--config", str(config)]
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
        with stopped_at_the_end(Server(process, http, config, api)) as server:
            wait_until_ready(process, api, log)
            yield server


@contextlib.contextmanager
def idle(programs):
    """The baseline that reads bodies and answers 200."""
    process = subprocess.Popen([programs.load, "--idle-server", "0"], stdout=subprocess.PIPE, text=True)
    with stopped_at_the_end(Server(process, None)) as server, process.stdout:
        address = process.stdout.readline()
        if not address:
            raise Failed("the idle server did not start")
        server.port = int(address.rsplit(":", 1)[1])
        yield server


@contextlib.contextmanager
def stopped_at_the_end(server):
    try:
        yield server
    finally:
        server.stop()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until_ready(process, port, log):
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.05)
    raise Failed(f"the server was not ready within {READY_WITHIN_S} s:\n{log.read_text(errors='replace')[-2000:]}")
