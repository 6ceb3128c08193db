"""deploy/Dockerfile, the compose files and what they mount, against the program that they run."""

import os
import re
import subprocess
import tomllib

import pytest

from deployed import DEPLOY, check_config, default_ports, ran, seconds, shutdown_seconds, tool, yaml_of
from server import ROOT, free_ports

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = sorted(DEPLOY.glob("compose*.yaml"))
COMPOSE_IDS = [path.name for path in COMPOSE]


def instruction(name):
    """The arguments of every instruction of this name, with continued lines joined."""
    text = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(name + " ")]


def image_environment():
    pairs = (pair for line in instruction("ENV") for pair in line.split())
    return dict(pair.split("=", 1) for pair in pairs)


def copied():
    """What the build stages take of the repository, as paths below it."""
    lines = (line.split() for line in instruction("COPY") if "--from=" not in line)
    words = ([word for word in line if not word.startswith("--")][:-1] for line in lines)
    return {source for sources in words for source in sources}


def test_hadolint_finds_nothing():
    ran(tool("hadolint"), "--failure-threshold", "style", str(DEPLOY / "Dockerfile"))


def test_the_image_is_built_with_the_rust_of_the_manifest():
    wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    assert f"ARG RUST_VERSION={wanted['rust-version']}" in DOCKERFILE
    assert f"ARG VERSION={wanted['version']}" in DOCKERFILE


def test_all_that_the_program_includes_is_copied_into_the_build():
    included = set()
    for source in (ROOT / "src").rglob("*.rs"):
        for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', source.read_text()):
            included.add(os.path.relpath(os.path.normpath(source.parent / name), ROOT))
    assert len(included) > 50, "the expression finds what is included"
    lacking = [path for path in included if not any(path == top or path.startswith(top + "/") for top in copied())]
    assert lacking == []


def test_the_targets_of_the_manifest_are_copied_into_the_build():
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    targets = [target.get("path", f"benches/{target['name']}.rs") for target in manifest["bench"] + manifest["example"]]
    assert len(targets) > 5
    assert [path for path in targets if path.split("/")[0] not in copied()] == []


def test_all_that_is_copied_exists_and_reaches_the_builder():
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in copied():
        assert (ROOT / path).exists(), path
        assert any(path == top or path.startswith(top + "/") for top in let_in), f".dockerignore keeps out {path}"


def test_the_image_exposes_and_listens_on_the_ports_of_the_configuration():
    ports = default_ports()
    assert {int(port) for port in instruction("EXPOSE")[0].split()} == set(ports.values())
    for key, port in ports.items():
        assert image_environment()[f"TELEMETRYFLOW__LISTEN__{key.upper()}"] == f"0.0.0.0:{port}"


def test_the_image_runs_as_a_numbered_user_and_writes_into_its_volume_only():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction("USER")[-1])
    assert instruction("VOLUME") == [image_environment()["TELEMETRYFLOW__STORE__PATH"]]


@pytest.mark.parametrize("file", COMPOSE, ids=COMPOSE_IDS)
def test_compose_files_are_what_the_specification_allows(file):
    ran(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file))


@pytest.mark.parametrize("file", COMPOSE, ids=COMPOSE_IDS)
def test_what_compose_files_name_is_there(file):
    project = yaml_of(file)
    for name, service in project["services"].items():
        assert set(service.get("depends_on", [])) <= set(project["services"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), f"{name} mounts {source}"
            elif not source.startswith("/"):
                assert source in project["volumes"], f"{name} mounts {source}"


@pytest.mark.parametrize("file", COMPOSE, ids=COMPOSE_IDS)
def test_compose_files_publish_on_loopback_and_pin_images(file):
    for name, service in yaml_of(file)["services"].items():
        for port in service.get("ports", []):
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), f"{name}: {port}"
        tag = service["image"].rpartition(":")[2]
        assert tag == "local" or re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-\w+)?", tag), f"{name}: {service['image']}"


@pytest.mark.parametrize("file", COMPOSE, ids=COMPOSE_IDS)
def test_servers_of_compose_files_start_and_have_the_time_to_stop(file, tmp_path):
    servers = {n: s for n, s in yaml_of(file)["services"].items() if s["image"] == "telemetryflow:local"}
    assert servers
    for name, server in servers.items():
        # What is given from outside is longer than any secret has to be.
        given = {key: re.sub(r"\$\{.*\}", "x" * 32, value) for key, value in server.get("environment", {}).items()}
        environment = image_environment() | given
        in_force = check_config(tmp_path, environment=environment)
        assert seconds(server["stop_grace_period"]) > seconds(in_force["shutdown"]["deadline"]), name
        assert seconds(server["stop_grace_period"]) > shutdown_seconds()
        volumes = [volume.split(":")[1] for volume in server["volumes"]]
        assert in_force["store"]["path"] in volumes, name
        published = {int(port.rsplit(":", 1)[1]) for port in server.get("ports", [])}
        listens = {int(address.rsplit(":", 1)[1]) for address in in_force["listen"].values()}
        assert published <= listens, name


def test_what_reaches_servers_by_name_asks_for_a_port_that_they_have():
    ports, found = set(default_ports().values()), 0
    texts = [*COMPOSE, *DEPLOY.glob("collector/*"), DEPLOY / "prometheus" / "prometheus.yml"]
    for file in texts:
        for port in re.findall(r"\btelemetryflow(?:-\d)?:(\d+)", file.read_text()):
            found += 1
            assert int(port) in ports, f"{file.name}: {port}"
    assert found >= 4


def test_the_healthcheck_tells_a_server_that_takes_requests_from_none(start_server):
    def asked(address):
        environment = os.environ | {"TELEMETRYFLOW__LISTEN__API": address}
        command = [str(DEPLOY / "docker" / "healthcheck")]
        return subprocess.run(command, env=environment, capture_output=True, timeout=10).returncode

    server = start_server()
    assert asked(f"127.0.0.1:{server.api_port}") == 0
    assert asked(f"0.0.0.0:{server.api_port}") == 0
    # Something answers there, but it is not the API.
    assert asked(f"127.0.0.1:{server.http_port}") != 0
    assert asked(f"127.0.0.1:{free_ports(1)[0]}") != 0
