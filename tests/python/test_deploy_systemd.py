"""The systemd unit, its configuration and its account, against systemd and the program."""

import re
import subprocess

import pytest

from deployed import DEPLOY, check_config, ran, seconds
from server import ROOT, binary

SYSTEMD = DEPLOY / "systemd"
UNIT = (SYSTEMD / "telemetryflow.service").read_text()
INSTALL = (ROOT / "docs" / "install.md").read_text()
# Of 100, the lower the better; "systemd-analyze security" says which settings would lower it.
EXPOSURE_MAX = 20


def setting(name):
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return value


def unit_for(folder, text=UNIT):
    """The unit with a program and an account that this machine has."""
    unit = folder / "telemetryflow.service"
    text = text.replace("/usr/local/bin/telemetryflow", binary())
    unit.write_text(re.sub(r"^(User|Group)=.*$", r"\1=root", text, flags=re.MULTILINE))
    return str(unit)


def verified(folder, text=UNIT):
    command = ["systemd-analyze", "verify", "--man=no", unit_for(folder, text)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_systemd_finds_nothing_wrong(tmp_path):
    answer = verified(tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_systemd_would_find_something_wrong(tmp_path):
    misspelt = verified(tmp_path, UNIT.replace("ProtectHome=", "ProtectHomes="))
    assert "ProtectHomes" in misspelt.stderr


def test_the_service_is_confined(tmp_path):
    unit = unit_for(tmp_path, UNIT)
    text = (tmp_path / "telemetryflow.service").read_text().replace("=root", "=telemetryflow")
    (tmp_path / "telemetryflow.service").write_text(text)
    ran("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}", unit)


def test_what_the_engine_compiles_may_run():
    """With MemoryDenyWriteExecute the third query of a kind fails: the engine has compiled it by then."""
    assert not re.search(r"^MemoryDenyWriteExecute=", UNIT, re.MULTILINE)


def test_the_service_has_longer_to_stop_than_the_server_takes(tmp_path):
    in_force = check_config(tmp_path, (SYSTEMD / "config.toml").read_text())
    assert seconds(setting("TimeoutStopSec")) > seconds(in_force["shutdown"]["deadline"])
    assert setting("KillSignal") == "SIGTERM"
    assert setting("ExecReload").split()[1:] == ["-HUP", "$MAINPID"]


def test_the_configuration_writes_where_the_service_may(tmp_path):
    in_force = check_config(tmp_path, (SYSTEMD / "config.toml").read_text())
    state = f"/var/lib/{setting('StateDirectory')}"
    assert in_force["store"]["path"] == state == setting("WorkingDirectory")
    for section in ("journal", "dead_letters", "state"):
        assert in_force[section]["path"].startswith(f"{state}/"), section


def test_the_example_of_secrets_is_taken_once_it_is_filled_in(tmp_path):
    lines = (SYSTEMD / "environment.example").read_text().splitlines()
    pairs = dict(line[2:].split("=", 1) for line in lines if re.match(r"# [A-Z_]+=", line))
    assert len(pairs) >= 2
    channel = '[channels.ops]\nkind = "slack"\n[telemetry]\notlp = "http://127.0.0.1:4318"\n'
    check_config(tmp_path, channel, pairs)


def test_the_service_runs_as_the_account_that_is_made():
    (account,) = re.findall(r"^u (\S+) - .* (\S+)$", (SYSTEMD / "telemetryflow.sysusers").read_text(), re.MULTILINE)
    assert account == (setting("User"), f"/var/lib/{setting('StateDirectory')}")
    assert setting("Group") == setting("User")


@pytest.mark.parametrize("named", ["telemetryflow.service", "telemetryflow.sysusers", "config.toml", "environment.example"])
def test_files_are_installed_by_the_documentation(named):
    assert f"deploy/systemd/{named}" in INSTALL


def test_what_the_unit_and_the_configuration_name_is_where_the_documentation_puts_it():
    block = re.search(r"## systemd\n.*?```sh\n(.*?)```", INSTALL, re.DOTALL)[1]
    named = [setting("ExecStart").split()[0], setting("ExecStart").split()[-1], setting("EnvironmentFile").lstrip("-")]
    named += re.findall(r'^library = "(.*)"', (SYSTEMD / "config.toml").read_text(), re.MULTILINE)
    assert len(named) == 4
    assert [path for path in named if not re.search(rf"{re.escape(path)}(\s|$)", block)] == []
