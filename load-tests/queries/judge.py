"""From answers and times to figures with their targets; nothing here measures anything."""

import collections
import dataclasses
import statistics

from bench.figures import Figure, Target, number
from queries.answers import why_missed

HIT_SHARE = 99
HIT_P99_MS = 5
HOUR_MS = 300
TRACE_MS = 50
LOGS_MS = 500
MISSES_SHOWN = 40


@dataclasses.dataclass(frozen=True)
class Watched:
    """A time of looking at dashboards: what was answered, and what it took. CPU in seconds of the server's."""

    cold: list
    answers: list
    seconds: float
    cpu_s: float
    # The share of a core that ingestion took before anybody looked.
    ingest_cores: float
    peak_mb: float
    skipped: int
    points_per_second: float
    # What else the machine did.
    beside: str


def percentile(values, part):
    """The value that so many percent do not exceed: the nearest rank."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * part // 100) - 1)]


def share(part, whole):
    return 100 * part / whole


def dashboards(watched):
    good = [answer for answer in watched.answers if answer.is_good]
    hits = [answer for answer in good if answer.is_hit]
    asked = sum(answer.asked for answer in good)
    beside = f"{len(watched.answers):,} requests in {watched.seconds:,.0f} s, {watched.beside}"
    target = Target(HIT_SHARE, at_least=True)
    if not good:
        return [Figure("dashboards", "requests without a query to the store", "%", [], target, note="no good answers")]
    figures = [
        one("requests without a query to the store", "%", share(len(hits), len(watched.answers)), target, beside),
        buckets("buckets without a query to the store", sum(answer.cached for answer in good), asked),
        *latencies("hit, at the client", [answer.client_ms for answer in hits], Target(HIT_P99_MS)),
        *latencies("hit, within the server", [answer.elapsed_ms for answer in hits]),
        *latencies("miss, at the client", [answer.client_ms for answer in good if not answer.is_hit]),
        *latencies("first look at a panel, at the client", [answer.client_ms for answer in watched.cold if answer.is_good]),
    ]
    return figures + machine(watched)


def machine(watched):
    cores = watched.cpu_s / watched.seconds
    per_request = max(0.0, watched.cpu_s - watched.ingest_cores * watched.seconds) / max(1, len(watched.answers))
    alone = f"{watched.ingest_cores:.2f} with {watched.points_per_second:,.0f} points/s and nobody looking"
    return [
        one("server CPU, with ingestion", "cores", cores, note=alone),
        one("server CPU per request, beyond ingestion", "ms", per_request * 1e3),
        one("server memory at its peak", "MB", watched.peak_mb),
    ]


def one(name, unit, value, target=None, note=""):
    return Figure("dashboards", name, unit, [value], target, note=note)


def buckets(name, cached, asked):
    values = [share(cached, asked)] if asked else []
    return Figure("dashboards", name, "%", values, note=f"{cached:,} of {asked:,}" if asked else "answers do not tell")


def latencies(name, values, target=None):
    """p50, p95 and p99; a target is that of the p99, and is not reached by chance where there are no values."""
    if not values:
        return [Figure("dashboards", f"{name}, p99", "ms", [], target, note="there was none")] if target else []
    slowest = f"slowest {number(max(values))} of {len(values):,}"
    return [
        one(f"{name}, p{part}", "ms", percentile(values, part), *((target, slowest) if part == 99 else ()))
        for part in (50, 95, 99)
    ]


def timed(group, name, values, target=None, *remarks):
    """Of rounds of a question, each in milliseconds at the client. The median stands for all."""
    note = "; ".join(text for text in remarks if text) if values else "no rounds"
    limit = Target(target) if target else None
    return Figure(group, name, "ms", values, limit, note=note, shown=statistics.median(values) if values else None)


def misses(answers, panels):
    """Rows of why and which panels, most frequent first; of those that only missed when they were looked at late, when."""
    asked = {panel.name: dict(panel.parameters) for panel in panels}
    found, looked = collections.defaultdict(list), collections.Counter(answer.panel for answer in answers)
    for answer in answers:
        if answer.is_good and not answer.is_hit:
            found[answer.panel, why_missed(answer)].append(answer)
    rows = []
    for (name, why), missed in sorted(found.items(), key=lambda item: -len(item[1]))[:MISSES_SHOWN]:
        when = ", ".join(f"{answer.at:.0f}" for answer in missed[:6]) + (" ..." if len(missed) > 6 else "")
        slowest = max(missed, key=lambda answer: answer.client_ms)
        question = " ".join(f"{key}={value}" for key, value in asked[name].items())
        rows.append([name, question, f"{len(missed)} of {looked[name]}", why, when, number(slowest.client_ms)])
    return rows


def by_reason(answers):
    """How many missed, by what they had to read."""
    return collections.Counter(why_missed(answer) for answer in answers if answer.is_good and not answer.is_hit)


def failures(watched):
    """A line for whatever makes the figures worth less than they say."""
    bad = collections.Counter(answer.status or "no answer" for answer in watched.answers + watched.cold if not answer.is_good)
    lines = [f"missed: dashboards: every request is to be answered 200, but {count} were {why}" for why, count in bad.items()]
    empty = sorted({answer.panel for answer in watched.answers if answer.is_good and answer.is_empty})
    if empty:
        lines.append(f"missed: dashboards: panels without anything to show: {', '.join(empty)}")
    if watched.skipped:
        lines.append(f"missed: dashboards: {watched.skipped} refreshes were due before the last one was answered")
    return lines
