"""Rate limit: how close to it we read, and that it is never exceeded.

250 requests at 100 per 60 seconds, enforced on both sides, take at least two windows: 120 s.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.figures import Figure

from p4books_sandbox import Sandbox

REQUESTS = 250
LIMIT = 100
WINDOW = 60.0
LEAST = (REQUESTS - 1) // LIMIT * WINDOW  # seconds from the first request to the last
SLACK = 1.03

_CLIENT = """
import sys
from pathlib import Path
from p4books.endpoints import ENDPOINTS
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.rate_limiter import RateLimiter
base_url, key, state, requests = sys.argv[1:]
target = ApiTarget("bench", base_url, key, 1, "page", "page_size")
client = Client(ApiConnection(target, RateLimiter(Path(state), {limit}, {window})))
for _ in range(int(requests)):
    client.fetch_page(ENDPOINTS["vendors"], 1)
"""


def compare() -> list[Figure]:
    """Send from one process, then from two that share a key; return the figures."""
    return [figure for processes in (1, 2) for figure in _run(processes)]


def _run(processes: int) -> list[Figure]:
    with (
        Sandbox(invoices=50, limit=LIMIT, window=WINDOW) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        words = [sandbox.base_url, sandbox.key, str(Path(folder) / "slots.sqlite")]
        script = _CLIENT.format(limit=LIMIT, window=WINDOW)
        running = [
            subprocess.Popen(
                [sys.executable, "-c", script, *words, str(REQUESTS // processes)],
                env=dict(os.environ),
            )
            for _ in range(processes)
        ]
        codes = [each.wait() for each in running]
        if any(codes):
            raise SystemExit("a process that sends requests failed")
        arrived = sorted(request.at for request in sandbox.requests)
        who = f"{len(arrived)} requests of {processes} process{'es'[: 2 * processes - 2]}"
        return [
            Figure(f"{who} : least time", (arrived[-1] - arrived[0]) / LEAST, SLACK),
            Figure(f"{who}: refused", sandbox.refused, 0),
        ]
