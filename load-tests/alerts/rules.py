"""The rules and the series that they look at: METRICS metrics of HOSTS hosts each, in blocks; a rule for each block of each metric."""

import json

METRICS, HOSTS, BLOCKS = 100, 1_000, 100
CHANNELS = 20
LIMIT = 1_000.0
WINDOW = "30s"


def metric(number):
    return f"bench.alerts.m{number:03}"


def rule_file(path):
    rules = [rule(number, block) for number in range(METRICS) for block in range(BLOCKS)]
    # JSON is YAML.
    path.write_text(json.dumps({"groups": [{"name": "bench", "rules": rules}]}))


def rule(number, block):
    return {
        "id": f"m{number:03}-b{block:03}",
        "metric": metric(number),
        "filter": f'block = "b{block:03}"',
        "aggregation": "max",
        "window": WINDOW,
        "thresholds": [{"severity": "WARN", "op": ">", "value": LIMIT}],
        "channels": [f"probe{(number + block) % CHANNELS}"],
        "labels": {"probe": f"{number}-{block}"},
    }


def channels(port):
    section = '[channels.probe{0}]\nkind = "webhook"\nurl = "http://127.0.0.1:{1}/{0}"\nsend_resolved = false\n'
    return "".join(section.format(number, port) for number in range(CHANNELS))
