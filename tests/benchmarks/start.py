"""Start-up time of small commands."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from p4books_sandbox import Sandbox

P4BOOKS = str(Path(sys.executable).with_name("p4books"))
ROUNDS = 5
BAR = 0.7  # seconds, for commands that read a file and print
ABOVE_IMPORT = 1.0  # seconds above `import dlt`, for an unchanged sync of six requests


def measure() -> bool:
    """Time small commands and an unchanged sync of a tiny tenant; return if the bars are met."""
    with (
        Sandbox(invoices=50, limit=0, key="bench") as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        environment = {
            **os.environ,
            "DLT_PROJECT_DIR": folder,
            "XDG_STATE_HOME": folder,
            "SOURCES__P4BOOKS__TENANT": "tiny",
            "SOURCES__P4BOOKS__API_KEY": sandbox.key,
            "SOURCES__P4BOOKS__BASE_URL": sandbox.base_url,
            "SOURCES__P4BOOKS__PAGE_SIZE": "500",
            "SOURCES__P4BOOKS__REQUESTS_PER_WINDOW": "1000000",
        }
        _seconds([P4BOOKS, "sync"], environment)
        sandbox.forget()
        unchanged = _median([P4BOOKS, "sync"], environment)
        requests = len(sandbox.requests) / ROUNDS
        bare = _median([sys.executable, "-c", "import dlt"], environment)
        passed = unchanged - bare <= ABOVE_IMPORT
        print(
            f"an unchanged sync of {requests:.0f} requests: {unchanged:.2f} s;"
            f" `import dlt` alone: {bare:.2f} s"
        )
        query = ["query", "select count(*) from staging.invoices"]
        for words in (query, [*query, "--format", "csv"], ["models"], ["status"], ["--help"]):
            took = _median([P4BOOKS, *words], environment)
            print(f"p4books {' '.join(words)}: {took:.2f} s, bar {BAR} s")
            passed &= took <= BAR
    return passed


def _median(command: list[str], environment: dict[str, str]) -> float:
    return statistics.median(_seconds(command, environment) for _ in range(ROUNDS))


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
