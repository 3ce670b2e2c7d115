"""Start and stop of the example of Dagster."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

# As Dagster does: what SIGINT does, SIGTERM does, too; and it has children, which outlive it.
PROGRAM = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
EXAMPLE = """
import os, sys
from pathlib import Path
from p4books.dagster.example.__main__ import accept_signals, run_program
accept_signals()
sys.exit(run_program([sys.executable, "-c", sys.argv[1]], Path(), os.environ))
"""

IN_BACKGROUND = 'trap "" INT; exec "$@"'  # as a shell does for what a script starts with `&`


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_the_background(number: signal.Signals) -> None:
    """A script that starts it in the background can end it, and all that it started."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", IN_BACKGROUND, "sh", sys.executable, "-c", EXAMPLE, PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            process.send_signal(number)
            process.wait(10)
            assert not _is_running(child)
        finally:
            process.kill()
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def _is_running(pid: int) -> bool:
    """Return whether a process still runs, after a moment in which it may end."""
    for _ in range(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True
