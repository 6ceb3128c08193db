"""The README's own words, as a newcomer would follow them: its Python, its curl, its rule."""

import re
import shlex
import subprocess
import sys
import time

from server import ROOT, eventually

SHOWN_WITHIN_S = 2


def blocks(language):
    """The code blocks of a language, in order."""
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def for_server(text, server):
    return text.replace("127.0.0.1:4318", f"127.0.0.1:{server.http_port}").replace(
        "127.0.0.1:8080", f"127.0.0.1:{server.api_port}"
    )


def send(server, temperature):
    """Runs the README's Python with another temperature."""
    (program,) = blocks("python")
    changed = program.replace(".set(21.5,", f".set({temperature},")
    assert changed != program or temperature == 21.5
    subprocess.run([sys.executable, "-c", for_server(changed, server)], check=True, timeout=60)


def curl(server, command):
    return subprocess.run(
        shlex.split(for_server(command, server)), check=True, capture_output=True, text=True, timeout=30
    ).stdout


def test_what_the_python_sends_is_what_the_curl_shows_within_two_seconds(start_server):
    catalogue, series = next(block for block in blocks("sh") if "/api/v2/metrics" in block).strip().splitlines()

    def shown_within_s():
        server = start_server()
        send(server, 21.5)
        sent = time.monotonic()
        eventually("the value", lambda: "21.5" in curl(server, series))
        took = time.monotonic() - sent
        assert '"kitchen"' in curl(server, series)
        shown = curl(server, catalogue)
        assert '"orders"' in shown and '"room.temperature"' in shown and '"shop"' in shown
        return took

    # The machine may stand still for one or two of them.
    assert any(shown_within_s() < SHOWN_WITHIN_S for _ in range(3))


def test_the_log_record_in_json_is_taken(start_server):
    server = start_server()
    post = next(block for block in blocks("sh") if "/v1/logs" in block)
    command = ["bash", "-c", for_server(post, server)]
    assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout == "{}"


def test_the_rule_fires_and_resolves(start_server, slack, tmp_path):
    rules = tmp_path / "rules.yaml"
    (rule,) = blocks("yaml")
    rules.write_text(rule)
    server = start_server(
        f'[alerting]\nrules = "{rules}"\n'
        f'[channels.ops]\nkind = "slack"\nurl = "{slack.url}"\n'
        '[outgoing]\nallow = ["127.0.0.0/8"]\n'
    )
    send(server, 35)
    eventually("the alert", lambda: any("Room too warm" in message for message in slack.messages))
    assert "kitchen has 35 degrees" in slack.messages[0]
    send(server, 20)
    eventually("the end of it", lambda: any("resolved" in message.lower() for message in slack.messages), 60)
