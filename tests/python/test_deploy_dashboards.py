"""Grafana's dashboards and Prometheus' rules of deploy/: every metric and label that they read is one that the server has."""

import functools
import json
import re
import urllib.request

import promql_parser
import pytest

from deployed import DEPLOY, default_ports, yaml_of
from server import ROOT, eventually

DASHBOARDS = sorted(DEPLOY.glob("grafana/dashboards/*.json"))
DASHBOARD_IDS = [path.name for path in DASHBOARDS]
RULES = yaml_of(DEPLOY / "prometheus" / "rules" / "telemetryflow.yml")["groups"]
# What Prometheus itself adds.
PROMETHEUS_METRICS = {"up"}
PROMETHEUS_LABELS = {"instance", "job", "le"}
SAMPLE_SUFFIXES = ("_total", "_bucket", "_sum", "_count")
ITEM = {
    "resourceMetrics": [
        {"scopeMetrics": [{"metrics": [{"name": "room.temperature", "gauge": {"dataPoints": [{"asDouble": 1}]}}]}]}
    ]
}


def sources():
    return [path for path in (ROOT / "src").rglob("*.rs") if "tests" not in path.parts and path.name != "tests.rs"]


@functools.cache
def families():
    """The metrics that the source registers: without `_total`, with the unit behind their names."""
    found = set()
    for source in sources():
        text = source.read_text().split("#[cfg(test)]")[0]
        prefixes = re.findall(r'sub_registry_with_prefix\(\s*"(\w+)"', text)
        prefix = f"{prefixes[-1]}_" if prefixes else ""
        found |= {prefix + name for name in re.findall(r'\.register\(\s*"(\w+)"', text)}
        with_unit = re.findall(r'\.register_with_unit\(\s*"(\w+)",\s*(?:"[^"]*"|\w+),\s*Unit::(\w+)', text)
        found |= {f"{prefix}{name}_{unit.lower()}" for name, unit in with_unit}
        if "encode_descriptor" in text:
            found |= set(re.findall(r'"(\w+_\w+)"', text))
    return {f"telemetryflow_{name}" for name in found}


@functools.cache
def labels():
    """The labels that the source gives to metrics."""
    structs = (re.findall(r"EncodeLabelSet.*?\{(.*?)\}", source.read_text(), re.DOTALL) for source in sources())
    return {name for found in structs for struct in found for name in re.findall(r"(\w+): ", struct)}


def selectors(expression):
    """Every selector of an expression, and every label that it is grouped by."""
    found, grouped = [], set()

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        grouping = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and grouping is not None:
            grouped.update(grouping.labels)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found, grouped


def expressions(dashboard):
    """What the panels ask, with Grafana's variables filled in."""
    filled = {"$__rate_interval": "1m", "$instance": ".*"}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, value in filled.items():
                expression = expression.replace(variable, value)
            yield panel["title"], expression, target["legendFormat"]


def faults(expression):
    """The metrics and labels of an expression that there are not."""
    found, grouped = selectors(expression)
    assert found, expression
    known, known_labels, wrong = families(), labels() | PROMETHEUS_LABELS, []
    for selector in found:
        base = selector.name
        for suffix in SAMPLE_SUFFIXES:
            base = base.removesuffix(suffix)
        if not {selector.name, base} & (known | PROMETHEUS_METRICS):
            wrong.append(selector.name)
        grouped |= {matcher.name for matcher in selector.matchers.matchers}
    return wrong + sorted(grouped - known_labels)


def test_what_is_not_there_is_found_out():
    assert faults('sum by (signal) (rate(telemetryflow_ingest_items_received_total{tenant="a"}[5m]))') == []
    assert faults("telemetryflow_ingest_items_eaten_total") == ["telemetryflow_ingest_items_eaten_total"]
    assert faults('telemetryflow_journal_bytes{colour="red"}') == ["colour"]
    assert faults("sum by (colour) (telemetryflow_journal_bytes)") == ["colour"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=DASHBOARD_IDS)
def test_dashboards_read_metrics_that_there_are(file):
    asked = list(expressions(json.loads(file.read_text())))
    assert len(asked) > 5
    wrong = {title: found for title, expression, _ in asked if (found := faults(expression))}
    assert wrong == {}


@pytest.mark.parametrize("file", DASHBOARDS, ids=DASHBOARD_IDS)
def test_legends_name_labels_that_their_expressions_keep(file):
    for title, expression, legend in expressions(json.loads(file.read_text())):
        _, grouped = selectors(expression)
        named = set(re.findall(r"\{\{(\w+)\}\}", legend)) - {"instance"}
        assert named <= grouped, f"{title}: {legend}"


def test_dashboards_are_apart_and_none_covers_another_panel():
    boards = [json.loads(file.read_text()) for file in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) >= 5
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        taken = set()
        for place in (panel["gridPos"] for panel in board["panels"]):
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            assert not cells & taken and max(x for x, _ in cells) < 24, board["title"]
            taken |= cells


def test_dashboards_ask_the_provisioned_kind_of_source():
    (source,) = yaml_of(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert source["type"] == "prometheus"
    for file in DASHBOARDS:
        panels = json.loads(file.read_text())["panels"]
        kinds = {panel["datasource"]["type"] for panel in panels if panel["type"] != "row"}
        assert kinds == {source["type"]}


def test_grafana_finds_the_dashboards_where_compose_puts_them():
    grafana = yaml_of(DEPLOY / "compose.yaml")["services"]["grafana"]
    places = dict(volume.split(":")[:2][::-1] for volume in grafana["volumes"])
    (provider,) = yaml_of(DEPLOY / "grafana" / "provisioning" / "dashboards" / "telemetryflow.yaml")["providers"]
    folder = DEPLOY / places[provider["options"]["path"]]
    assert sorted(folder.glob("*.json")) == DASHBOARDS
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (folder / home.removeprefix(provider["options"]["path"] + "/")).exists()


def test_prometheus_rules_read_metrics_that_there_are():
    rules = [rule for group in RULES for rule in group["rules"]]
    assert len(rules) > 8
    assert {rule["alert"]: found for rule in rules if (found := faults(rule["expr"]))} == {}


def test_prometheus_rules_have_names_and_runbooks_of_the_built_in_ones():
    own = yaml_of(ROOT / "src" / "alerting" / "own_rules.yaml")["groups"]
    runbooks = {rule["name"]: rule["annotations"]["runbook_url"] for group in own for rule in group["rules"]}
    for rule in (rule for group in RULES for rule in group["rules"]):
        if rule["alert"] != "TelemetryFlowDown":
            assert rule["annotations"]["runbook_url"] == runbooks[rule["alert"]]
            assert (ROOT / runbooks[rule["alert"]]).exists()


def test_prometheus_scrapes_the_port_of_the_api():
    (job,) = yaml_of(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    assert job["static_configs"][0]["targets"] == [f"telemetryflow:{default_ports()['api']}"]
    named = {matcher for group in RULES for rule in group["rules"] for matcher in re.findall(r'job="(\w+)"', rule["expr"])}
    assert named == {job["job_name"]}


def test_a_server_shows_no_metric_that_was_not_found_in_its_source(start_server):
    """Scenario: a server has taken one request. Guarantees: the names these tests compare with are those it shows."""
    server = start_server()
    request = urllib.request.Request(
        server.metrics_url, json.dumps(ITEM).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=10).close()

    def shown():
        with urllib.request.urlopen(f"http://127.0.0.1:{server.api_port}/metrics", timeout=10) as answer:
            return set(re.findall(r"^# TYPE (\w+) ", answer.read().decode(), re.MULTILINE))

    eventually("the rejected point is counted", lambda: "telemetryflow_ingest_items_rejected" in shown())
    assert len(shown()) > 40
    assert shown() - families() == set()
