"""Processes that a test can kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Order = dict[str, Any]
VICTIMS = Path(__file__).with_name("victims.py")


class Victims:
    """Runs that can be killed, one at a time; each is a process of its own."""

    def __init__(self, state: Path, program: Path = VICTIMS) -> None:
        self._program = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
            text=True,
        )

    def run(
        self,
        order: Order,
        kill_after: float | None = None,
        begun: Callable[[], bool] = lambda: True,
    ) -> int:
        """Run an order and return how the process ended.

        With `kill_after` it is killed that many seconds after `begun` returns true.
        """
        self.start(order)
        if kill_after is not None:
            last = time.monotonic() + 10
            while not begun() and time.monotonic() < last:
                time.sleep(0.001)
            time.sleep(kill_after)
            self.kill()
        return self.wait()

    def start(self, order: Order) -> int:
        """Start an order and return the number of its process."""
        self._victim = int(self._ask(json.dumps(order)))
        return self._victim

    def kill(self) -> None:
        """Kill the process that was started last, unless it has ended."""
        os.kill(self._victim, signal.SIGKILL)  # it is reaped only after `wait`

    def wait(self) -> int:
        """Wait for the process that was started last, and return how it ended."""
        return int(self._ask(""))

    def end(self) -> None:
        """End the program."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.close()
        self._program.wait(10)
        self._program.stdout.close()

    def _ask(self, line: str) -> str:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(line + "\n")
        self._program.stdin.flush()
        return self._program.stdout.readline()


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    """The program that runs what is killed."""
    victims = Victims(tmp_path_factory.mktemp("state"))
    yield victims
    victims.end()
