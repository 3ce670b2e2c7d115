"""Push, against a bare loop of POSTs.

The command `p4books push products FILE`, as a whole process, interleaved with loops that only POST
the same bodies and parse the answers: with requests, as most people write it, and with urllib3,
which takes half the time. What a push adds is mostly one fsync per row. Each round
creates records with new codes.
"""

import statistics
import tempfile
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import P4BOOKS, environment, make_sandbox, measure, module

RATIO = 0.5  # of our rate to that of a bare loop of requests.post, at least
GROWTH = 30  # MB, of the peak of ten times the rows, at most
LOOPS = ("urllib3", "requests")


def compare(rounds: int, rows: int) -> list[Figure]:
    """Measure and return the figures."""
    ratios: dict[str, list[float]] = {name: [] for name in LOOPS}
    few, many = [], []
    with tempfile.TemporaryDirectory() as name, make_sandbox(50) as sandbox:
        folder = Path(name)
        variables = environment(sandbox, folder)
        measure([P4BOOKS, "sync", "products"], variables)
        for number in range(rounds):
            file = _file(folder, f"P{number}", rows)
            took, peak, _ = measure([P4BOOKS, "push", "products", str(file)], variables)
            many.append(peak)
            loops = {}
            for loop in LOOPS:
                file = _file(folder, f"{loop}{number}", rows)
                words = module("bare_post", loop, sandbox.base_url, sandbox.key, str(file))
                loops[loop] = measure(words).seconds
                ratios[loop].append(loops[loop] / took)
            file = _file(folder, f"F{number}", rows // 10)
            few.append(measure([P4BOOKS, "push", "products", str(file)], variables).peak)
            print(
                f"push, round {number + 1}: {took:.1f} s, {rows / took:.0f} rows a second;",
                ", ".join(f"bare {name} {seconds:.1f} s" for name, seconds in loops.items()),
                flush=True,
            )
    lean, bare = (statistics.median(ratios[name]) for name in LOOPS)
    print(f"rate of a push : bare urllib3 loop: {lean:.2f}")
    more = max(many) - max(few)
    return [
        Figure("rate of a push : bare requests loop", bare, RATIO, is_least=True),
        Figure(f"memory of {rows:,} rows over {rows // 10:,}", more, GROWTH, unit="MB"),
    ]


def _file(folder: Path, prefix: str, rows: int) -> Path:
    file = folder / f"{prefix}.csv"
    lines = (f"{prefix}-{n},Product {n},{n % 500}.25,ITBMS" for n in range(rows))
    file.write_text("\n".join(["code,name,price,tax_code", *lines]))
    return file
