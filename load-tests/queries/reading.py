"""Plain requests to a server's API, one after the other: what it holds, whether it is quiet, what it used."""

import http.client
import json
import os
import pathlib
import time
import urllib.parse

from bench.failed import Failed

ANSWERED_WITHIN_S = 120
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
QUIET_FOR_S = 3
QUIET_CORES = 0.03
STORED_WITHIN_S = 900


class Reader:
    """A connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERED_WITHIN_S)

    def get(self, path, pairs=()):
        """The JSON of a good answer, and how many milliseconds it took until the last byte."""
        query = f"?{urllib.parse.urlencode(pairs)}" if pairs else ""
        begun = time.perf_counter()
        self.connection.request("GET", path + query)
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begun) * 1e3
        if answer.status != 200:
            raise Failed(f"{path}{query}: {answer.status} {body[:500].decode(errors='replace')}")
        return json.loads(body), took

    def close(self):
        self.connection.close()


def wait_until_stored(server, signal):
    """Returns how many items are stored, once none is on its way."""
    deadline = time.monotonic() + STORED_WITHIN_S
    reader = Reader(server.api)
    while time.monotonic() < deadline:
        counts = reader.get("/api/v2/ingest/stats")[0]["signals"][signal]
        if counts["rejected"]["total"] or counts["deadLettered"] or counts["lost"]:
            raise Failed(f"not all {signal} were taken: {counts}")
        if counts["inFlight"] == 0 and counts["stored"]:
            reader.close()
            return counts["stored"]
        time.sleep(0.25)
    raise Failed(f"{signal} were not stored within {STORED_WITHIN_S} s")


def cpu_seconds(pid):
    """User and system, of all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def wait_until_quiet(server, within_s):
    """Until the server's merges are done; whether they are."""
    deadline, quiet_since = time.monotonic() + within_s, None
    before, at = cpu_seconds(server.pid), time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        used, now = cpu_seconds(server.pid), time.monotonic()
        if (used - before) / (now - at) > QUIET_CORES:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = at
        elif now - quiet_since >= QUIET_FOR_S:
            return True
        before, at = used, now
    return False


class Beside:
    """What else the machine did from here on."""

    def __init__(self):
        self.load_average, (self.stolen, self.all) = os.getloadavg()[0], core_ticks()

    def told(self):
        """The load average of the minute before, and how much of the cores' time a host gave to others, where this machine is a guest."""
        stolen, every = core_ticks()
        share = 100 * (stolen - self.stolen) / max(1, every - self.all)
        return f"load average {self.load_average:.1f}, {share:.0f} % of the cores' time stolen"


def core_ticks():
    """Of all cores since the start, what was stolen, and all; proc(5), /proc/stat."""
    first = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    ticks = [int(field) for field in first.split()[1:9]]
    return ticks[7], sum(ticks)
