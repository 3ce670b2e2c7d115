"""Push, against a bare loop of POSTs.

The command `p4books push products FILE`, as a whole process, interleaved with loops that only POST
the same bodies and parse the answers: with requests, as most people write it, and with urllib3,
which takes half the time. What a push adds is mostly one fsync per row. Each round
creates records with new codes.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.processes import environment, measure, module, sandbox

P4BOOKS = str(Path(sys.executable).with_name("p4books"))
RATIO = 0.5  # of our rate to that of a bare loop of requests.post, at least
GROWTH = 30.0  # MB, of the peak of ten times the rows, at most
LOOPS = ("urllib3", "requests")


def compare(rounds: int, rows: int) -> bool:
    """Measure, print each figure with its bar, and return whether all are met."""
    ratios: dict[str, list[float]] = {name: [] for name in LOOPS}
    few, many = [], []
    with tempfile.TemporaryDirectory() as name, sandbox(50) as (base_url, key):
        folder = Path(name)
        variables = environment(base_url, key, folder)
        measure([P4BOOKS, "sync", "products"], variables)
        for number in range(rounds):
            file = _file(folder, f"P{number}", rows)
            took, peak = measure([P4BOOKS, "push", "products", str(file)], variables)
            many.append(peak)
            loops = {}
            for loop in LOOPS:
                file = _file(folder, f"{loop}{number}", rows)
                words = module("bare_post", loop, base_url, key, str(file))
                loops[loop], _ = measure(words, dict(os.environ))
                ratios[loop].append(loops[loop] / took)
            file = _file(folder, f"F{number}", rows // 10)
            few.append(measure([P4BOOKS, "push", "products", str(file)], variables)[1])
            print(
                f"push, round {number + 1}: {took:.1f} s, {rows / took:.0f} rows a second;",
                ", ".join(f"bare {name} {seconds:.1f} s" for name, seconds in loops.items()),
            )
    return _judge(ratios, max(few), max(many), rows)


def _judge(ratios: dict[str, list[float]], few: float, many: float, rows: int) -> bool:
    lean, bare = (statistics.median(ratios[name]) for name in LOOPS)
    missed = "" if bare >= RATIO else " - MISSED"
    print(f"our rate to that of a bare requests loop: {bare:.2f}, bar at least {RATIO}{missed}")
    print(f"our rate to that of a bare urllib3 loop: {lean:.2f}")
    missed = "" if many - few <= GROWTH else " - MISSED"
    print(
        f"peak memory of {rows:,} rows: {many:.0f} MB, of {rows // 10:,}: {few:.0f} MB,"
        f" bar {GROWTH:g} MB more{missed}"
    )
    return bare >= RATIO and many - few <= GROWTH


def _file(folder: Path, prefix: str, rows: int) -> Path:
    file = folder / f"{prefix}.csv"
    lines = (f"{prefix}-{n},Product {n},{n % 500}.25,ITBMS" for n in range(rows))
    file.write_text("\n".join(["code,name,price,tax_code", *lines]))
    return file
