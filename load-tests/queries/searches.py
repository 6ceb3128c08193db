"""Searches among many spans and log records, which come from the load generator. Nothing of them is cached."""

import re
import time

from bench.failed import Failed
from queries import judge, reading

ITEMS_PER_BODY = 1_000
LOAD_SECONDS_MAX = 1_800
# The generator does not repeat what was refused: what is missing is sent again.
LOADS_MAX = 5
# Few, since what waits for the store is in memory alone.
CONNECTIONS = 4
# Looked up by id: from all over the load.
TRACES = 20
ABSENT = "no record says this"
COMMON = "the outbox is empty"
# What the generator writes into messages: of several numbers the longest is of an order, and another in each.
NUMBER = re.compile(r"\d+")


def load(run, server, signal):
    """Fills a server; how many items it holds, a remark, and when the load began and ended, in seconds since the epoch."""
    items, count, began = run.options.million * 1_000_000, 0, time.time()
    for seed in range(1, LOADS_MAX + 1):
        run.say(f"{signal}: sending {items - count:,}")
        requests = -(-(items - count) // ITEMS_PER_BODY)
        arguments = ["--signal", signal, "--connections", CONNECTIONS, "--seconds", LOAD_SECONDS_MAX, "--seed", seed]
        run.programs.send(server.port, server.pid, [*arguments, "--requests", requests])
        ended = time.time()
        count, unsettled = run.settle(signal, server, signal)
        if count >= items:
            return count, unsettled, (began, ended)
    raise Failed(f"{signal}: only {count:,} of {items:,} were stored")


def traces(run):
    with run.server() as server:
        count, unsettled, (began, ended) = load(run, server, "traces")
        reader = reading.Reader(server.api)
        ids = ids_between(reader, began, ended)
        beside = reading.Beside()
        looked_up = [look_up(reader, each) for each in ids]
        beside = beside.told()
        memory = server.peak_mb()
    name = f"a trace by its id, among {count:,} spans"
    return [
        judge.timed("traces", name, looked_up, judge.TRACE_MS, unsettled, beside),
        judge.Figure("traces", "server memory at its peak", "MB", [memory]),
    ]


def ids_between(reader, began, ended):
    """Ids of traces from all over the load."""
    step, found = (ended - began) / TRACES, []
    for at in range(TRACES):
        pairs = [("startTime", began + at * step), ("endTime", began + (at + 1) * step), ("limit", 1)]
        answer, _ = reader.get("/api/v2/traces", [(name, nanoseconds(value)) for name, value in pairs])
        found += [trace["traceId"] for trace in answer["traces"]]
    if len(set(found)) < TRACES // 2:
        raise Failed(f"traces: only {len(set(found))} were found to look up")
    return list(dict.fromkeys(found))


def nanoseconds(value):
    """Of a time in seconds; a limit stays what it is."""
    return int(value * 1_000_000_000) if isinstance(value, float) else value


def look_up(reader, trace_id):
    answer, took = reader.get(f"/api/v2/traces/{trace_id}")
    if not answer["spans"]:
        raise Failed(f"traces: {trace_id} has no spans")
    return took


def logs(run):
    with run.server() as server:
        count, unsettled, (began, ended) = load(run, server, "logs")
        reader = reading.Reader(server.api)
        rare = [order_at(reader, began + (ended - began) * part / run.options.rounds) for part in range(run.options.rounds)]
        beside = reading.Beside()
        one = [search(reader, text, at_least=1) for text in rare]
        none = [search(reader, f"{ABSENT} {number}", at_least=0) for number in range(run.options.rounds)]
        many = [search(reader, COMMON, at_least=100) for _ in range(run.options.rounds)]
        beside = beside.told()
        memory = server.peak_mb()
    among = f"among {count:,} log records of the last hour"
    return [
        judge.timed("logs", f"a text that one record has, {among}", one, judge.LOGS_MS, unsettled, beside),
        judge.timed("logs", f"a text that no record has, {among}", none, judge.LOGS_MS, unsettled, beside),
        judge.timed("logs", f"a text that each seventh has, {among}", many, judge.LOGS_MS, unsettled, beside),
        judge.Figure("logs", "server memory at its peak", "MB", [memory]),
    ]


def order_at(reader, at):
    """The number of the order in the first record from a time on."""
    pairs = [("startTime", int(at * 1e9)), ("limit", 20), ("order", "asc")]
    answer, _ = reader.get("/api/v2/logs", pairs)
    return longest_number(record["body"] for record in answer["logs"])


def longest_number(texts):
    numbers = [found for text in texts for found in NUMBER.findall(text)]
    if not numbers:
        raise Failed("logs: no record has a number to search for")
    return max(numbers, key=len)


def search(reader, text, at_least):
    answer, took = reader.get("/api/v2/logs", [("startTime", "now-1h"), ("text", text)])
    if len(answer["logs"]) < at_least:
        raise Failed(f"logs: {text!r} was found {len(answer['logs'])} times")
    return took
