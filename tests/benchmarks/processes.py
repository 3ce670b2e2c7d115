"""Measuring whole processes against a sandbox."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from p4books_sandbox import Sandbox

ROOT = Path(__file__).parents[2]  # where `tests` can be imported from
P4BOOKS = str(Path(sys.executable).with_name("p4books"))


class Measured(NamedTuple):
    """Seconds, peak memory in MB, and CPU seconds of a process."""

    seconds: float
    peak: float
    cpu: float


def make_sandbox(invoices: int, lines: int = 4, long_every: int = 0) -> Sandbox:
    """Make a sandbox without a rate limit, in a thread of this process."""
    return Sandbox(invoices=invoices, lines=lines, long_every=long_every, limit=0, key="bench")


def environment(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """Return the environment of a process that syncs from a sandbox into a folder."""
    return {
        **os.environ,
        "DLT_PROJECT_DIR": str(folder),
        "XDG_STATE_HOME": str(folder),
        "SOURCES__P4BOOKS__TENANT": "bench",
        "SOURCES__P4BOOKS__API_KEY": sandbox.key,
        "SOURCES__P4BOOKS__BASE_URL": sandbox.base_url,
        "SOURCES__P4BOOKS__REQUESTS_PER_WINDOW": "1000000",
    }


def module(name: str, *words: str) -> list[str]:
    """Return the command that runs a module of the benchmarks."""
    return [sys.executable, "-m", f"tests.benchmarks.{name}", *words]


def measure(command: list[str], environment: Mapping[str, str] = os.environ) -> Measured:
    """Run a process to its end and measure it. Raises SystemExit if it fails."""
    done = subprocess.run(
        module("launch", *command), cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    code, *measured = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{command} ended with {code}")
    return Measured(*measured)
