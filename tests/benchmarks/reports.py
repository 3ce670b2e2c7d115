"""Building the reports, and querying them.

Build, check and publish are timed as a whole process, interleaved with a floor: one table of
invoice headers joined with their lines, from the same warehouse. The data is a sandbox's, moved
back two years, with an earlier version of every third document.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from tests.benchmarks.processes import environment, measure, module, sandbox

from p4books.publish.publish import publish_report
from p4books.publish.query import open_published
from p4books.settings import Settings, load_settings

SECONDS = 30.0  # build, check and publish
MEMORY = 2000  # MB, of the same
RATIO = 20.0  # of the same to the floor
ANSWER = 0.1  # seconds, of a thousand rows of any model, a connection's first answer
ROWS = 1000


def compare(rounds: int, invoices: int) -> bool:
    """Measure, print each figure with its bar, and return whether all are met."""
    seconds, peaks, ratios = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        with sandbox(invoices) as (base_url, key):
            variables = environment(base_url, key, Path(folder))
            measure(module("clean_tables"), variables)
        measure(module("reports", "age"), variables)
        warehouse = Path(folder) / "data" / ".private" / "bench" / "warehouse.duckdb"
        for number in range(rounds):
            took, peak = measure(module("reports", "make"), variables)
            floor, _ = measure(module("joined", str(warehouse)), variables)
            seconds.append(took)
            peaks.append(peak)
            ratios.append(took / floor)
            print(f"reports, round {number + 1}: {took:.1f} s, floor {floor:.1f} s, {peak:.0f} MB")
        slow = _slowest(Path(folder) / "data" / "bench.duckdb")
    return _judge(
        ("reports: build, check, publish", statistics.median(seconds), SECONDS, "s"),
        ("peak memory of it", max(peaks), MEMORY, "MB"),
        ("ratio to the floor", statistics.median(ratios), RATIO, "x"),
        (f"slowest answer, {slow[0]}", slow[1] * 1000, ANSWER * 1000, "ms"),
    )


def _judge(*figures: tuple[str, float, float, str]) -> bool:
    passed = True
    for label, figure, bar, unit in figures:
        missed = "" if figure <= bar else " - MISSED"
        print(f"{label}: {figure:.1f} {unit}, bar {bar:g} {unit}{missed}")
        passed &= figure <= bar
    return passed


def _slowest(published: Path) -> tuple[str, float]:
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


def _age(settings: Settings) -> None:
    """Move all versions back two years; a third of the documents had another version for one."""
    with duckdb.connect(settings.warehouse) as con:
        con.execute("update raw.history set since = since - interval 2 years")
        tables = ("products", "customers", "vendors", "invoices", "purchase_orders", "sales_orders")
        for table in tables:
            con.execute(
                f"update raw.{table} set _dlt_valid_from = _dlt_valid_from - interval 2 years"
            )
        for table in tables[3:]:
            third = "hash(id) % 3 = 0 and _dlt_valid_to is null"
            paid = ", amount_paid = 0, balance = total" if table == "invoices" else ""
            con.execute(f"create temp table before as from raw.{table} where {third}")
            con.execute(
                f"update raw.{table} set _dlt_valid_from = _dlt_valid_from + interval 1 year"
                f" where {third}"
            )
            con.execute(
                "update before set status = 'Open',"
                f" _dlt_valid_to = _dlt_valid_from + interval 1 year{paid}"
            )
            con.execute(f"insert into raw.{table} from before")
            con.execute("drop table before")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        publish_report(load_settings())
    else:
        _age(load_settings())
