"""From reports of the load generator to figures with their targets; nothing here measures anything."""

import dataclasses

from bench.figures import ITEMS, Baseline, Figure, Target, best, ratio

FRONT = {"metrics": 0.25, "traces": 0.8, "logs": 0.5}
WHOLE = {"metrics": 0.8, "traces": 2.5, "logs": 2.5}
WHOLE_OF_RAW = {"metrics": 2.0, "traces": 1.6, "logs": 1.6}
# Logging, tracing and metrics together.
WATCHED_OF_QUIET = 1.02
PACKED_OF_PLAIN = 1.25
SMALL_PER_CORE = 50_000
SERIES_OF_FEWEST = 1.15
BYTES_PER_SERIES = 300
# Below so many series, what a server's buffers happen to hold weighs more than the series.
SERIES_FOR_MEMORY = 1_000_000
ACK_P99_MS = 25
IDLE_MB, FRONT_MB, WHOLE_MB = 30, 300, 1500
BYTES_ON_DISK = {"metrics": 2, "traces": 45, "logs": 50}
TABLES = {"metrics": "metric_samples", "traces": "otel_traces", "logs": "otel_logs"}
NO_RAW_INSERT = "the program raw_insert is not there"
CPU = "CPU-s per million"


def cpu(report):
    """CPU-seconds of the server per million accepted items, with what it did until it had settled."""
    return report["server_cpu_seconds_per_million_items_settled"]


def all_cpu(reports):
    return [cpu(report) for report in reports]


def peak_mb(report):
    return report["server_memory"]["peak_kib"] * 1024 / 1e6


def resident_mb(report):
    return report["server_memory"]["now_kib"] * 1024 / 1e6


def failed_requests(report):
    return sum(report["requests_failed"].values()) + report["requests_unsent"]


def per_cpu_second(report):
    """Requests that were answered, per CPU-second of the server."""
    answered = report["requests"] - sum(report["requests_failed"].values())
    return answered / max(report["server_cpu_seconds_settled"], 0.01)


def idle(resident):
    return [Figure("idle", "resident memory, store null, no request yet", "MB", resident, Target(IDLE_MB))]


def front(signal, rounds):
    baselines = [
        Baseline("prost's decode alone", [report["cpu_seconds_per_million_items"] for report in rounds["prost"]]),
        Baseline("idle HTTP server", all_cpu(rounds["idle"])),
    ]
    name = f"front half, {ITEMS[signal]}"
    return [
        Figure("front", name, CPU, all_cpu(rounds["front"]), Target(FRONT[signal]), baselines),
        peak("front", f"memory at its peak, {ITEMS[signal]}", rounds["front"], FRONT_MB),
    ]


def peak(group, name, reports, limit):
    peaks = [peak_mb(report) for report in reports]
    # The highest: memory that was needed once is needed.
    return Figure(group, name, "MB", peaks, Target(limit), shown=max(peaks))


def whole(signal, rounds):
    """`raw` holds None for each round without a raw insert; `tables` what is in the tables after each round.

    A round that was still busy at its end tells less than it took, so it only counts where there is no other.
    """
    turns = list(zip(rounds["whole"], rounds["raw"], rounds["tables"]))
    quiet = [turn for turn in turns if turn[0]["server_settling"]["quiet"]]
    reports, raw, tables = zip(*(quiet or turns))
    unsettled = "" if quiet else "merges were still at work when the time was over"
    used, items = all_cpu(reports), ITEMS[signal]
    raw_cpu = [report["cpu_seconds_per_million_rows"] for report in raw if report]
    raw_bytes = [report["bytes_per_row"] for report in raw if report]
    baseline = Baseline("raw insert", raw_cpu)
    target = Target(WHOLE_OF_RAW[signal])
    compared = ratio("whole", f"whole / raw insert, {items}", used, raw_cpu, target, NO_RAW_INSERT)
    return [
        Figure("whole", f"whole, {items}", CPU, used, Target(WHOLE[signal]), [baseline], unsettled=unsettled),
        dataclasses.replace(compared, unsettled=unsettled if compared.values else ""),
        peak("whole", f"memory at its peak with the engine, {items}", rounds["whole"], WHOLE_MB),
        dataclasses.replace(disk(signal, tables, raw_bytes), unsettled=unsettled),
    ]


def disk(signal, tables, raw_bytes):
    name, main = f"disk after merges, {ITEMS[signal]}", TABLES[signal]
    target, baselines = Target(BYTES_ON_DISK[signal]), [Baseline("raw insert", raw_bytes)]
    filled = [found for found in tables if found.get(main, (0, 0))[0]]
    if not filled:
        return Figure("whole", name, "bytes each", [], target, note=f"nothing in {main}")
    per_row = [found[main][1] / found[main][0] for found in filled]
    rows, _ = filled[0][main]
    besides = {table: size / rows for table, (_, size) in sorted(filled[0].items()) if table != main}
    others = ", ".join(f"{table} {each:.1f}" for table, each in besides.items() if each >= 0.05)
    note = f"besides, per item: {others}" if others else ""
    return Figure("whole", name, "bytes each", per_row, target, baselines, note)


def packed(signal, rounds):
    plain = all_cpu(rounds["plain"])
    return [
        ratio("packed", f"{name} / plain bodies, {ITEMS[signal]}", all_cpu(rounds[name]), plain, Target(PACKED_OF_PLAIN))
        for name in ("gzip", "zstd")
    ]


def watched(signal, size, rounds):
    quiet = all_cpu(rounds["quiet"])
    return [
        ratio("watched", f"{way} / quiet, bodies of {size} {ITEMS[signal]}", all_cpu(reports), quiet, Target(WATCHED_OF_QUIET))
        for way, reports in rounds.items()
        if way != "quiet"
    ]


def small(signal, rounds):
    values = [per_cpu_second(report) for report in rounds["small"]]
    floor = Baseline("idle HTTP server", [per_cpu_second(report) for report in rounds["idle"]])
    name = f"bodies of 10 {ITEMS[signal]}"
    return [Figure("small", name, "requests per CPU-second", values, Target(SMALL_PER_CORE, at_least=True), [floor])]


def series(rounds):
    """`rounds` holds, for each number of live series, the reports of the second pass."""
    fewest = min(rounds)
    base, figures = all_cpu(rounds[fewest]), []
    for count, reports in sorted(rounds.items()):
        used = all_cpu(reports)
        figures.append(Figure("series", f"{count:,} live series", f"{CPU} points", used))
        if count != fewest:
            figures.append(
                ratio("series", f"{count:,} / {fewest:,} live series, CPU", used, base, Target(SERIES_OF_FEWEST))
            )
            figures.append(bytes_per_series(count, reports, fewest, rounds[fewest]))
    return figures


def bytes_per_series(count, reports, fewest, base):
    values = [
        (resident_mb(many) - resident_mb(few)) * 1e6 / (count - fewest) for many, few in zip(reports, base)
    ]
    counts = count >= SERIES_FOR_MEMORY
    note = "" if counts else f"no target below {SERIES_FOR_MEMORY:,}: a server's buffers weigh more"
    target = Target(BYTES_PER_SERIES) if counts else None
    name = f"{count:,} live series, resident memory beyond {fewest:,}"
    return Figure("series", name, "bytes per series", values, target, note=note)


def ack(store, signal, reports):
    p99 = [report["latency_ms"]["p99"] for report in reports]
    p50 = best([report["latency_ms"]["p50"] for report in reports])
    name = f"acknowledged at half load, p99, store {store}, {ITEMS[signal]}"
    return [Figure("ack", name, "ms", p99, Target(ACK_P99_MS), note=f"p50 {p50:.1f} ms")]


def durability(signal, rounds):
    rates = {name: max(report["items_per_second"] for report in reports) for name, reports in rounds.items()}
    return [
        Figure(
            "durability",
            f"durability {name} / memory, throughput, {ITEMS[signal]}",
            "×",
            [rates[name] / max(rates["memory"], 1)],
        )
        for name in ("journal", "store")
    ]
