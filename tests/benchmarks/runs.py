"""What a run costs: against a floor, plain dlt and a run without changes.

Whole processes, start to end, interleaved over some rounds; a figure is the median of the rounds'
ratios. Within a round, each run is the mean of its repetitions.
"""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import make_sandbox, measure, module
from tests.benchmarks.tenant import Tenant

from p4books_sandbox import Sandbox

PASSES = 2  # runs with changes in a round, each after one without
MEMORY, MEMORY_AIM = 600, 400  # MB, of a first sync

Seconds = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Shape:
    """Size of the books: invoices, lines on each, and how often one has 1,000 lines."""

    invoices: int
    lines: int
    long_every: int = 0


SHAPES = {"A": Shape(100_000, 4), "B": Shape(25_000, 20, 1000)}


@dataclass(frozen=True)
class Ratio:
    """A ratio of two of the measured runs, with its bar and aim."""

    upper: str
    lower: str
    bar: float
    aim: float | None = None
    is_least: bool = False

    def judge(self, rounds: Sequence[Seconds], shape: str) -> Figure:
        """Return the median of the rounds as a figure."""
        value = statistics.median(
            statistics.mean(took[self.upper]) / statistics.mean(took[self.lower]) for took in rounds
        )
        what = f"{self.upper} : {self.lower}"
        return Figure(what, value, self.bar, self.aim, shape=shape, is_least=self.is_least)


RATIOS = (
    Ratio("first sync with reports", "floor", 2.5, 1.8),
    Ratio("first sync without reports", "floor", 2.5),
    Ratio("plain dlt", "first sync without reports", 4, 6, is_least=True),
    Ratio("unchanged full sync", "floor", 2.5),
    Ratio("run with 10 changed invoices", "quiet run", 3, 2),
    Ratio("run with a changed customer", "quiet run", 2, 1.5),
    Ratio("full publishing", "joined lines", 4, 3),
)


def compare(name: str, shape: Shape, rounds: int) -> list[Figure]:
    """Measure a shape and return its figures."""
    took, peaks = [], []
    with make_sandbox(shape.invoices, shape.lines, shape.long_every) as sandbox:
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                seconds, peak = _measure_round(sandbox, Path(folder))
            took.append(seconds)
            peaks.append(peak)
            means = {what: round(statistics.mean(each), 2) for what, each in seconds.items()}
            print(f"shape {name}, round {number + 1}: {means}, {peak:.0f} MB", flush=True)
    figures = [ratio.judge(took, name) for ratio in RATIOS]
    what = "peak memory of a first sync"
    return [*figures, Figure(what, max(peaks), MEMORY, MEMORY_AIM, "MB", name)]


def _measure_round(sandbox: Sandbox, folder: Path) -> tuple[Seconds, float]:
    """Return the seconds of each kind of run, and the peak memory of the first sync in MB."""
    took = defaultdict(list)
    tenant, bare = Tenant(sandbox, folder / "reports"), Tenant(sandbox, folder / "bare")
    access = (sandbox.base_url, sandbox.key)
    first = tenant.first_sync()
    took["first sync with reports"].append(first.seconds)
    took["floor"].append(measure(module("floor", *access)).seconds)
    for _ in range(PASSES):
        took["quiet run"].append(tenant.quiet_run().seconds)
        took["run with 10 changed invoices"].append(tenant.run_with_invoices().seconds)
        took["quiet run"].append(tenant.quiet_run().seconds)
        took["run with a changed customer"].append(tenant.run_with_customer().seconds)
    for _ in range(PASSES):
        took["full publishing"].append(tenant.publish().seconds)
        took["joined lines"].append(measure(module("joined", str(tenant.warehouse))).seconds)
    took["first sync without reports"].append(bare.first_sync(reports=False).seconds)
    took["floor"].append(measure(module("floor", *access)).seconds)
    took["unchanged full sync"].append(tenant.quiet_run("--full").seconds)
    took["plain dlt"].append(measure(module("plain_dlt", *access)).seconds)
    return took, first.peak
