"""Two sandboxes and `dagster dev` on them, until Ctrl-C; each start begins with nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from p4books.dagster.stop import UNWIND_SECONDS
from p4books.errors import P4BooksError, SettingsError
from p4books.settings import ENV_PREFIX, Settings, load_tenants
from p4books_sandbox import Sandbox

HERE = Path(__file__).parent
PORT = "3000"
HOME_FOLDER = ".dagster"
DATA_FOLDER = "data"
STOP_SECONDS = UNWIND_SECONDS + 5
# What it recommends, `dg dev`, is another package, which wants a project of its own layout.
_SUPERSEDED = "ignore:Function `dev_command` is superseded:FutureWarning"
_DEV = ("dev", "-f", "definitions.py", "-h", "127.0.0.1", "-p", PORT)
COMMAND = (sys.executable, "-W", _SUPERSEDED, "-m", "dagster", *_DEV)


def main() -> int:
    """Start everything, wait for Dagster to end, and return its exit code."""
    accept_signals()
    try:
        tenants = load_example(HERE)
        with ExitStack() as stack, suppress(KeyboardInterrupt):
            _start_sandboxes(tenants, stack)
            clear_example(HERE)  # the sandboxes have other books than before
            return run_program(COMMAND, HERE, _make_environment(HERE))
    except P4BooksError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


def accept_signals() -> None:
    """Let SIGINT and SIGTERM end this process and what it starts.

    A shell lets what a script starts in the background ignore SIGINT. What this process starts
    would do so, too, and Dagster treats SIGTERM as it treats SIGINT.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def run_program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a program in a folder and return its exit code; however this ends, so does all of it."""
    with subprocess.Popen(  # noqa: S603 - ours
        command, cwd=folder, env=environment, process_group=0
    ) as process:
        try:
            return process.wait()
        finally:
            _stop_program(process)


def load_example(folder: Path) -> list[Settings]:
    """Load the tenants of the folder alone; this process loses what its environment sets.

    Raises SettingsError if their files are not in the folder that `clear_example` deletes.
    """
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            del os.environ[name]
    tenants = [each.settings for each in load_tenants(folder) if each.settings]
    for data_dir in {each.data_dir.resolve() for each in tenants} - {
        folder.resolve() / DATA_FOLDER
    }:
        raise SettingsError(
            f"The example has books of sandboxes, but its data_dir is {data_dir}. Nothing was "
            f"done. Remove data_dir from the settings in {folder}."
        )
    return tenants


def clear_example(folder: Path) -> None:
    """Delete the files of the tenants and all that Dagster knows of them."""
    for name in (DATA_FOLDER, HOME_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)


def _start_sandboxes(tenants: Iterable[Settings], stack: ExitStack) -> None:
    """Start the P4 Books that the settings lead to, with books until today.

    They are in this process, since a key as an argument is seen by all users of the machine.
    """
    for seed, settings in enumerate(tenants, 1):
        today = datetime.now(ZoneInfo(settings.timezone)).date()
        port = urlsplit(settings.address).port or 0
        sandbox = Sandbox(seed=seed, key=settings.key, last_day=today, port=port)
        try:
            stack.enter_context(sandbox)
        except OSError as error:
            raise P4BooksError(
                f"The sandbox of {settings.tenant} cannot listen on port {port}: {error.strerror}. "
                "Nothing was done. Stop the program that uses the port."
            ) from None


def _make_environment(folder: Path) -> dict[str, str]:
    """Make the folder of Dagster, and return the environment that leads to it."""
    home = folder / HOME_FOLDER
    home.mkdir()
    shutil.copy(folder / "instances" / "one_machine.yaml", home / "dagster.yaml")
    return {**os.environ, "DAGSTER_HOME": str(home)}


def _stop_program(process: "subprocess.Popen[bytes]") -> None:
    """Stop a program, then what it leaves to finish: runs, which would try again for minutes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough
    ends_at = time.monotonic() + STOP_SECONDS
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):  # none is left
        os.killpg(process.pid, signal.SIGINT)
        while time.monotonic() < ends_at:
            time.sleep(0.1)
            os.killpg(process.pid, 0)
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main())
