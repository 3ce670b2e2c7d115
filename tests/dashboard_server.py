"""A dashboard in a process of its own, as `p4books dashboard` serves it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.command import P4BOOKS

from p4books.settings import ENV_PREFIX

if TYPE_CHECKING:
    from playwright.sync_api import Page

_STATE = """
() => document.querySelector('[data-testid="stApp"]').dataset.testScriptState + ' '
    + location.search + document.querySelector('[data-testid="stMain"]').innerText.length + ' '
    + document.querySelectorAll('[data-testid="stElementContainer"], .marks').length
"""


@dataclass
class DashboardServer:
    """A running dashboard: its address, and the process."""

    address: str
    process: "subprocess.Popen[str]"

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it by a signal; return its exit code and what it wrote to stderr."""
        self.process.send_signal(number)
        _, written = self.process.communicate(timeout=20)
        return self.process.returncode, written


@contextmanager
def serve_dashboard(file: Path, **settings: object) -> Iterator[DashboardServer]:
    """Serve the dashboard of a published file; it has ended at the end."""
    given = {"tenant": file.stem, "data_dir": file.parent, **settings}
    process = subprocess.Popen(
        [P4BOOKS, "dashboard", "--port", "0"],
        cwd=file.parent,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(file.parent),
            **{f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in given.items()},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "http://" not in line:
            raise RuntimeError(f"the dashboard did not start: {process.communicate()[1]}")
        yield DashboardServer(line.split("http://")[1].split()[0].join(("http://", "")), process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_until_shown(page: "Page") -> None:
    """Wait until a page is complete: nothing is computed, and nothing was added for a while."""
    page.wait_for_selector("#p4books-end", state="attached")
    seen: list[str] = []
    for _ in range(300):
        seen.append(page.evaluate(_STATE))
        if seen[-1].startswith("notRunning") and seen[-4:] == seen[-1:] * 4:
            return
        time.sleep(0.1)
    raise RuntimeError(f"the page is not complete after 30 seconds: {seen[-1]}")
