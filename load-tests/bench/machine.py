"""Where and with what it was measured, as far as it concerns the figures: no names, no folders."""

import contextlib
import datetime
import os
import pathlib
import platform
import re
import subprocess

from bench.programs import ROOT, target


def head(programs, command, how):
    """Lines for the page; the last one says by which command and how it was measured."""
    version = said([programs.server, "--version"]) or "telemetryflow"
    rust = said(["rustc", "--version"]).split("(")[0].strip()
    engine = re.search(r"^version\s*=\s*(\S+)", (ROOT / "scripts" / "libchdb.lock").read_text(), re.MULTILINE)
    return [
        f"{datetime.date.today()}, {commit()}",
        f"{version}, libchdb {engine[1]}, {rust}",
        f"{os.cpu_count()} cores ({cpu_maker()} {platform.machine()}), {memory_gib():.0f} GiB, Linux "
        f"{platform.release().split('-')[0]}, journal and tables on {file_system(target())}; generator and servers together",
        f"load average of the last minute before: {os.getloadavg()[0]:.1f}",
        f"`{' '.join(command)}`: {how}",
    ]


def commit():
    name = said(["git", "rev-parse", "--short=12", "HEAD"])
    if not name:
        return "commit unknown"
    changed = said(["git", "status", "--porcelain", "--untracked-files=no"])
    return f"commit {name}{' and changes' if changed else ''}"


def said(command):
    with contextlib.suppress(OSError):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""


def cpu_maker():
    makers = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}
    with contextlib.suppress(OSError):
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return next((name for maker, name in makers.items() if maker in text), "CPU")
    return "CPU"


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def file_system(folder):
    """The kind of the file system, such as ext4; of the longest mount point that the folder is below."""
    mounts = [line.split()[1:3] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]), default=("", "an unknown file system"))[1]
