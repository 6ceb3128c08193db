"""The Helm chart: rendered by Helm, held against Kubernetes' schemas and against the program that it starts."""

import json
import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from deployed import DEFAULTS, DEPLOY, OPENAPI, check_config, default_ports, is_known, key_of, ran, seconds, tool
from server import binary

CHART = DEPLOY / "helm" / "telemetryflow"
KUBERNETES = ["1.25", "1.37"]
RULE = {
    "groups": [
        {
            "name": "shop",
            "rules": [
                {
                    "id": "hot",
                    "name": "Hot",
                    "metric": "room.temperature",
                    "aggregation": "avg",
                    "window": "1m",
                    "thresholds": [{"severity": "WARN", "op": ">", "value": 30}],
                }
            ],
        }
    ]
}
EVERYTHING = {
    "image": {"repository": "registry.example.com/telemetryflow", "tag": "1.2.3"},
    "imagePullSecrets": [{"name": "registry"}],
    "config": {
        "store": {"readers": 8, "engine_memory_max": "3GiB"},
        "ingest": {"series_max_per_tenant": 100000000, "cors_origins": ["https://app.example.com"]},
        "keys": {"shop": {"hash": "sha256:" + "0" * 64, "tenant": "shop", "role": "admin"}},
        "channels": {"ops": {"kind": "slack", "send_resolved": False}},
        "alerting": {
            "own_channels": ["ops"],
            "route": {"receiver": "ops", "routes": [{"receiver": "ops", "matchers": ['team=~"db|<storage>"']}]},
        },
        "shutdown": {"deadline": "1m30s"},
    },
    "secretSettings": {"TELEMETRYFLOW__CHANNELS__OPS__URL": {"secret": "channels", "key": "ops-url"}},
    "secretSettingsFrom": "more",
    "rules": {"shop.yaml": RULE, "text.yml": yaml.safe_dump(RULE).replace("id: hot", "id: hotter")},
    "persistence": {"size": "1Ti", "storageClass": "fast", "annotations": {"a": "b"}},
    "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    "serviceAccount": {"annotations": {"a": "b"}},
    "podDisruptionBudget": {"enabled": True, "maxUnavailable": 0},
    "serviceMonitor": {"enabled": True, "labels": {"a": "b"}, "credentials": {"name": "metrics", "key": "key"}},
    "networkPolicy": {"enabled": True, "otlpFrom": [{"podSelector": {}}], "apiFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "priorityClassName": "high",
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "telemetry", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
VALUES = {"defaults": {}, "everything": EVERYTHING}


@pytest.fixture(params=VALUES)
def values(request):
    return VALUES[request.param]


def helm(folder, values, release="release"):
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    command = [tool("helm"), "template", release, str(CHART), "--namespace", "telemetry", "--values", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def rendered(folder, values, release="release"):
    answer = helm(folder, values, release)
    assert answer.returncode == 0, answer.stderr
    return [document for document in yaml.safe_load_all(answer.stdout) if document]


def one(documents, kind, ending=""):
    (found,) = [d for d in documents if d["kind"] == kind and d["metadata"]["name"].endswith(ending)]
    return found


def pod_of(documents):
    return one(documents, "StatefulSet")["spec"]["template"]["spec"]


def test_lint_finds_nothing():
    ran(tool("helm"), "lint", "--strict", "--quiet", str(CHART))


def test_all_values_are_used_by_the_full_example():
    """What is not set here would not be tried by the tests below."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    left_out = {"nameOverride", "fullnameOverride", "resources", "startupSeconds"}
    assert set(defaults) - set(EVERYTHING) == left_out
    assert set(defaults) | {"global"} == set(json.loads((CHART / "values.schema.json").read_text())["properties"])


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_what_is_rendered(values, version, tmp_path):
    documents = rendered(tmp_path, values)
    assert len(documents) >= 6
    for document in documents:
        if document["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(document, version, strict=True)


def test_what_is_off_is_not_there(tmp_path):
    kinds = {document["kind"] for document in rendered(tmp_path, {})}
    assert kinds == {"StatefulSet", "Service", "ConfigMap", "ServiceAccount", "PodDisruptionBudget"}
    bare = {"serviceAccount": {"create": False}, "podDisruptionBudget": {"enabled": False}}
    kinds = {document["kind"] for document in rendered(tmp_path, bare)}
    assert kinds == {"StatefulSet", "Service", "ConfigMap"}


def test_the_server_takes_the_configuration_that_is_rendered(values, tmp_path):
    """With the pod's own variables, and with what the Secret would hold in the place of references."""
    documents = rendered(tmp_path, values)
    (container,) = pod_of(documents)["containers"]
    config = one(documents, "ConfigMap", "telemetryflow")["data"]["config.toml"]
    rules = tmp_path / "rules"
    rules.mkdir()
    for name, text in next((d["data"] for d in documents if d["metadata"]["name"].endswith("-rules")), {}).items():
        (rules / name).write_text(text)
    environment = {v["name"]: v.get("value", "https://hooks.slack.com/services/x") for v in container["env"]}
    if "TELEMETRYFLOW__ALERTING__RULES" in environment:
        environment["TELEMETRYFLOW__ALERTING__RULES"] = str(rules)
    in_force = check_config(tmp_path, config, environment)
    for section, keys in values.get("config", {}).items():
        for key, value in keys.items():
            if key != "route" and section not in ("keys", "channels"):
                assert in_force[section][key] == value, f"[{section}] {key}"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert in_force["store"]["path"] == mounts["data"]
    if values:
        assert in_force["alerting"]["route"]["receiver"] == "ops"
        said = ran(binary(), "rules", "check", str(rules))
        assert said.splitlines()[-1] == "2 rules"


def test_variables_of_the_pod_are_settings(values, tmp_path):
    (container,) = pod_of(rendered(tmp_path, values))["containers"]
    assert [v["name"] for v in container["env"] if not is_known(key_of(v["name"]))] == []


def test_ports_and_probes_are_those_of_the_program(values, tmp_path):
    documents = rendered(tmp_path, values)
    (container,) = pod_of(documents)["containers"]
    expected = {key.replace("_", "-"): port for key, port in default_ports().items()}
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == expected
    listens = {v["name"].rsplit("LISTEN__")[1]: v["value"] for v in container["env"] if "LISTEN__" in v["name"]}
    assert listens == {key.upper(): f"0.0.0.0:{port}" for key, port in default_ports().items()}
    for service in (d for d in documents if d["kind"] == "Service"):
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == expected
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in OPENAPI["paths"]
        assert container[probe]["httpGet"]["port"] == "api"
    paths = [container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
    assert paths == ["/livez", "/readyz"]


@pytest.mark.parametrize("deadline", ["1s", "25s", "1m30s", "5m"])
def test_the_pod_has_longer_to_stop_than_the_server_takes(deadline, tmp_path):
    pod = pod_of(rendered(tmp_path, {"config": {"shutdown": {"deadline": deadline}}}))
    before = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert seconds(deadline) + before < pod["terminationGracePeriodSeconds"] <= seconds(deadline) + before + 30


def test_without_a_deadline_the_default_one_counts(tmp_path):
    pod = pod_of(rendered(tmp_path, {}))
    assert pod["terminationGracePeriodSeconds"] == seconds(DEFAULTS["shutdown"]["deadline"]) + 15


def test_everything_is_found_by_the_labels_of_the_pod(values, tmp_path):
    documents = rendered(tmp_path, values)
    workload = one(documents, "StatefulSet")
    labels = workload["spec"]["template"]["metadata"]["labels"]
    selectors = [d["spec"]["selector"] for d in documents if d["kind"] == "Service"]
    matched = [workload, *(d for d in documents if d["kind"] == "PodDisruptionBudget")]
    selectors += [d["spec"]["selector"]["matchLabels"] for d in matched]
    assert len(selectors) == 4
    assert all(selector.items() <= labels.items() for selector in selectors)
    assert one(documents, "Service", "-headless")["metadata"]["name"] == workload["spec"]["serviceName"]


def test_the_monitor_finds_one_of_the_two_services(tmp_path):
    documents = rendered(tmp_path, EVERYTHING)
    monitor = one(documents, "ServiceMonitor")["spec"]
    (absent,) = [e["key"] for e in monitor["selector"]["matchExpressions"] if e["operator"] == "DoesNotExist"]
    found = [
        d["metadata"]
        for d in documents
        if d["kind"] == "Service"
        and monitor["selector"]["matchLabels"].items() <= d["metadata"]["labels"].items()
        and absent not in d["metadata"]["labels"]
    ]
    assert [metadata["name"] for metadata in found] == ["release-telemetryflow"]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["path"] in OPENAPI["paths"] and endpoint["port"] == "api"
    assert endpoint["authorization"]["credentials"] == {"name": "metrics", "key": "key"}


def test_the_policy_lets_in_nobody_unless_somebody_is_named(tmp_path):
    closed = one(rendered(tmp_path, {"networkPolicy": {"enabled": True}}), "NetworkPolicy")["spec"]
    assert "ingress" not in closed and closed["policyTypes"] == ["Ingress"]
    some = {"networkPolicy": {"enabled": True, "apiFrom": [{"podSelector": {}}]}}
    (rule,) = one(rendered(tmp_path, some), "NetworkPolicy")["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == ["api"] and rule["from"]


def test_the_container_may_write_its_volume_only(values, tmp_path):
    pod = pod_of(rendered(tmp_path, values))
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["data"]
    image = (DEPLOY / "Dockerfile").read_text()
    user = re.findall(r"^USER (\d+):(\d+)$", image, re.MULTILINE)[-1]
    assert [pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")] == [int(user[0])] + [int(user[1])] * 2


def test_a_change_of_the_configuration_or_of_the_rules_is_a_new_pod(tmp_path):
    def annotations(values):
        return one(rendered(tmp_path, values), "StatefulSet")["spec"]["template"]["metadata"]["annotations"]

    before = annotations({})
    assert annotations({}) == before
    assert annotations({"config": {"log": {"level": "debug"}}}) != before
    assert annotations({"rules": {"a.yaml": RULE}})["telemetryflow/rules"] != before["telemetryflow/rules"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 2},
        {"config": {"listen": {"api": "0.0.0.0:1"}}},
        {"config": {"store": {"path": "elsewhere"}}},
        {"config": {"shutdown": {"deadline": "soon"}}},
        {"secretSettings": {"PATH": {"secret": "a", "key": "b"}}},
        {"secretSettings": {"TELEMETRYFLOW__KEYS__A__HASH": {"secret": "a"}}},
        {"rules": {"rules.json": "{}"}},
        {"podDisruptionBudget": {"maxUnavailable": 2}},
        {"service": {"type": "ExternalName"}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong, tmp_path):
    answer = helm(tmp_path, wrong)
    assert answer.returncode != 0 and "values don't meet the specifications" in answer.stderr


@pytest.mark.parametrize("release", ["telemetryflow", "a" * 53])
def test_names_stay_within_what_kubernetes_takes(release, tmp_path):
    for document in rendered(tmp_path, {"rules": {"a.yaml": RULE}}, release):
        assert len(document["metadata"]["name"]) <= 63
