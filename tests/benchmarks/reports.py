"""Building the reports of books with history, and querying them.

Each record of the sandbox has two versions, the earlier one two years old. Publishing is also
measured in `runs`, against its floor.
"""

import tempfile
import time
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.history import add_versions
from tests.benchmarks.processes import make_sandbox
from tests.benchmarks.tenant import Tenant

from p4books.publish.query import open_published

MEMORY = 2000  # MB, of publishing
ANSWER = 100  # milliseconds, of a thousand rows of any model, a connection's first answer
ROWS = 1000


def compare(invoices: int) -> list[Figure]:
    """Measure and return the figures."""
    with tempfile.TemporaryDirectory() as folder, make_sandbox(invoices) as sandbox:
        tenant = Tenant(sandbox, Path(folder))
        tenant.first_sync(reports=False)
        add_versions(tenant.warehouse, 2)
        took = tenant.publish()
        model, seconds = _find_slowest(tenant.published)
    print(f"publishing two versions of each record: {took.seconds:.1f} s, {took.peak:.0f} MB")
    return [
        Figure("peak memory of publishing", took.peak, MEMORY, unit="MB"),
        Figure(f"slowest answer: {model}", seconds * 1000, ANSWER, unit="ms"),
    ]


def _find_slowest(published: Path) -> tuple[str, float]:
    """Return the model that takes longest to return its first rows, and the seconds."""
    with open_published(published) as con:
        models = con.execute("select layer || '.' || model from catalogue").fetchall()
    took = {}
    for (model,) in models:
        with open_published(published) as con:
            began = time.perf_counter()
            con.execute(f"select * from {model} limit {ROWS}").fetchall()
            took[model] = time.perf_counter() - began
    return max(took.items(), key=lambda each: each[1])
