"""Malformed responses: they are retried, then an error, and never a shorter list."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p4books.errors import BadAnswer, Refused
from p4books.extract.client import MAX_ATTEMPTS
from p4books_sandbox import Fault

Open = Callable[..., Any]  # opens a tenant whose sandbox has these options

# One value that no column can store, in one row of each page, by id.
ODD_VALUES = {
    "1": Fault("overflow"),
    "6": Fault("nan"),
    "11": Fault("infinity"),
    "16": Fault("zero_date"),
    "21": Fault("surrogate"),
    "26": Fault("nul"),
    "31": Fault("deep", levels=500),
    "36": Fault("value", field="lines", text=r'[{"price": NaN, "description": "\udfff"}]'),
}


def test_odd_values(tenant: Open) -> None:
    """A row with an odd value is copied with the raw value, and a second sync finds no change."""
    acme = tenant({"invoices": 40}, page_size=5)
    for page, fault in enumerate(ODD_VALUES.values(), 1):
        acme.sandbox.faults.stage(replace(fault, endpoint="invoices", page=page, times=None))

    first, second = acme.sync(), acme.sync()

    assert (first.faults, second.faults, second.loaded) == ([], [], False)
    assert acme.findings() == [
        ("1", "total", "1e400"),
        ("6", "total", "NaN"),
        ("11", "total", "Infinity"),
        ("16", "document_date", "0000-00-00"),
        ("36", "lines[1].price", "NaN"),
    ]
    expected, published = acme.expected(), acme.published()
    odd = {row for row in expected if published[row] != expected[row]}
    assert (published.keys(), odd) == (expected.keys(), {"1", "6", "11", "21", "26", "36"})
    assert [published[row][1] for row in ("21", "26")] == [r"\ud800", "A\0B"]
    ((deep,),) = acme.query("select extra from staging.invoices where extra is not null")
    assert deep.count("[") == 500


def test_long_id(tenant: Open) -> None:
    """An id of 19 digits is copied exactly."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("long_id", endpoint="invoices", page=2, times=None))

    assert acme.sync().faults == []

    assert acme.published().keys() == acme.expected().keys() - {"11"} | {"1234567890123456789"}


TRANSIENT = {
    "500": Fault("status"),
    "503": Fault("status", status=503),
    "html": Fault("html"),
    "half": Fault("bad_json"),
    "null": Fault("data_null"),
    "echo": Fault("wrong_page_echo"),
    "cut": Fault("cut_body"),
    "reset": Fault("reset"),
    "lost": Fault("lost"),
    "no zip": Fault("bad_gzip"),
    "half zip": Fault("cut_gzip"),
    "no id": Fault("no_id"),
    "deep": Fault("deep"),
}
each_transient = pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)


@each_transient
def test_transient(tenant: Open, fault: Fault) -> None:
    """Failures of two pages, up to four times in a row, cost requests but no row."""
    acme = tenant()
    acme.sandbox.faults.stage(
        replace(fault, endpoint="invoices", page=1), replace(fault, page=3, times=MAX_ATTEMPTS - 1)
    )

    (scanned,) = acme.extract().lists

    assert acme.spooled() == acme.expected().keys()
    assert scanned.scan.outcome.complete
    assert len(acme.sandbox.requests) == 5 + 1 + MAX_ATTEMPTS - 1


@each_transient
def test_permanent(tenant: Open, fault: Fault) -> None:
    """A permanent failure is a single error, never a shorter list; other lists are read."""
    acme = tenant()
    acme.sandbox.faults.stage(replace(fault, endpoint="invoices", page=2, times=None))

    result = acme.extract("invoices", "vendors")

    assert [type(fault) for fault in result.faults.values()] == [BadAnswer]
    assert "answered the request for page 2 with " in str(result.faults["invoices"])
    outcomes = {scanned.endpoint.name: scanned.scan.outcome for scanned in result.lists}
    assert outcomes["invoices"] is None
    assert outcomes["vendors"].complete


def test_interrupted_list(tenant: Open) -> None:
    """If a list is interrupted half-way, its pages are loaded and no row is closed."""
    acme = tenant()
    acme.sync()
    acme.sandbox.books["invoices"].delete(1)
    acme.sandbox.books["invoices"].replace(37, code="new")
    acme.sandbox.faults.stage(Fault("status", status=406, page=2, times=None))

    summary = acme.sync()

    assert [type(fault) for fault in summary.faults] == [Refused]
    assert summary.sum("gone") == 0
    published = acme.published()
    assert (len(published), published["37"][1]) == (37, "new")


def test_compressed(tenant: Open) -> None:
    """A compressed response is decompressed."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("gzip", times=None))

    assert acme.extract().faults == {}

    assert acme.spooled() == acme.expected().keys()
    assert len(acme.sandbox.requests) == 5


def test_duplicate_row(tenant: Open) -> None:
    """A row that occurs twice on a page is published once."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("twice", endpoint="invoices", row=3, page=2, times=None))

    assert acme.sync().faults == []

    assert acme.published() == acme.expected()


@pytest.mark.parametrize("page", [1, 2, 4])
def test_short_pages(tenant: Open, page: int) -> None:
    """A page with fewer rows than announced makes the scan incomplete."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("short", page=page, rows=3, times=None))

    (scanned,) = acme.extract().lists

    outcome = scanned.scan.outcome
    assert (outcome.announced, outcome.seen, outcome.complete) == (37, 34, False)


def test_every_row_twice(tenant: Open) -> None:
    """Pages on which every row occurs twice make the scan incomplete."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("twice", row=None, times=None))

    (scanned,) = acme.extract().lists

    assert not scanned.scan.outcome.complete


READ_LISTS = """
import json, sys
from pathlib import Path
from p4books.endpoints import ENDPOINTS
from p4books.extract.reader import ReadOptions, read_lists
from p4books.settings import Settings
settings = Settings(tenant="acme", **json.loads(sys.argv[1]))
result = read_lists(
    settings, [ENDPOINTS["invoices"], ENDPOINTS["vendors"]], options=ReadOptions(backoff=0)
)
(line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
kilobytes = int(line.split()[1])  # ru_maxrss would be at least that of the program that starts this
names = [scanned.endpoint.name for scanned in result.lists]
print(json.dumps([kilobytes, names, str(result.faults)]))
"""


def test_hundred_megabytes(tenant: Open) -> None:
    """A page of 100 MB is refused within 700 MB of memory; other lists are read."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("huge", endpoint="invoices", megabytes=100, times=None))
    values = {
        "api_key": acme.sandbox.key,
        "base_url": acme.sandbox.base_url,
        "data_dir": str(acme.settings.data_dir),
    }

    done = subprocess.run(
        [sys.executable, "-c", READ_LISTS, json.dumps(values)],
        capture_output=True,
        text=True,
        check=True,
    )

    kilobytes, lists, faults = json.loads(done.stdout)
    assert lists == ["vendors"]
    assert "answered the request for page 1 with a row of 100 MB" in faults
    assert kilobytes < 700_000
