"""What does an answer that is not as it should be do to what is held?"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p4books.errors import BadAnswer, Refused
from p4books_sandbox import Fault

Open = Callable[..., Any]  # opens a tenant whose sandbox has some ways

TRIES = 5


# A value that nothing here can hold, in one row of each page.

ODD = {
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
    """One odd value stops nothing: its row is in, with what stood there, and stays as it is."""
    acme = tenant({"invoices": 40}, page_size=5)
    for page, fault in enumerate(ODD.values(), 1):
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
    told, held = acme.told(), acme.published()
    odd = {row for row in told if held[row] != told[row]}
    assert (held.keys(), odd) == (told.keys(), {"1", "6", "11", "21", "26", "36"})
    assert [held[row][1] for row in ("21", "26")] == [r"\ud800", "A\0B"]
    ((deep,),) = acme.ask("select extra from staging.invoices where extra is not null")
    assert deep.count("[") == 500


def test_a_long_id(tenant: Open) -> None:
    """An id of 19 digits is that id, and not one near it."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("long_id", endpoint="invoices", page=2, times=None))

    assert acme.sync().faults == []

    assert acme.published().keys() == acme.told().keys() - {"11"} | {"1234567890123456789"}


# What passes.

PASSING = {
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
each_passing = pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)


@each_passing
def test_for_a_while(tenant: Open, fault: Fault) -> None:
    """What goes wrong with two pages, up to four times, costs those requests and no row."""
    acme = tenant()
    acme.sandbox.faults.stage(
        replace(fault, endpoint="invoices", page=1), replace(fault, page=3, times=TRIES - 1)
    )

    (read,) = acme.read().read

    assert acme.spooled() == acme.told().keys()
    assert read.scan.verdict.complete
    assert len(acme.sandbox.requests) == 5 + 1 + TRIES - 1


@each_passing
def test_for_ever(tenant: Open, fault: Fault) -> None:
    """What goes wrong for ever is one sentence, and never a shorter list; other lists go on."""
    acme = tenant()
    acme.sandbox.faults.stage(replace(fault, endpoint="invoices", page=2, times=None))

    found = acme.read("invoices", "vendors")

    assert [type(each) for each in found.faults.values()] == [BadAnswer]
    assert str(found.faults["invoices"]).startswith(
        "invoices: P4 Books answered the request for page 2 with "
    )
    verdicts = {read.endpoint.name: read.scan.verdict for read in found.read}
    assert verdicts["invoices"] is None
    assert verdicts["vendors"].complete


def test_what_is_held_stays(tenant: Open) -> None:
    """A list that stops half-way is not shorter: what came is taken, nothing is closed."""
    acme = tenant()
    acme.sync()
    acme.sandbox.books["invoices"].delete(1)
    acme.sandbox.books["invoices"].replace(37, code="new")
    acme.sandbox.faults.stage(Fault("status", status=406, page=2, times=None))

    summary = acme.sync()

    assert [type(fault) for fault in summary.faults] == [Refused]
    assert summary.sum("gone") == 0
    held = acme.published()
    assert (len(held), held["37"][1]) == (37, "new")


def test_zipped(tenant: Open) -> None:
    """An answer that is packed as it says is unpacked."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("gzip", times=None))

    assert acme.read().faults == {}

    assert acme.spooled() == acme.told().keys()
    assert len(acme.sandbox.requests) == 5


# Pages that do not hold what they should.


def test_a_row_that_stands_twice(tenant: Open) -> None:
    """A row that stands twice on a page is published once."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("twice", endpoint="invoices", row=3, page=2, times=None))

    assert acme.sync().faults == []

    assert acme.published() == acme.told()


@pytest.mark.parametrize("page", [1, 2, 4])
def test_short_pages(tenant: Open, page: int) -> None:
    """A page that lacks rows which are counted makes the list incomplete, and closes nothing."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("short", page=page, rows=3, times=None))

    (read,) = acme.read().read

    verdict = read.scan.verdict
    assert (verdict.announced, verdict.seen, verdict.complete) == (37, 34, False)


def test_every_row_twice(tenant: Open) -> None:
    """Pages that hold half as many rows as they seem to are not taken for all."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("twice", row=None, times=None))

    (read,) = acme.read().read

    assert not read.scan.verdict.complete


# What is far too large.

READ = """
import json, resource, sys
from pathlib import Path
from p4books.endpoints import ENDPOINTS
from p4books.extract.reader import read_lists
from p4books.settings import Settings
settings = Settings(tenant="acme", **json.loads(sys.argv[1]))
found = read_lists(settings, [ENDPOINTS["invoices"], ENDPOINTS["vendors"]], backoff=0)
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([kilobytes, [one.endpoint.name for one in found.read], str(found.faults)]))
"""


def test_a_hundred_megabytes(tenant: Open) -> None:
    """A page of 100 MB is refused within half a gigabyte of memory; other lists go on."""
    acme = tenant()
    acme.sandbox.faults.stage(Fault("huge", endpoint="invoices", megabytes=100, times=None))
    given = {
        "api_key": acme.sandbox.key,
        "base_url": acme.sandbox.base_url,
        "data_dir": str(acme.settings.data_dir),
    }

    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(given)], capture_output=True, text=True, check=True
    )

    kilobytes, read, faults = json.loads(done.stdout)
    assert read == ["vendors"]
    assert "answered the request for page 1 with a row of 100 MB" in faults
    assert kilobytes < 700_000
