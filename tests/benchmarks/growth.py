"""How cost grows with the number of invoices held, and with the versions of each.

What was measured is kept in growth.json, size by size, so that a stopped benchmark goes on with
`--sizes` and `--versions`; README.md and growth.svg are written from it.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, format_figures
from tests.benchmarks.history import add_versions
from tests.benchmarks.picture import Panel, Points, compute_slope, draw
from tests.benchmarks.processes import Measured, make_sandbox
from tests.benchmarks.tenant import Tenant

from p4books.storage.files import measure_files

SIZES = (1_000, 10_000, 100_000, 500_000)
VERSIONS = (1, 10, 50)
HELD = 10_000  # invoices with that many versions
LINEAR = 1.05  # exponent of a first sync, at most: noise is not growth
ROOT = 0.5  # of a run with changes
ENOUGH = 60.0  # seconds after which a run is not repeated
RUNS = {
    "first": "first sync",
    "publish": "full publishing",
    "changed": "10 changed invoices",
    "quiet": "quiet run",
}
SIZE_COLUMNS = (
    *("invoices", "first sync", "10 changed invoices", "quiet run"),
    *("memory of first sync", "memory with changes", "JSON read", "private folder"),
    "published file",
)
VERSION_COLUMNS = (
    *("versions", "invoices", "full publishing", "10 changed invoices", "quiet run"),
    *("memory with changes", "private folder", "published file"),
)
BEGIN, END = "<!-- written by growth.py: -->\n", "<!-- until here -->\n"

Row = dict[str, float]
Results = dict[str, dict[str, Row]]  # "invoices" or "versions", their number as text, figures


def main() -> int:
    """Measure, write the table and the picture, and return 1 if cost grows too fast."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--sizes", type=_parse_numbers, default=SIZES, help="invoices: 1000,10000")
    parser.add_argument("--versions", type=_parse_numbers, default=VERSIONS, help="of each: 1,10")
    parser.add_argument("--held", type=int, default=HELD, help="invoices with these versions")
    parser.add_argument(
        "--folder", type=Path, default=Path(__file__).parent, help="of the table and the picture"
    )
    options = parser.parse_args()
    for size in options.sizes:
        _record(options.folder, "invoices", size, measure_size(size))
    for versions in options.versions:
        _record(options.folder, "versions", versions, measure_versions(options.held, versions))
    figures = judge(load_results(options.folder))
    print(f"\n{format_figures(figures)}", end="")
    return 0 if all(figure.meets(figure.bar) for figure in figures) else 1


def measure_size(invoices: int) -> Row:
    """Measure a tenant with this many invoices: seconds, MB of memory, bytes."""
    tenants: list[Tenant] = []
    with make_sandbox(invoices) as sandbox, tempfile.TemporaryDirectory() as folder:

        def sync_first() -> Measured:
            tenants.append(Tenant(sandbox, Path(folder) / str(len(tenants))))
            return tenants[-1].first_sync()

        first = _repeat(sync_first)
        disk = _measure_disk(tenants[-1])
        quiet, changed = _measure_runs(tenants[-1])
        rows = (row for each in sandbox.books.values() for row in each.page(0, len(each))[0])
        return {
            "first": first.seconds,
            "quiet": quiet.seconds,
            "changed": changed.seconds,
            "first_memory": first.peak,
            "changed_memory": changed.peak,
            "json": sum(map(len, rows)),
            **disk,
        }


def measure_versions(invoices: int, versions: int) -> Row:
    """Measure a tenant with this many versions of each record, as above."""
    with make_sandbox(invoices) as sandbox, tempfile.TemporaryDirectory() as folder:
        tenant = Tenant(sandbox, Path(folder))
        tenant.first_sync(reports=False)
        add_versions(tenant.warehouse, versions)
        published = _repeat(tenant.publish)
        disk = _measure_disk(tenant)
        quiet, changed = _measure_runs(tenant)
        return {
            "invoices": invoices,
            "quiet": quiet.seconds,
            "changed": changed.seconds,
            "publish": published.seconds,
            "changed_memory": changed.peak,
            **disk,
        }


def load_results(folder: Path) -> Results:
    """Return what was measured so far."""
    file = folder / "growth.json"
    return json.loads(file.read_text()) if file.exists() else {"invoices": {}, "versions": {}}


def judge(results: Results) -> list[Figure]:
    """Return the exponents of growth, between the last two sizes."""
    sizes = results["invoices"]
    if len(sizes) < 2:
        return []
    bars = {"first": LINEAR, "changed": ROOT}
    return [
        Figure(f"exponent: {RUNS[name]}", compute_slope(_get_curve(sizes, name)), bar)
        for name, bar in bars.items()
    ]


def write_results(folder: Path, results: Results) -> None:
    """Write the table and the picture."""
    (folder / "growth.json").write_text(f"{json.dumps(results, indent=1)}\n")
    (folder / "growth.svg").write_text(draw_results(results))
    readme = folder / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{format_results(results)}\n{END}{after}")


def format_results(results: Results) -> str:
    """Return the two tables of README.md."""
    sizes = [_format_size(int(size), row) for size, row in results["invoices"].items()]
    versions = [_format_versions(int(number), row) for number, row in results["versions"].items()]
    return f"{_format_table(SIZE_COLUMNS, sizes)}\n{_format_table(VERSION_COLUMNS, versions)}"


def draw_results(results: Results) -> str:
    """Return the picture of README.md."""
    held = max((row["invoices"] for row in results["versions"].values()), default=0)
    panels = [
        Panel(title, across, "seconds", {RUNS[name]: _get_curve(rows, name) for name in names})
        for title, across, rows, names in (
            ("Invoices held", "invoices", results["invoices"], ("first", "changed", "quiet")),
            (
                f"Versions of each of {held:,.0f} invoices",
                "versions",
                results["versions"],
                ("publish", "changed", "quiet"),
            ),
        )
        if rows
    ]
    return draw(panels)


def _record(folder: Path, kind: str, number: int, row: Row) -> None:
    """Add a row to what was measured, and write everything."""
    print(f"{number:,} {kind}: {', '.join(f'{name} {each:,.6g}' for name, each in row.items())}")
    results = load_results(folder)
    results[kind][str(number)] = {name: float(f"{each:.5g}") for name, each in row.items()}
    results[kind] = dict(sorted(results[kind].items(), key=lambda each: int(each[0])))
    write_results(folder, results)


def _measure_runs(tenant: Tenant) -> tuple[Measured, Measured]:
    """Measure runs without and with changes; the first ones have more to do than later ones."""
    tenant.quiet_run()
    tenant.run_with_invoices()
    return _repeat(tenant.quiet_run), _repeat(tenant.run_with_invoices)


def _repeat(run: Callable[[], Measured]) -> Measured:
    """Run up to three times, if it is fast; return the median seconds and the highest peak."""
    measured: list[Measured] = []
    began = time.perf_counter()
    while not measured or (len(measured) < 3 and time.perf_counter() - began < ENOUGH):
        measured.append(run())
    return Measured(
        statistics.median(each.seconds for each in measured),
        max(each.peak for each in measured),
        statistics.median(each.cpu for each in measured),
    )


def _measure_disk(tenant: Tenant) -> Row:
    return {
        "private": measure_files(tenant.private),
        "published": measure_files(tenant.published),
    }


def _get_curve(rows: Mapping[str, Row], name: str) -> Points:
    return [(int(number), row[name]) for number, row in rows.items()]


def _format_size(size: int, row: Row) -> tuple[str, ...]:
    return (
        f"{size:,}",
        *(_format_seconds(row[name]) for name in ("first", "changed", "quiet")),
        *(f"{row[name]:,.0f} MB" for name in ("first_memory", "changed_memory")),
        f"{row['json'] / 1e6:,.1f} MB",
        *(_format_share(row, name) for name in ("private", "published")),
    )


def _format_versions(number: int, row: Row) -> tuple[str, ...]:
    return (
        f"{number:,}",
        f"{row['invoices']:,.0f}",
        *(_format_seconds(row[name]) for name in ("publish", "changed", "quiet")),
        f"{row['changed_memory']:,.0f} MB",
        *(f"{row[name] / 1e6:,.1f} MB" for name in ("private", "published")),
    )


def _format_share(row: Row, name: str) -> str:
    return f"{row[name] / 1e6:,.1f} MB ({row[name] / row['json']:.0%})"


def _format_seconds(seconds: float) -> str:
    return f"{seconds:,.2f} s" if seconds < 10 else f"{seconds:,.1f} s"


def _format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---:"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _parse_numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


if __name__ == "__main__":
    raise SystemExit(main())
