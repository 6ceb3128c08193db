"""10,000 rules over 100,000 series under load: from a point to the call of a webhook, and the CPU that the rules cost."""

import argparse
import contextlib
import os
import pathlib
import tempfile
import threading
import time

from alerts import points, rules
from alerts.receiver import receiving
from bench import machine, servers
from bench.failed import Failed
from bench.programs import Programs
from queries.sending import Sender
from queries.templates import Template, values

TARGET_MS, COST_TARGET = 1_000, 0.10
SETTLE_S = 30
TOLD_WITHIN_S = 20


def main(arguments):
    options = parsed(arguments)
    found = Programs.build(baselines=())
    head = machine.head(found, ["load-tests/run-alerts", *arguments], f"{options.seconds} s each, without rules and with")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "rules.yaml"
        rules.rule_file(path)
        with receiving() as receiver:
            bare = run(found, options, "", None)
            ruled = run(found, options, configuration(path, receiver.port), receiver)
    text = page(options, head, bare, ruled)
    print(text)
    options.output.write_text(text)
    worst = ruled["p99"]
    return 0 if worst < TARGET_MS and ruled["cpu"] / bare["cpu"] - 1 < COST_TARGET else 1


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="load-tests/run-alerts", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long is measured (default: %(default)s)")
    parser.add_argument("--every", type=float, default=10, help="seconds between two points of a series (default: %(default)s)")
    parser.add_argument("--probes", type=float, default=5, help="probes per second (default: %(default)s)")
    default = pathlib.Path(__file__).resolve().parents[1] / "ALERTS.md"
    parser.add_argument("--output", type=pathlib.Path, default=default, help="where the page is written")
    return parser.parse_args(arguments)


def configuration(path, port):
    return f'[outgoing]\nallow = ["127.0.0.0/8"]\n[alerting]\nrules = "{path}"\n{rules.channels(port)}'


def run(found, options, more, receiver):
    """CPU seconds per million points; with a receiver also how long probes took, in milliseconds."""
    with servers.telemetryflow(found, store="embedded", more=more) as server:
        with sending(server.port, options.every) as state:
            time.sleep(SETTLE_S)
            cpu, sent, begun = cpu_s(server.pid), state.points, time.time()
            time.sleep(options.seconds)
            spent, points_sent = cpu_s(server.pid) - cpu, state.points - sent
            rate = points_sent / (time.time() - begun)
            took = probe(server.port, options, receiver) if receiver else []
            late = state.late_s
        result = {"cpu": spent / points_sent * 1e6, "rate": rate, "late_s": late}
        result["peak_mb"] = server.peak_mb()
        if receiver:
            result |= quantiles(took)
        return result


class Sending:
    def __init__(self):
        self.points, self.late_s, self.stop, self.failed = 0, 0.0, threading.Event(), None


@contextlib.contextmanager
def sending(port, every):
    """Each metric is sent every so many seconds, never all at once."""
    templates = [Template(points.request(number).SerializeToString()) for number in range(rules.METRICS)]
    state = Sending()

    def work():
        sender, number, due = Sender(port), 0, time.time()
        try:
            while not state.stop.wait(max(0.0, due - time.time())):
                sender.post(templates[number % rules.METRICS].body(values(due, due - 60)))
                state.points += rules.HOSTS
                state.late_s = max(state.late_s, time.time() - due)
                number, due = number + 1, due + every / rules.METRICS
        except Failed as failure:
            state.failed = failure

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield state
        if state.failed:
            raise state.failed
    finally:
        state.stop.set()
        thread.join()


def probe(port, options, receiver):
    """Sends single points beyond the limit, each to another rule; gives how long each took until it was told."""
    sender, sent = Sender(port), {}
    count = int(options.seconds * options.probes)
    due = time.time()
    for turn in range(count):
        time.sleep(max(0.0, due - time.time()))
        number, block = turn * 37 % rules.METRICS, turn * 7 // rules.METRICS % rules.BLOCKS
        host = block * rules.HOSTS // rules.BLOCKS
        begun = time.time()
        message = points.request(number, [host], rules.LIMIT * 2, int(begun * 1e9))
        if sent.setdefault(f"{number}-{block}", begun) == begun:
            sender.post(message.SerializeToString())
        due += 1 / options.probes
    deadline = time.time() + TOLD_WITHIN_S
    while time.time() < deadline and len(receiver.told) < len(sent):
        time.sleep(0.1)
    missing = [key for key in sent if key not in receiver.told]
    if missing:
        raise Failed(f"{len(missing)} of {len(sent)} probes were not told: {missing[:5]}")
    return sorted((receiver.told[key] - at) * 1e3 for key, at in sent.items())


def quantiles(took):
    at = lambda part: took[min(len(took) - 1, int(len(took) * part))]
    return {"probes": len(took), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": took[-1]}


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page(options, head, bare, ruled):
    series, count = rules.METRICS * rules.HOSTS, rules.METRICS * rules.BLOCKS
    cost = ruled["cpu"] / bare["cpu"] - 1
    lines = "\n".join(f"* {line}" for line in head)
    return f"""# Alerting under load

{lines}

Written by `make bench-alerts`. {series:,} series, each with a point every {options.every:g} s ({ruled["rate"]:,.0f} points/s), {count:,} rules
(`max > {rules.LIMIT:g}` over {rules.WINDOW}, ten series each), {rules.CHANNELS} webhooks on the same machine that are told of firings only (a channel takes a
message a second). CPU is of {options.seconds} s without probes, times are of {options.probes:g} probes per second thereafter.

| what | found | target |
|---|---|---|
| from sending a point to the call of the webhook, p50 / p90 / p99 / max of {ruled["probes"]} | {ruled["p50"]:.0f} / {ruled["p90"]:.0f} / {ruled["p99"]:.0f} / {ruled["max"]:.0f} ms | p99 under {TARGET_MS} ms |
| CPU of the server per million points, without rules / with | {bare["cpu"]:.2f} / {ruled["cpu"]:.2f} s ({cost:+.1%}) | at most +{COST_TARGET:.0%} |
| memory at its peak, without rules / with | {bare["peak_mb"]:,.0f} / {ruled["peak_mb"]:,.0f} MB | |
| how late the load was at most | {ruled["late_s"]:.2f} s | |
"""
