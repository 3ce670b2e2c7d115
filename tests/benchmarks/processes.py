"""Measuring whole processes against a sandbox."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sandbox(invoices: int) -> Iterator[tuple[str, str]]:
    """Run a sandbox with four lines per invoice and no rate limit; yield its address and key."""
    key = "bench"
    words = ["--invoices", str(invoices), "--lines", "4", "--limit", "0", "--key", key]
    with subprocess.Popen(
        [sys.executable, "-m", "p4books_sandbox", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split(": ", 1)[1].strip(), key
        finally:
            process.terminate()


def environment(base_url: str, key: str, folder: Path) -> dict[str, str]:
    """Return the environment of a process that syncs from there into a folder."""
    return {
        **os.environ,
        "DLT_PROJECT_DIR": str(folder),
        "XDG_STATE_HOME": str(folder),
        "SOURCES__P4BOOKS__TENANT": "bench",
        "SOURCES__P4BOOKS__API_KEY": key,
        "SOURCES__P4BOOKS__BASE_URL": base_url,
        "SOURCES__P4BOOKS__REQUESTS_PER_WINDOW": "1000000",
    }


def module(name: str, *words: str) -> list[str]:
    """Return the command that runs a module of the benchmarks."""
    return [sys.executable, "-m", f"tests.benchmarks.{name}", *words]


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a process to its end and return its seconds and its peak memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return time.perf_counter() - began, usage.ru_maxrss / scale
