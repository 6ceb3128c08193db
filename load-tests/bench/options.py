"""What can be asked of `load-tests/run`."""

import argparse
import pathlib

SIGNALS = ["metrics", "traces", "logs"]
GROUPS = {
    "idle": "memory of a server without work",
    "front": "receiving, checking and journalling: store null, against prost and against plain HTTP",
    "whole": "with the embedded store, settled, against a raw insert; memory and disk",
    "packed": "gzip and zstd bodies against plain ones",
    "small": "bodies of ten items",
    "series": "10,000 to 5,000,000 live series",
    "ack": "how long clients wait at half load",
    "durability": "what the journal costs against durability memory, and waiting for the store",
    "watched": "what logs, own metrics and own traces cost",
}
QUICK = {"seconds": 2, "rounds": 1, "warm_up": 1, "settle_max": 6}
# It tells about ways to configure a server, not about the write path as it is by default.
QUICK_WITHOUT = ["durability", "watched"]
LONG = {"seconds": 10, "rounds": 3, "warm_up": 2, "settle_max": 60}


def parse(arguments):
    """The options; whoever asks for a part of the figures gets no page, unless with --output."""
    parser = argparse.ArgumentParser(
        prog="load-tests/run",
        description="Measures a release build against targets and baselines, and writes load-tests/RESULTS.md.",
        epilog="Groups of --only: " + "; ".join(f"{name}: {what}" for name, what in GROUPS.items()) + ". TELEMETRYFLOW_BIN and "
        "TELEMETRYFLOW_LOAD_BIN name a server and a load generator to measure instead of a fresh build.",
    )
    parser.add_argument("--quick", action="store_true", help="three minutes, not three quarters of an hour: one short round, fewer series")
    numbers = {
        "--seconds": "length of a scenario",
        "--rounds": "how often scenarios and their baselines take turns",
        "--warm-up": "how long a server is loaded before its scenario, in seconds",
        "--settle-max": "longest wait for background work, in seconds",
    }
    for name, what in numbers.items():
        default = LONG[name[2:].replace("-", "_")]
        parser.add_argument(name, type=positive, metavar="N", help=f"{what} ({default})")
    groups, signals = names_of(GROUPS), names_of(SIGNALS)
    parser.add_argument("--only", type=groups, metavar="GROUP,...", help="leave out the others")
    parser.add_argument("--signals", type=signals, default=SIGNALS, metavar="SIGNAL,...", help="leave out the others")
    to = "write the page there; without it, only a run of everything writes, to RESULTS.md"
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help=to)
    parser.add_argument("--strict", action="store_true", help="end with 1 when a target is missed")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else LONG).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.only is None:
        options.only = [name for name in GROUPS if not (options.quick and name in QUICK_WITHOUT)]
    options.everything = not options.quick and options.only == list(GROUPS) and options.signals == SIGNALS
    return options


def told(asked):
    """How it is measured, for the page."""
    return (
        f"scenarios of {asked.seconds} s after a first load of {asked.warm_up} s, in {asked.rounds} "
        f"{'round' if asked.rounds == 1 else 'rounds'}, waiting for background work at most {asked.settle_max} s"
    )


def positive(text):
    value = int(text)
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{value} is not from 1 to 3600")
    return value


def names_of(known):
    """A list of some of the known names, which comes in their order."""

    def names(text):
        wanted = text.split(",")
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return [name for name in known if name in wanted]

    return names
