"""Start-up time of small commands, and of a run of a small tenant without changes."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import P4BOOKS, environment, make_sandbox, measure

ROUNDS = 5
BAR = 0.7  # seconds, for commands that read a file and print
_SYNC = """
import sys
from p4books.cli.app import app
app(["sync"], standalone_mode=False)
raise SystemExit("dlt" in sys.modules)
"""


def compare() -> list[Figure]:
    """Measure and return the figures."""
    with make_sandbox(50) as sandbox, tempfile.TemporaryDirectory() as folder:
        variables = environment(sandbox, Path(folder)) | {"SOURCES__P4BOOKS__PAGE_SIZE": "500"}
        measure([P4BOOKS, "sync"], variables)
        sandbox.forget()
        bare_import = [sys.executable, "-c", "import dlt"]
        quiet, bare = _interleave([P4BOOKS, "sync"], bare_import, variables)
        requests = len(sandbox.requests) / ROUNDS
        print(f"quiet run of {requests:.0f} requests: {quiet:.2f} s, `import dlt`: {bare:.2f} s")
        imports = subprocess.run(
            [sys.executable, "-c", _SYNC], env=variables, stdout=subprocess.DEVNULL, check=False
        ).returncode
        query = ["query", "select count(*) from staging.invoices"]
        commands = (query, [*query, "--format", "csv"], ["models"], ["status"], ["--help"])
        return [
            Figure("quiet run of a small tenant : import dlt", quiet / bare, 1),
            Figure("imports of dlt in it", imports, 0),
            *(
                Figure(
                    f"p4books {' '.join(words)}",
                    _take_median([P4BOOKS, *words], variables),
                    BAR,
                    unit="s",
                )
                for words in commands
            ),
        ]


def _interleave(
    one: Sequence[str], other: Sequence[str], variables: Mapping[str, str]
) -> tuple[float, float]:
    """Return the median seconds of two commands."""
    pairs = [
        (measure(list(one), variables).seconds, measure(list(other), variables).seconds)
        for _ in range(ROUNDS)
    ]
    ours, theirs = zip(*pairs, strict=True)
    return statistics.median(ours), statistics.median(theirs)


def _take_median(command: list[str], variables: Mapping[str, str]) -> float:
    return statistics.median(measure(command, variables).seconds for _ in range(ROUNDS))
