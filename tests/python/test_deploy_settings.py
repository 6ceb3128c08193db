"""Every setting and every path that deploy/ and docs/install.md name exists."""

import re

import pytest

from deployed import DEPLOY, OPENAPI, OTLP_PATHS, VARIABLE, files, is_known, key_of
from server import ROOT

TEXTS = [*files(), ROOT / "docs" / "install.md"]
IDS = [str(path.relative_to(ROOT)) for path in TEXTS]
PATHS = set(OPENAPI["paths"]) | OTLP_PATHS
# What a file asks a server for: "path: /livez", "http://.../readyz", "GET /readyz", "metrics_path: /metrics".
ASKED = re.compile(
    r"""(?:\bpath:\s+|metrics_path:\s+|\bGET\s+|https?://[\w.-]*(?:telemetryflow|127\.0\.0\.1|localhost)[\w.-]*:(?:4318|8080))"""
    r"""(/(?!var/|etc/)[a-z][\w/.-]*)"""
)


def test_the_way_of_telling_known_settings_from_others():
    assert is_known(key_of("TELEMETRYFLOW__STORE__PATH"))
    assert is_known(key_of("TELEMETRYFLOW__CHANNELS__NIGHT__SHIFT__URL"))
    assert key_of("TELEMETRYFLOW__KEYS__A__B__HASH") == ["keys", "a__b", "hash"]
    assert not is_known(key_of("TELEMETRYFLOW__STORE__PATHS"))
    assert not is_known(key_of("TELEMETRYFLOW__CHANNELS__OPS__URI"))
    assert not is_known(key_of("TELEMETRYFLOW__STORE"))


@pytest.mark.parametrize("file", TEXTS, ids=IDS)
def test_variables_are_settings(file):
    variables = {variable.rstrip("_") for variable in VARIABLE.findall(file.read_text())}
    assert [variable for variable in sorted(variables) if not is_known(key_of(variable))] == []


@pytest.mark.parametrize("file", TEXTS, ids=IDS)
def test_paths_are_served(file):
    asked = {path.rstrip("/.") for path in ASKED.findall(file.read_text())}
    assert sorted(asked - PATHS) == []


def test_variables_and_paths_are_found_at_all():
    said = "".join(file.read_text() for file in files())
    assert len(set(VARIABLE.findall(said))) >= 4
    assert {"/readyz", "/metrics"} <= set(ASKED.findall(said))


def test_texts_say_what_they_are_for():
    """YAML, TOML and scripts begin with a comment; JSON and templates of Helm cannot or need not."""
    for file in files(".yaml", ".yml", ".toml", ".service", "Dockerfile"):
        if "templates" in file.parts:
            continue
        assert file.read_text().startswith("#"), file.relative_to(DEPLOY)
