"""What the tests of deploy/ compare its files with: the configuration, the API's description, the program itself."""

import json
import os
import re
import subprocess
import sys
import tomllib

import yaml

from server import ROOT, binary

DEPLOY = ROOT / "deploy"
DEFAULTS = tomllib.loads((ROOT / "config.toml").read_text())
OPENAPI = json.loads((ROOT / "schemas" / "openapi.json").read_text())
CONFIG_SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text())
# OTLP's own paths, which the API's description does not hold.
OTLP_PATHS = {"/v1/metrics", "/v1/logs", "/v1/traces"}
VARIABLE = re.compile(r"TELEMETRYFLOW__[A-Z0-9_]+")
PREFIX = "TELEMETRYFLOW__"


def tool(name):
    """A command of the test's own environment."""
    return os.path.join(os.path.dirname(sys.executable), name)


def ran(*command, **options):
    """What a command says on standard output; fails with all that it says if it fails."""
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout


def yaml_of(path):
    return yaml.safe_load(path.read_text())


def default_ports():
    """The ports of the shipped configuration, by key."""
    return {key: int(address.rsplit(":", 1)[1]) for key, address in DEFAULTS["listen"].items()}


def seconds(duration):
    """250ms, 30s, 1m30s: a duration as the configuration, compose and systemd write it."""
    units = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
    parts = re.findall(r"(\d+)(ms|min|s|m|h|d)", duration)
    assert parts and "".join(number + unit for number, unit in parts) == duration, duration
    return sum(int(number) * units[unit] for number, unit in parts)


def shutdown_seconds():
    return seconds(DEFAULTS["shutdown"]["deadline"])


def key_of(variable):
    """The configuration's key that a variable sets, as a list: ["channels", "ops", "url"]."""
    parts = variable.removeprefix(PREFIX).lower().split("__")
    if parts[0] in CONFIG_SCHEMA["properties"] and "additionalProperties" in CONFIG_SCHEMA["properties"][parts[0]]:
        named = isinstance(CONFIG_SCHEMA["properties"][parts[0]]["additionalProperties"], dict)
        return [parts[0], "__".join(parts[1:-1]), parts[-1]] if named else parts
    return parts


def is_known(key):
    """Whether the configuration's schema has this key, and takes a value for it."""
    schema = CONFIG_SCHEMA
    for part in key:
        further = schema.get("additionalProperties")
        named = further if isinstance(further, dict) else None
        schema = schema.get("properties", {}).get(part, named)
        if schema is None:
            return False
    return schema.get("not") != {} and schema.get("type") != "object"


def check_config(folder, text="", environment=None):
    """What `telemetryflow check-config` says is in force; fails if it finds anything wrong."""
    file = folder / "config.toml"
    file.write_text(text)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    return tomllib.loads(
        ran(binary(), "check-config", "--config", str(file), env=inherited | (environment or {}), cwd=folder)
    )


def files(*names):
    """The files of deploy/ that hold text, or those with such endings."""
    found = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
    return [path for path in found if not names or path.name.endswith(names)]
