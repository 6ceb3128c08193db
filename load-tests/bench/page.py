"""The page: a table of figures, a table of runs for context, and the commands behind them."""

from bench.figures import best, missed, not_measured, number, target_text
from bench.judge import cpu, failed_requests


def page(head, figures, runs):
    """Markdown; `head` holds the lines that say when, where and how."""
    lines = ["# Results", "", "Written by `make bench`; `load-tests/README.md` says how it is measured.", ""]
    lines += [f"* {line}" for line in head]
    lines += ["", "## Figures", "", *FIGURES_TOLD, ""]
    lines += table(FIGURES_HEAD, map(figure_cells, figures))
    open_ends = missed(figures) + failures(runs) + not_measured(figures)
    lines += ["", "## Missed", "", *([f"* {line}" for line in open_ends] or ["Nothing."])]
    lines += ["", "## Runs", "", *RUNS_TOLD, ""]
    chosen = [run for run in best_runs(runs) if not run["first"] or run["group"] in FIRST_SHOWN]
    lines += table(RUNS_HEAD, map(run_cells, chosen))
    shown = [run for run in chosen if not run["first"]]
    lines += ["", "## Commands", "", "Each with `--target` and `--pid`.", ""]
    lines += [f"* {run['group']}: {run['name']}: `load {' '.join(run['arguments'])}`" for run in shown]
    return "\n".join(lines) + "\n"


# Of the other groups the first loads are the same again.
FIRST_SHOWN = ["front", "whole"]
FIGURES_HEAD = ["group", "figure", "unit", "best", "rounds", "target", "", "baselines of the same run", "remarks"]
LATENCY = "p50 / p99 / p99.9 / max ms"
RUNS_HEAD = ["group", "run", "items/s", LATENCY, "CPU-s per million", "settled", "memory peak, MB", "failed"]
FIGURES_TOLD = [
    "CPU-seconds are the server's, user and system, with what it did after the last request. *Best* is the best round (of memory",
    "the worst), *rounds* the range of all; a baseline is followed by how many times of it the figure is. Ratios are of the best",
    "rounds.",
]
RUNS_TOLD = [
    "Of each run the round that took the least CPU time. The load generator takes its part of the same machine. *First* is the load",
    "that a server gets before its scenario.",
]


def table(head, rows):
    return [row(head), row(["---"] * len(head)), *map(row, rows)]


def row(cells):
    return f"| {' | '.join(cells)} |"


def figure_cells(figure):
    if figure.value is None:
        nothing = ["not measured", "-", target_text(figure), "", "-"]
        return [figure.group, figure.name, figure.unit, *nothing, figure.note]
    baselines = "; ".join(baseline_text(figure, baseline) for baseline in figure.baselines) or "-"
    spread = f"{number(min(figure.values))} - {number(max(figure.values))}" if len(figure.values) > 1 else "one"
    value = number(figure.value)
    remarks = "; ".join(remark for remark in (figure.note, figure.unsettled) if remark)
    return [figure.group, figure.name, figure.unit, value, spread, target_text(figure), verdict(figure), baselines, remarks]


def verdict(figure):
    if figure.target is None:
        return ""
    if figure.is_missed:
        return "**missed**"
    return "open" if figure.unsettled else "met"


def baseline_text(figure, baseline):
    if not baseline.values:
        return f"{baseline.name}: not measured"
    value = best(baseline.values, figure.at_least)
    times = f" ({number(figure.value / value)} ×)" if value else ""
    return f"{baseline.name} {number(value)}{times}"


def best_runs(runs):
    """Of the rounds of each run the one with the least CPU time per item, in the order in which they came."""
    rounds = {}
    for run in runs:
        rounds.setdefault((run["group"], run["name"]), []).append(run)
    return [min(turns, key=lambda run: cpu(run["report"])) for turns in rounds.values()]


def run_cells(run):
    report = run["report"]
    latency = report["latency_ms"]
    return [
        run["group"],
        run["name"],
        f"{report['items_per_second']:,.0f}",
        " / ".join(f"{latency[quantile]:.1f}" for quantile in ("p50", "p99", "p99.9", "max")),
        number(report["server_cpu_seconds_per_million_items"]),
        number(cpu(report)) + (", still busy" if report["server_settling"]["quiet"] is False else ""),
        f"{report['server_memory']['peak_kib'] * 1024 / 1e6:,.0f}",
        str(failed_requests(report)),
    ]


def failures(runs):
    """A line for each run whose figures are of less than was asked for; any round counts."""
    lines = []
    for run in runs:
        if failed_requests(run["report"]):
            why = [f"{count} {reason}" for reason, count in run["report"]["requests_failed"].items()]
            unsent = run["report"]["requests_unsent"]
            why += [f"{unsent} due and never sent"] if unsent else []
            lines.append(f"missed: {run['group']}: {run['name']}: every request is to be answered, but: {', '.join(why)}")
    return lines
