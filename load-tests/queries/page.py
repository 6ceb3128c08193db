"""The page: figures with their targets, and which panels missed."""

from bench.figures import missed, not_measured, number, target_text
from bench.page import table, verdict

HEAD = ["group", "figure", "unit", "value", "best", "worst", "target", "", "remarks"]
MISSES_HEAD = ["panel", "question", "misses", "read", "seconds after the start", "slowest, ms"]
TOLD = [
    "Of a question that was asked in rounds the value is the median; *best* and *worst* are of single rounds. Times are the",
    "client's, from the first byte of the request to the last of the answer, unless it says otherwise; the client is a Python",
    "program on the same machine, as are the senders.",
]


def page(head, figures, misses, reasons, failures):
    """Markdown; `head` holds the lines that say when, where and how."""
    lines = ["# Queries", "", "Written by `make bench-queries`; `load-tests/README.md` says how it is measured.", ""]
    lines += [f"* {line}" for line in head]
    lines += ["", "## Figures", "", *TOLD, "", *table(HEAD, map(cells, figures))]
    open_ends = missed(figures) + failures + not_measured(figures)
    lines += ["", "## Missed", "", *([f"* {line}" for line in open_ends] or ["Nothing."])]
    if misses:
        lines += ["", "## Panels that missed", "", told_by(reasons), "", *table(MISSES_HEAD, misses)]
    return "\n".join(lines) + "\n"


def told_by(reasons):
    return "What they had to read: " + "; ".join(f"{why} ({count})" for why, count in reasons.most_common()) + "."


def cells(figure):
    start = [figure.group, figure.name, figure.unit]
    if figure.value is None:
        return [*start, "not measured", "-", "-", target_text(figure), "", figure.note]
    spread = [number(min(figure.values)), number(max(figure.values))] if len(figure.values) > 1 else ["-", "-"]
    return [*start, number(figure.value), *spread, target_text(figure), verdict(figure), figure.note]
