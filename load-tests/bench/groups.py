"""The measurements, group by group: in each round, what is compared takes turns, so that a busy moment meets all alike."""

import collections
import sys
import time

from bench import judge, servers
from bench.failed import Failed

SERIES = 10_000
SERIES_COUNTS = [10_000, 100_000, 1_000_000, 5_000_000]
SERIES_COUNTS_QUICK = SERIES_COUNTS[:2]
ITEMS_PER_BODY = 1_000
IDLE_FOR_S = 3
# On one thread, with nothing else, this is long enough to be exact.
PROST_S = 2
WARM_UP_SECONDS_MAX = 600
# What store null leaves undone at the end of a run is done in so many seconds.
NULL_SETTLE_S = 1
SMALL = ["--items-per-body", 10, "--metrics", 5]


class Bench:
    """One run of the tool; keeps every report, with the command that made it."""

    def __init__(self, programs, options):
        self.programs, self.options = programs, options
        self.runs = []
        self.started = time.monotonic()

    def figures(self):
        found = []
        for group in self.options.only:
            found += GROUPS[group](self)
        return found

    def each_round(self):
        return range(1, self.options.rounds + 1)

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", file=sys.stderr, flush=True)

    def load(self, group, name, server, arguments, settle=("--settle", NULL_SETTLE_S), first_s=None):
        """Loads a server, in a closed loop unless there is a --rate, and keeps the report.

        `first_s` is how long, where it is the load before what is measured.
        """
        self.say(f"{group}: {name}")
        shared = ["--connections", 64, "--seconds", first_s or self.options.seconds, *settle]
        arguments = [str(part) for part in [*arguments, *shared]]
        if "--series" not in arguments:
            arguments += ["--series", str(SERIES)]
        report = self.programs.send(server.port, server.pid, arguments)
        if not report["items_accepted"]:
            raise Failed(f"{group}, {name}: nothing was accepted: {report['requests_failed']}")
        run = {"group": group, "name": name, "arguments": arguments, "report": report, "first": first_s is not None}
        self.runs.append(run)
        return report

    def load_warm(self, group, name, server, arguments, settle=("--settle", NULL_SETTLE_S)):
        """The same after a first load: in its first seconds a server makes the files of its journal and takes its memory."""
        signal = arguments[arguments.index("--signal") + 1]
        first = [*arguments, "--seed", other_seed(signal)]
        # Nothing waits in a server without a store; what the engine has to merge is done before it is measured.
        before = ("--settle", 0) if settle[0] == "--settle" else settle
        self.load(group, f"{name}, first {self.options.warm_up} s", server, first, before, self.options.warm_up)
        return self.load(group, name, server, arguments, settle)

    def until_quiet(self):
        return ("--settle-until-quiet", self.options.settle_max)


def other_seed(signal):
    """For what is sent to a server besides: other ids, but of metrics the series that are sent later, too."""
    return 1 if signal == "metrics" else 2


def idle(bench):
    bench.say("idle: memory")
    with servers.telemetryflow(bench.programs) as server:
        time.sleep(IDLE_FOR_S)
        return judge.idle([server.resident_mb()])


def front(bench):
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in bench.each_round():
        for signal in bench.options.signals:
            turn = rounds[signal]
            prost = bench.programs.prost_decode(signal, PROST_S)
            turn["prost"].append(prost)
            with servers.idle(bench.programs) as server:
                turn["idle"].append(bench.load("front", f"{signal}, idle HTTP server", server, ["--signal", signal]))
            with servers.telemetryflow(bench.programs) as server:
                turn["front"].append(bench.load_warm("front", f"{signal}, store null", server, ["--signal", signal]))
    return [figure for signal, turn in rounds.items() for figure in judge.front(signal, turn)]


def whole(bench):
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in bench.each_round():
        for signal in bench.options.signals:
            turn = rounds[signal]
            with servers.telemetryflow(bench.programs, "embedded") as server:
                arguments = ["--signal", signal]
                report = bench.load_warm("whole", f"{signal}, store embedded", server, arguments, bench.until_quiet())
                turn["whole"].append(report)
                # The tables are read by a process of their own, once nobody else has them.
                server.stop()
                turn["tables"].append(bench.programs.table_sizes(server.config))
            turn["raw"].append(bench.programs.insert_raw(signal))
    return [figure for signal, turn in rounds.items() for figure in judge.whole(signal, turn)]


def packed(bench):
    ways = {"plain": [], "gzip": ["--compression", "gzip"], "zstd": ["--compression", "zstd"]}
    return variants(bench, "packed", ways, judge.packed)


def variants(bench, group, ways, figures):
    """Each signal in different ways, on a server for each with store null."""
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in bench.each_round():
        for signal in bench.options.signals:
            for way, arguments in ways.items():
                with servers.telemetryflow(bench.programs) as server:
                    report = bench.load_warm(group, f"{signal}, {way}", server, ["--signal", signal, *arguments])
                rounds[signal][way].append(report)
    return [figure for signal, turn in rounds.items() for figure in figures(signal, turn)]


def small(bench):
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in bench.each_round():
        for signal in bench.options.signals:
            arguments, turn = ["--signal", signal, *SMALL], rounds[signal]
            with servers.idle(bench.programs) as server:
                turn["idle"].append(bench.load("small", f"{signal}, 10 per body, idle HTTP server", server, arguments))
            with servers.telemetryflow(bench.programs) as server:
                report = bench.load_warm("small", f"{signal}, 10 per body, store null", server, arguments)
                turn["small"].append(report)
    return [figure for signal, turn in rounds.items() for figure in judge.small(signal, turn)]


def series(bench):
    """All series are new once; then they are known, and what that takes is measured on a server that is warm in any case."""
    rounds = collections.defaultdict(list)
    for _ in bench.each_round():
        for count in SERIES_COUNTS_QUICK if bench.options.quick else SERIES_COUNTS:
            with servers.telemetryflow(bench.programs) as server:
                arguments, name = ["--signal", "metrics", "--series", count], f"{count:,} series"
                once = ["--requests", count // ITEMS_PER_BODY]
                warm_up = bench.load(
                    "series", f"{name}, all new", server, [*arguments, *once], first_s=WARM_UP_SECONDS_MAX
                )
                if judge.failed_requests(warm_up):
                    raise Failed(f"{name}: some were refused when they were new: {warm_up['requests_failed']}")
                rounds[count].append(bench.load_warm("series", f"{name}, all known", server, arguments))
    return judge.series(rounds)


def ack(bench):
    """The highest rate first, in a closed loop; then half of it on a schedule, on the same server once it is quiet."""
    rounds = collections.defaultdict(list)
    for _ in bench.each_round():
        for store in servers.STORES:
            for signal in bench.options.signals[: 1 if bench.options.quick else None]:
                with servers.telemetryflow(bench.programs, store) as server:
                    arguments, name = ["--signal", signal], f"{signal}, store {store}"
                    closed = bench.load("ack", f"{name}, closed loop before", server, arguments, bench.until_quiet())
                    rate = max(1, int(closed["items_per_second"] / 2))
                    half = [*arguments, "--seed", other_seed(signal), "--rate", rate]
                    rounds[store, signal].append(bench.load("ack", f"{name}, open loop at half of it", server, half))
    return [figure for (store, signal), reports in rounds.items() for figure in judge.ack(store, signal, reports)]


def durability(bench):
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in bench.each_round():
        for signal in bench.options.signals[: 1 if bench.options.quick else None]:
            for name in ("memory", "journal", "store"):
                with servers.telemetryflow(bench.programs, durability=name) as server:
                    arguments = ["--signal", signal]
                    report = bench.load_warm("durability", f"{signal}, durability {name}", server, arguments)
                rounds[signal][name].append(report)
    return [figure for signal, turn in rounds.items() for figure in judge.durability(signal, turn)]


def watched(bench):
    """What a server says of itself, against a server that says nothing. Whoever it tells answers 200 and keeps nothing."""
    sizes = {"1,000": [], "10": SMALL}
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in bench.each_round():
        for signal in bench.options.signals:
            for size, arguments in sizes.items():
                with servers.idle(bench.programs) as sink:
                    for way, more in servers.watched(sink.port).items():
                        with servers.telemetryflow(bench.programs, more=more) as server:
                            name = f"{signal}, {size} per body, {way}"
                            report = bench.load_warm("watched", name, server, ["--signal", signal, *arguments])
                        rounds[signal, size][way].append(report)
    return [figure for (signal, size), turn in rounds.items() for figure in judge.watched(signal, size, turn)]


GROUPS = {
    "idle": idle,
    "front": front,
    "whole": whole,
    "packed": packed,
    "small": small,
    "series": series,
    "ack": ack,
    "durability": durability,
    "watched": watched,
}
