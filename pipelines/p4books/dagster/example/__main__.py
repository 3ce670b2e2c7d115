"""Two sandboxes and `dagster dev` on them, until Ctrl-C; each start begins with nothing."""

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
    tenants = [each.settings for each in load_tenants(HERE) if each.settings]
    with ExitStack() as stack:
        for seed, settings in enumerate(tenants, 1):
            process = stack.enter_context(_start_sandbox(settings, seed))
            stack.callback(process.terminate)
            if not (process.stdout and process.stdout.readline()):
                print(f"The sandbox of {settings.tenant} did not start.", file=sys.stderr)  # noqa: T201
                return 1
        for folder in {HOME, *(settings.data_dir for settings in tenants)}:
            shutil.rmtree(folder, ignore_errors=True)  # the sandboxes have other books than before
        HOME.mkdir()
        shutil.copy(HERE / "instances" / "one_machine.yaml", HOME / "dagster.yaml")
        process = stack.enter_context(_start_dagster())
        stack.callback(process.terminate)
        with suppress(KeyboardInterrupt):  # they all got it
            return process.wait()
    return 0


def _start_sandbox(settings: Settings, seed: int) -> "subprocess.Popen[bytes]":
    """Start the P4 Books that the settings lead to, with books until today."""
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    command = [sys.executable, "-m", "p4books_sandbox", "--seed", str(seed)]
    command += ["--port", str(urlsplit(settings.address).port), "--key", settings.key]
    return subprocess.Popen(  # noqa: S603 - ours
        [*command, "--last-day", f"{today}"], stdout=subprocess.PIPE
    )


def _start_dagster() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "dagster", "dev", "-f", "definitions.py"]
    return subprocess.Popen(  # noqa: S603 - ours
        [*command, "-h", "127.0.0.1", "-p", PORT],
        cwd=HERE,
        env={**os.environ, "DAGSTER_HOME": str(HOME)},
    )


if __name__ == "__main__":
    raise SystemExit(main())
