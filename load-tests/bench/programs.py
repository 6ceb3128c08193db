"""The programs that take part: the server, the load generator with its baselines, and the raw insert."""

import dataclasses
import json
import os
import pathlib
import subprocess

from bench.failed import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
RAW_INSERT = ROOT / "load-tests" / "raw_insert" / "main.rs"
# A rate of requests, not of items, so that a run ends by its time.
REQUESTS_MAX = 100_000_000


def target():
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


@dataclasses.dataclass(frozen=True)
class Programs:
    server: str
    load: str
    # None where it is not there: what is compared with it is "not measured".
    raw_insert: str | None

    @classmethod
    def build(cls, baselines=("raw_insert",)):
        """Builds what is not named by the environment, and these baselines."""
        server, load = os.environ.get("TELEMETRYFLOW_BIN"), os.environ.get("TELEMETRYFLOW_LOAD_BIN")
        built = target() / "release"
        command = ["cargo", "build", "--release", "--locked"]
        command += [] if server else ["--bin", "telemetryflow"]
        command += [] if load else ["--example", "load"]
        raw_insert = str(built / "examples" / "raw_insert") if "raw_insert" in baselines and RAW_INSERT.exists() else None
        command += ["--example", "raw_insert"] if raw_insert else []
        if command[-1] != "--locked" and subprocess.run(command, cwd=ROOT).returncode != 0:
            raise Failed("the build failed")
        return cls(server or str(built / "telemetryflow"), load or str(built / "examples" / "load"), raw_insert)

    def send(self, port, pid, arguments):
        """Loads a server; gives the generator's report."""
        common = ["--json", "--target", f"127.0.0.1:{port}", "--pid", pid, "--requests", REQUESTS_MAX]
        if "--requests" in arguments:
            common = common[:-2]
        # 2 says that requests failed, which the page shows.
        return reported([self.load, *common, *arguments], accepted=(0, 2))

    def prost_decode(self, signal_name, seconds):
        return reported([self.load, "--prost-decode", "--json", "--signal", signal_name, "--seconds", seconds])

    def insert_raw(self, signal_name):
        """The raw insert's report, or None where there is no such program."""
        if self.raw_insert is None:
            return None
        return reported([self.raw_insert, "--signal", signal_name, "--json"])

    def table_sizes(self, config):
        """Rows and bytes on disk of every table's active parts, of a server that has stopped."""
        statement = (
            "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts "
            "WHERE active AND database = 'telemetryflow' GROUP BY table"
        )
        text = output([self.server, "sql", "--config", config, "--format", "JSONEachRow", statement])
        rows = [json.loads(line) for line in text.splitlines()]
        return {row["table"]: (int(row["rows"]), int(row["bytes"])) for row in rows}


def reported(command, accepted=(0,)):
    return json.loads(output(command, accepted))


def output(command, accepted=(0,)):
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode not in accepted:
        raise Failed(f"{pathlib.Path(command[0]).name} ended with {done.returncode}")
    return done.stdout
