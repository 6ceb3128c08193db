"""The measurements, group by group, each against a server of its own."""

import shutil
import sys
import time

from bench import servers
from bench.failed import Failed
from bench.programs import target
from queries import dashboards as drawn
from queries import fleet, judge, reading, sending, viewers, wide
from queries.options import settings
from queries.searches import logs, traces

# How long ingestion is watched before anybody looks.
ALONE_S = 20
# What has been counted before the first point is more than nothing, as in life.
BEFORE_S = 3_600


class Queries:
    """One run of the tool."""

    def __init__(self, programs, options):
        self.programs, self.options = programs, options
        self.started = time.monotonic()
        self.watched, self.panels = None, []

    def figures(self):
        found = []
        for group in self.options.only:
            check_disk(group, self.options)
            found += GROUPS[group](self)
        return found

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", file=sys.stderr, flush=True)

    def server(self):
        """To read from alone: what it holds is not journaled, which would take the disk of it once more."""
        return servers.telemetryflow(self.programs, "embedded", durability="memory")

    def busy_server(self):
        """As it is by default, for points that come in meanwhile."""
        return servers.telemetryflow(self.programs, "embedded", more=settings(self.options))

    def settle(self, group, server, signal):
        """Until everything is stored and merged; how many items there are, and a remark if merges went on."""
        count = reading.wait_until_stored(server, signal)
        self.say(f"{group}: {count:,} {signal} stored, waiting for merges")
        quiet = reading.wait_until_quiet(server, self.options.settle_max)
        return count, "" if quiet else "merges were still at work"


def check_disk(group, options):
    """A disk that fills would be measured, and whoever else writes to it would suffer."""
    wanted = disk_gb(group, options)
    target().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target()).free / 1e9
    if free < wanted:
        raise Failed(f"{group}: needs {wanted:.1f} GB of disk, and {free:.1f} are free")


def disk_gb(group, options):
    """What a group takes at most, with what is merged, and with the journal where there is one."""
    searched = 0.2 * options.million
    return {"dashboards": 1 + options.hours / 16, "metrics": 1, "traces": searched, "logs": searched}[group]


def dashboards(run):
    options = run.options
    boards = drawn.dashboards(options.seed, options.dashboards)
    run.panels = drawn.all_panels(boards)
    with run.busy_server() as server:
        began = time.time()
        start_s = began - options.hours * 3_600 - BEFORE_S
        run.say(f"dashboards: sending {options.hours} h of {fleet.series_count():,} series")
        sending.send_past(server.port, fleet.request, sending.past_of_fleet(fleet.SERVICES, began, options.hours), start_s)
        run.settle("dashboards", server, "metrics")
        # What was due while the past was sent.
        now = time.time()
        sending.send_past(server.port, fleet.request, sending.between_of_fleet(fleet.SERVICES, began, now), start_s)
        with sending.live(server.port, fleet.SERVICES, now, start_s) as state:
            run.watched = watch(run, server, boards, state)
    return judge.dashboards(run.watched)


def watch(run, server, boards, state):
    options = run.options
    run.say("dashboards: ingestion alone")
    before, at = reading.cpu_seconds(server.pid), time.monotonic()
    time.sleep(ALONE_S)
    alone = (reading.cpu_seconds(server.pid) - before) / (time.monotonic() - at)
    run.say(f"dashboards: a first look at each of {len(run.panels)} panels")
    cold = viewers.look_once(server.api, run.panels)
    run.say(f"dashboards: {drawn.requests_per_second(boards):.0f} requests/s for {options.seconds} s")
    before, at, bodies, beside = reading.cpu_seconds(server.pid), time.monotonic(), state.bodies.value, reading.Beside()
    seen = viewers.watch(server.api, boards, options.seconds)
    seconds = time.monotonic() - at
    sent = (state.bodies.value - bodies) * fleet.POINTS_PER_BODY
    return judge.Watched(
        cold=cold,
        answers=seen.answers,
        seconds=seconds,
        cpu_s=reading.cpu_seconds(server.pid) - before,
        ingest_cores=alone,
        peak_mb=server.peak_mb(),
        skipped=seen.skipped,
        points_per_second=sent / seconds,
        beside=beside.told(),
    )


def metrics(run):
    with run.server() as server:
        now = int(time.time()) // 60 * 60
        run.say(f"metrics: sending {wide.points(now) / 1e6:.0f} million points of {2 * wide.EACH} metrics")
        sending.send_past(server.port, wide.request, wide.due(now), now - wide.HOUR_S - BEFORE_S)
        count, unsettled = run.settle("metrics", server, "metrics")
        reader, figures = reading.Reader(server.api), []
        for kind in wide.KINDS:
            run.say(f"metrics: {kind}")
            figures += hour_of(run, reader, kind, now, unsettled)
        memory = server.peak_mb()
    stored = f"with {count:,} points"
    return [*figures, judge.Figure("metrics", "server memory at its peak", "MB", [memory], note=stored)]


def hour_of(run, reader, kind, now, unsettled):
    """Past the cache, always the same metric; through the cache, each time another one, and then that once more."""

    def ask(number, cache):
        answer, took = reader.get("/api/v2/metrics", wide.question(kind, number, now, cache))
        if len(answer["series"]) != wide.ROUTES or any(None in series["values"] for series in answer["series"]):
            raise Failed(f"metrics: an hour of {kind} {number} is not complete")
        return took

    beside = reading.Beside()
    past = [ask(0, "bypass") for _ in range(run.options.rounds)]
    numbers = range(min(run.options.rounds, wide.EACH))
    first = [ask(number, "auto") for number in numbers]
    again = [ask(number, "auto") for number in numbers]
    beside = beside.told()
    name = f"an hour of a {kind}, {wide.SERIES:,} series each {wide.INTERVAL_S} s, by route"
    return [
        judge.timed("metrics", f"{name}, cache=bypass", past, judge.HOUR_MS, unsettled, beside),
        judge.timed("metrics", f"{name}, for the first time", first, judge.HOUR_MS, unsettled, beside),
        judge.timed("metrics", f"{name}, for the second time", again),
    ]


GROUPS = {"dashboards": dashboards, "metrics": metrics, "traces": traces, "logs": logs}
