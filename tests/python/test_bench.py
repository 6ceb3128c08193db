"""The logic of `load-tests/run`: figures from reports, missed targets, the page. Nothing is measured here."""

import sys

import pytest

from server import ROOT

sys.path.insert(0, str(ROOT / "load-tests"))

from bench import judge, main, options  # noqa: E402
from bench.figures import Baseline, Figure, Target, missed, not_measured, number, ratio  # noqa: E402
from bench.page import failures, page  # noqa: E402


def report(cpu=0.5, settled=None, **others):
    """What the load generator says, as far as figures need it."""
    return {
        "requests": 1_000,
        "requests_unsent": 0,
        "requests_failed": {},
        "items_per_second": 1e6,
        "latency_ms": {"p50": 1.0, "p99": 20.0, "p99.9": 30.0, "max": 40.0},
        "server_cpu_seconds_settled": 2.0,
        "server_cpu_seconds_per_million_items": cpu,
        "server_cpu_seconds_per_million_items_settled": settled or cpu,
        "server_memory": {"peak_kib": 200_000, "now_kib": 100_000},
        "server_settling": {"seconds": 3.0, "quiet": True},
    } | others


def whole_rounds(**others):
    rounds = {
        "whole": [report(2.0, 3.0), report(1.5, 2.2)],
        "raw": [{"cpu_seconds_per_million_rows": 1.0, "bytes_per_row": 1.5}] * 2,
        "tables": [{"metric_samples": (1_000, 2_500), "metric_series": (10, 700)}] * 2,
    }
    return rounds | others


def by_name(figures):
    return {figure.name: figure for figure in figures}


def test_the_best_round_stands_for_all_and_the_spread_is_kept():
    figure = Figure("front", "points", judge.CPU, [0.5, 0.3, 0.4], Target(0.25))
    assert figure.value == 0.3 and figure.is_missed
    rate = Figure("small", "bodies", "rps", [1.0, 3.0], Target(2.0, at_least=True))
    assert rate.value == 3.0 and not rate.is_missed


def test_a_ratio_is_of_the_best_rounds_and_its_spread_of_each():
    figure = ratio("packed", "gzip / plain", [3.0, 2.0], [1.0, 2.0], Target(1.25))
    assert figure.value == 2.0
    assert figure.values == [3.0, 1.0]
    assert figure.is_missed


def test_without_a_base_a_ratio_is_not_measured_and_not_missed():
    figure = ratio("whole", "whole / raw insert", [3.0], [], Target(2.0), "no such program")
    assert (figure.value, figure.is_missed) == (None, False)
    assert not_measured([figure]) == ["not measured: whole: whole / raw insert: no such program"]


def test_missed_targets_are_told_with_their_figures():
    figures = [
        Figure("front", "points", "s", [0.5], Target(0.25)),
        Figure("front", "spans", "s", [0.7], Target(0.8)),
        Figure("small", "bodies", "rps", [4e4], Target(5e4, at_least=True)),
        Figure("series", "10,000", "s", [9.0]),
    ]
    assert missed(figures) == [
        "missed: front: points: 0.50 s, target ≤ 0.25",
        "missed: small: bodies: 40,000 rps, target ≥ 50,000",
    ]


def test_the_front_half_stands_beside_prost_and_the_idle_server():
    rounds = {"front": [report(0.5)], "idle": [report(0.1)], "prost": [{"cpu_seconds_per_million_items": 0.4}]}
    figure, peak = judge.front("metrics", rounds)
    assert figure.is_missed and not peak.is_missed
    assert [(baseline.name, baseline.values) for baseline in figure.baselines] == [
        ("prost's decode alone", [0.4]),
        ("idle HTTP server", [0.1]),
    ]
    assert peak.value == pytest.approx(204.8)


def test_the_whole_counts_what_was_settled_against_the_raw_insert():
    figures = by_name(judge.whole("metrics", whole_rounds()))
    assert figures["whole, points"].value == 2.2
    assert figures["whole / raw insert, points"].value == pytest.approx(2.2)
    assert figures["whole / raw insert, points"].is_missed
    disk = figures["disk after merges, points"]
    assert disk.value == 2.5 and disk.is_missed
    assert disk.note == "besides, per item: metric_series 0.7"
    assert disk.baselines == [Baseline("raw insert", [1.5, 1.5])]


def test_the_whole_without_the_raw_insert_says_so():
    figures = by_name(judge.whole("metrics", whole_rounds(raw=[None, None])))
    assert figures["whole, points"].value == 2.2
    assert figures["whole / raw insert, points"].note == judge.NO_RAW_INSERT
    text = page([], list(figures.values()), [])
    assert "| whole | whole / raw insert, points | × | not measured | - | ≤ 2.00 |" in text
    assert "raw insert: not measured" in text


def busy_at_the_end(cpu):
    return report(cpu, server_settling={"seconds": 60.0, "quiet": False})


def test_a_round_that_was_busy_at_its_end_does_not_count_beside_a_quiet_one():
    rounds = whole_rounds(whole=[busy_at_the_end(0.5), report(0.7)])
    figure = by_name(judge.whole("metrics", rounds))["whole, points"]
    assert (figure.values, figure.unsettled) == ([0.7], "")


def test_what_never_became_quiet_is_not_met():
    figures = judge.whole("metrics", whole_rounds(whole=[busy_at_the_end(0.5)] * 2))
    figure = by_name(figures)["whole, points"]
    assert figure.value == 0.5 and figure.unsettled
    assert any(line.startswith("not settled: whole: whole, points") for line in not_measured(figures))
    assert "| ≤ 0.80 | open |" in page([], [figure], [])


def test_empty_tables_give_no_bytes():
    figures = by_name(judge.whole("logs", whole_rounds(tables=[{}, {}])))
    assert figures["disk after merges, log records"].value is None


def test_small_bodies_are_counted_by_cpu_second_without_failures():
    rounds = {"small": [report(requests=100_100, requests_failed={"status 503": 100})], "idle": [report(requests=400_000)]}
    (figure,) = judge.small("logs", rounds)
    assert figure.value == 50_000 and not figure.is_missed
    assert figure.baselines[0].values == [200_000]


def test_series_are_compared_with_the_fewest_and_memory_is_what_is_beyond():
    rounds = {
        10_000: [report(0.5, server_memory={"peak_kib": 1, "now_kib": 100_000})],
        100_000: [report(0.55, server_memory={"peak_kib": 1, "now_kib": 200_000})],
        1_010_000: [report(0.6, server_memory={"peak_kib": 1, "now_kib": 490_625})],
    }
    figures = by_name(judge.series(rounds))
    assert not figures["100,000 / 10,000 live series, CPU"].is_missed
    assert figures["1,010,000 / 10,000 live series, CPU"].is_missed
    memory = figures["1,010,000 live series, resident memory beyond 10,000"]
    assert memory.value == pytest.approx(400) and memory.is_missed
    assert figures["100,000 live series, resident memory beyond 10,000"].target is None


def test_packed_bodies_are_compared_with_plain_ones():
    rounds = {"plain": [report(0.4)], "gzip": [report(0.6)], "zstd": [report(0.45)]}
    gzip, zstd = judge.packed("traces", rounds)
    assert (gzip.is_missed, zstd.is_missed) == (True, False)


def test_acknowledgement_and_durability():
    (figure,) = judge.ack("null", "logs", [report(), report()])
    assert figure.value == 20.0 and not figure.is_missed
    rounds = {name: [report(items_per_second=rate)] for name, rate in {"memory": 4, "journal": 3, "store": 1}.items()}
    assert [figure.value for figure in judge.durability("logs", rounds)] == [0.75, 0.25]


def test_the_page_shows_each_figure_with_target_and_baselines():
    figures = [
        Figure("front", "points", "s", [0.5, 0.4], Target(0.25), [Baseline("prost", [0.8, 0.9])], "busy"),
        Figure("ack", "p99", "ms", [20.0], Target(25)),
    ]
    runs = [
        {"group": "front", "name": "points", "arguments": ["--a"], "report": report(0.5), "first": False},
        {"group": "front", "name": "points", "arguments": ["--a"], "report": report(0.4), "first": False},
        {"group": "small", "name": "points, first 2 s", "arguments": ["--b"], "report": report(), "first": True},
    ]
    lines = page(["2026-11-21"], figures, runs).splitlines()
    assert "| front | points | s | 0.40 | 0.40 - 0.50 | ≤ 0.25 | **missed** | prost 0.80 (0.50 ×) | busy |" in lines
    assert "| ack | p99 | ms | 20.0 | one | ≤ 25.0 | met | - |  |" in lines
    assert "* missed: front: points: 0.40 s, target ≤ 0.25" in lines
    assert "| front | points | 1,000,000 | 1.0 / 20.0 / 30.0 / 40.0 | 0.40 | 0.40 | 205 | 0 |" in lines
    assert lines[-1] == "* front: points: `load --a`"
    assert not any("first 2 s" in line for line in lines)


def test_requests_that_failed_are_missed_in_any_round():
    bad = report(requests_failed={"status 503": 3}, requests_unsent=2)
    runs = [{"group": "front", "name": "points", "arguments": [], "report": each} for each in (bad, report())]
    (line,) = failures(runs)
    assert "3 status 503, 2 due and never sent" in line


def test_only_a_run_of_everything_writes_the_page_of_record():
    def written(*arguments):
        return main.where(options.parse(arguments))

    assert written() == main.RESULTS
    assert written("--strict", "--rounds", "1") == main.RESULTS
    for part in (["--quick"], ["--only", "front"], ["--signals", "logs"]):
        assert written(*part) is None
    assert str(written("--quick", "--output", "page.md")) == "page.md"


def test_options_of_a_quick_run_yield_to_what_is_asked_for():
    asked = options.parse(["--quick", "--seconds", "5", "--only", "whole,front"])
    assert (asked.seconds, asked.rounds, asked.only) == (5, 1, ["front", "whole"])
    assert "durability" not in options.parse(["--quick"]).only
    assert options.parse(["--quick", "--only", "durability"]).only == ["durability"]


@pytest.mark.parametrize("arguments", [["--only", "back"], ["--signals", "x"], ["--seconds", "0"], ["--rounds", "many"]])
def test_what_cannot_be_asked_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        options.parse(arguments)
    assert arguments[0] in capsys.readouterr().err


def test_numbers_have_three_digits_that_count():
    assert [number(value) for value in (None, 0, 0.0123, 0.5, 12.34, 123.4, 50_000)] == [
        "-",
        "0.00",
        "0.012",
        "0.50",
        "12.3",
        "123",
        "50,000",
    ]
