"""Open points of the API contract: in either case, every row arrives once and to the cent."""

from collections import Counter
from collections.abc import Callable
from itertools import cycle, product
from typing import Any

import pytest

from p4books.errors import PageIgnored, TooManyGone

Open = Callable[..., Any]  # opens a tenant whose sandbox has these options

PAST_END = ("empty", "404", "last")
TOTAL = ("list", "page", "null", "missing")
ECHO = ("given", "asked", "missing")
ORDER = ("ascending", "descending", "date", "newest_date", "none")


def combine(**points: tuple[str, ...]) -> list[dict[str, str]]:
    """Return all combinations of the points, with one order after the other."""
    order = cycle(ORDER)
    combinations = product(*points.values())
    return [
        {**dict(zip(points, values, strict=True)), "order": next(order)} for values in combinations
    ]


@pytest.mark.parametrize("options", combine(past_end=PAST_END, total=TOTAL, echo=ECHO), ids=str)
def test_every_row_is_read(tenant: Open, options: dict[str, str]) -> None:
    """All rows are read, and the scan is complete, whatever end, total and page number are
    returned."""
    acme = tenant(options)

    (scanned,) = acme.extract().lists

    assert acme.spooled() == acme.expected().keys()
    assert (scanned.scan.outcome.seen, scanned.scan.outcome.complete) == (37, True)


@pytest.mark.parametrize(
    "options",
    [
        {"past_end": "404", "total": "page", "order": "none"},
        {"past_end": "last", "total": "null", "echo": "asked", "order": "newest_date"},
    ],
    ids=str,
)
def test_deletion(tenant: Open, options: dict[str, str]) -> None:
    """Each row is published once, a second sync changes nothing, and two more detect a deletion."""
    acme = tenant(options)

    first, second = acme.sync(), acme.sync()
    published = acme.published()
    acme.sandbox.books["invoices"].delete(7)
    gone = [acme.sync().sum("gone") for _ in range(2)]

    assert (first.faults, second.faults, second.loaded) == ([], [], False)
    assert len(published) == 37
    assert sum(gone) == 1
    assert acme.published() == acme.expected()


@pytest.mark.parametrize("total", ["page", "null"])
@pytest.mark.parametrize("past_end", PAST_END)
@pytest.mark.parametrize("rows", [0, 10])
def test_short_lists(tenant: Open, rows: int, past_end: str, total: str) -> None:
    """An empty list and one of exactly one full page are read completely."""
    acme = tenant({"invoices": rows, "past_end": past_end, "total": total})

    result = acme.extract()

    if (rows, past_end, total) == (10, "last", "null"):
        assert isinstance(
            result.faults["invoices"], PageIgnored
        )  # indistinguishable from a page that is ignored
    else:
        assert result.lists[0].scan.outcome.complete
        assert acme.spooled() == acme.expected().keys()


@pytest.mark.parametrize("total", ["list", "null", "missing"])
@pytest.mark.parametrize("echo", ECHO)
def test_ignored_page(tenant: Open, echo: str, total: str) -> None:
    """A server that ignores the page is detected within three requests; the error names the
    setting."""
    acme = tenant({"ignores_page": True, "echo": echo, "total": total})

    summary = acme.sync()

    assert [type(fault) for fault in summary.faults] == [PageIgnored]
    assert "Set `page_param`" in str(summary.faults[0])
    assert len(acme.sandbox.requests) <= 3
    assert acme.spooled() == set()
    assert not acme.settings.published.exists()


@pytest.mark.parametrize("options", combine(past_end=PAST_END, total=TOTAL), ids=str)
def test_pages_numbered_from_0(tenant: Open, options: dict[str, str]) -> None:
    """If pages are numbered from 0, all rows are read, or the total reveals that some are not."""
    acme = tenant({"first_page": "0", **options})

    outcome = acme.extract().lists[0].scan.outcome

    if options["total"] == "list":
        assert not (outcome and outcome.complete)
    else:
        assert outcome.complete
        assert acme.spooled() == acme.expected().keys()


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"ignores_page_size": True, "page_size": 10}, 100),
        ({"ignores_page_size": True, "page_size": 10}, 3),
        ({"over_cap": "capped", "page_size_cap": 10}, 100),
        ({"over_cap": "default", "page_size_cap": 20, "page_size": 7}, 100),
    ],
    ids=str,
)
@pytest.mark.parametrize("total", ["list", "null"])
def test_another_page_size(tenant: Open, options: dict[str, Any], size: int, total: str) -> None:
    """All rows are read, whatever page size the server chooses."""
    acme = tenant({**options, "total": total}, page_size=size)

    (scanned,) = acme.extract().lists

    assert acme.spooled() == acme.expected().keys()
    assert scanned.scan.outcome.complete


def test_refused_page_size(tenant: Open) -> None:
    """A refused page size is an error after one request; the error names the setting."""
    acme = tenant({"over_cap": "refused", "page_size_cap": 50}, page_size=100)

    fault = acme.extract().faults["invoices"]

    assert "422" in str(fault)
    assert "Lower the setting `page_size`" in str(fault)
    assert len(acme.sandbox.requests) == 1


@pytest.mark.parametrize("total", TOTAL)
def test_parameter_names(tenant: Open, total: str) -> None:
    """Other parameter names work if they are configured in the settings."""
    names = {"page_parameter": "PageNumber", "page_size_parameter": "limit"}
    acme = tenant({**names, "total": total}, page_param="PageNumber", page_size_param="limit")

    (scanned,) = acme.extract().lists

    assert acme.spooled() == acme.expected().keys()
    assert scanned.scan.outcome.complete


@pytest.mark.parametrize(
    "options",
    [
        {"ids": "uuids", "spelling": "pascal"},
        {"ids": "long", "spelling": "camel", "amounts": "strings"},
        {"unknown_fields": True, "ids": "uuids", "order": "none"},
        {"leave_out": ("*",)},
        {"nulls": ("*",), "ids": "uuids"},
        {"leave_out": ("customer_id", "lines"), "nulls": ("subtotal", "due_date")},
    ],
    ids=str,
)
def test_spellings(tenant: Open, options: dict[str, Any]) -> None:
    """Ids, names, amounts and missing values of any form are published exactly, and a second sync
    finds no change."""
    acme = tenant({"past_end": "404", **options})

    first, second = acme.sync(), acme.sync()

    assert (first.faults, second.faults, second.loaded) == ([], [], False)
    assert acme.published() == acme.expected()
    assert acme.findings() == []
    extra = acme.query("select distinct extra from staging.invoices")
    unknown = '{"sandbox_note":"Ñandú","sandbox_number":1.5,"sandbox_tags":{"of":[{"a":null}]}}'
    assert extra == [(unknown if "unknown_fields" in options else None,)]


def test_credit_notes_and_counter_sales(tenant: Open) -> None:
    """Negative amounts, missing customers and missing products are copied exactly."""
    acme = tenant({"invoices": 300}, page_size=100)

    acme.sync()

    assert acme.published() == acme.expected()
    negative, counter, freight = (
        acme.query(f"select count(*) from staging.{rows}")[0][0]
        for rows in (
            "invoices where invoice_total < 0",
            "invoices where customer_id is null",
            "invoice_lines where product_id is null",
        )
    )
    assert min(negative, counter, freight) > 0


def test_mixed_values(tenant: Open) -> None:
    """A field of mixed types yields findings with the raw values; the rest is published."""
    acme = tenant({"mixed": ("total", "document_date", "lines")})

    summary = acme.sync()

    assert summary.faults == []
    assert acme.published() == acme.expected()
    findings = Counter((field, value) for _, field, value in acme.findings())
    assert findings == {("total", "N/A"): 7, ("document_date", "N/A"): 7, ("lines", '"N/A"'): 7}


def test_many_hidden(tenant: Open) -> None:
    """If a list hides more rows than the guard allows, none is closed unless allowed explicitly."""
    acme, filtered = tenant({"invoices": 60}), tenant({"invoices": 60, "hidden": ("Paid",)})
    acme.sync()

    refused = filtered.sync(same_books=True)
    published = filtered.published()
    allowed = filtered.sync(allow_gone=["invoices"])

    (fault,) = refused.faults
    assert isinstance(fault, TooManyGone)
    assert "--allow-gone invoices" in str(fault)
    assert (refused.sum("gone"), published) == (0, acme.expected())
    hidden = acme.expected().keys() - filtered.expected().keys()
    assert len(hidden) > 20
    assert (allowed.faults, allowed.sum("gone")) == ([], len(hidden))
    assert filtered.published() == filtered.expected()


@pytest.mark.parametrize("total", ["list", "missing"])
def test_all_hidden(tenant: Open, total: str) -> None:
    """A list that is suddenly empty closes no row and is reported after at most two scans."""
    acme, empty = tenant({"invoices": 12}), tenant({"empty": True, "total": total})
    acme.sync()

    runs = [empty.sync(same_books=True) for _ in range(1 if total == "list" else 2)]
    faults = [fault for run in runs for fault in run.faults]

    assert [type(fault) for fault in faults] == [TooManyGone]
    assert empty.published() == acme.expected()


def test_few_hidden(tenant: Open) -> None:
    """Hidden rows within the guard's limit are closed after one undisturbed scan."""
    acme, filtered = tenant(), tenant({"hidden": ("Void", "Draft")})
    acme.sync()

    summary = filtered.sync(same_books=True)

    hidden = acme.expected().keys() - filtered.expected().keys()
    assert 0 < len(hidden) <= 20
    assert (summary.faults, summary.sum("gone")) == ([], len(hidden))
    assert filtered.published() == filtered.expected()
