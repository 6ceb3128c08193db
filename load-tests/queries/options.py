"""What can be asked of `load-tests/run-queries`."""

import argparse
import pathlib

from bench.options import names_of, positive

GROUPS = {
    "dashboards": "20 dashboards of 12 panels, watched while points come in",
    "metrics": "an hour of 10,000 series, past the cache and through an empty one",
    "traces": "a trace by its id",
    "logs": "log records by their text",
}
QUICK = {"seconds": 20, "hours": 2, "rounds": 3, "dashboards": 4, "million": 1, "settle_max": 20}
LONG = {"seconds": 900, "hours": 24, "rounds": 5, "dashboards": 20, "million": 10, "settle_max": 120}
NUMBERS = {
    "seconds": "how long the dashboards are watched",
    "hours": "of points that are there before",
    "rounds": "how often each question without a cache is asked",
    "dashboards": "how many there are",
    "million": "spans and log records to search, in millions",
    "settle_max": "longest wait for merges, in seconds",
}


def parse(arguments):
    """The options; whoever asks for a part of the figures gets no page, unless with --output."""
    parser = argparse.ArgumentParser(
        prog="load-tests/run-queries",
        description="Measures the read side of a release build against targets, and writes load-tests/QUERIES.md.",
        epilog="Groups of --only: " + "; ".join(f"{name}: {what}" for name, what in GROUPS.items()) + ". TELEMETRYFLOW_BIN and "
        "TELEMETRYFLOW_LOAD_BIN name a server and a load generator to measure instead of a fresh build.",
    )
    parser.add_argument("--quick", action="store_true", help="three minutes, not forty: less of everything")
    for name, what in NUMBERS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=positive, metavar="N", help=f"{what} ({LONG[name]})")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what the dashboards are drawn from (1)")
    parser.add_argument("--cache", metavar="SIZE", help="[query] cache_bytes of the server with the dashboards, as 512MiB")
    parser.add_argument("--only", type=names_of(GROUPS), metavar="GROUP,...", help="leave out the others")
    to = "write the page there; without it, only a run of everything writes, to QUERIES.md"
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help=to)
    parser.add_argument("--strict", action="store_true", help="end with 1 when a target is missed")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else LONG).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.everything = not options.quick and options.only is None
    options.only = options.only or list(GROUPS)
    return options


def settings(options):
    """The rest of a server's configuration."""
    return f'[query]\ncache_bytes = "{options.cache}"\n' if options.cache else ""


def told(options):
    """How it is measured, for the page."""
    return (
        f"{options.dashboards} dashboards watched for {options.seconds} s after {options.hours} h of points, "
        f"cache {options.cache or 'as by default'}, seed {options.seed}; {options.million} million spans and log records; "
        f"{options.rounds} rounds; waiting for merges at most {options.settle_max} s"
    )
