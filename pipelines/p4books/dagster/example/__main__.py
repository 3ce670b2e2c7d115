"""Two sandboxes and `dagster dev` on them, until Ctrl-C."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from p4books.settings import Settings, load_tenants

HERE = Path(__file__).parent
HOME = HERE / ".dagster"
PORT = "3000"


def main() -> int:
    """Start everything, wait for Dagster to end, and return its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends the others, too
    HOME.mkdir(exist_ok=True)
    shutil.copy(HERE / "instances" / "one_machine.yaml", HOME / "dagster.yaml")
    with ExitStack() as stack:
        for seed, tenant in enumerate(load_tenants(HERE), 1):
            if tenant.settings:
                process = stack.enter_context(_start_sandbox(tenant.settings, seed))
                stack.callback(process.terminate)
        process = stack.enter_context(_start_dagster())
        stack.callback(process.terminate)
        with suppress(KeyboardInterrupt):  # they all got it
            return process.wait()
    return 0


def _start_dagster() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "dagster", "dev", "-f", "definitions.py"]
    return subprocess.Popen(  # noqa: S603 - ours
        [*command, "-h", "127.0.0.1", "-p", PORT],
        cwd=HERE,
        env={**os.environ, "DAGSTER_HOME": str(HOME)},
    )


def _start_sandbox(settings: Settings, seed: int) -> "subprocess.Popen[bytes]":
    """Start the P4 Books that the settings lead to, with books until today."""
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    command = [sys.executable, "-m", "p4books_sandbox", "--seed", str(seed)]
    command += ["--port", str(urlsplit(settings.address).port), "--key", settings.key]
    return subprocess.Popen([*command, "--last-day", f"{today}"])  # noqa: S603 - ours


if __name__ == "__main__":
    raise SystemExit(main())
