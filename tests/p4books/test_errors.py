"""Messages and exit codes of the errors, and suggestions for unknown names."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from p4books import errors
from p4books.errors import (
    Abandoned,
    AlreadyRunning,
    ApiError,
    BadAnswer,
    BadCertificateFile,
    BadProxy,
    BrokenSeed,
    BrokenSql,
    CheckFailed,
    ClockWrong,
    DiskTrouble,
    Incomplete,
    KeyRefused,
    LetterMissing,
    LoadFailed,
    LoadMismatch,
    NoPicture,
    NotDelivered,
    NotFound,
    NothingToContinue,
    NotPublished,
    NotWritten,
    OtherBooks,
    OutOfMemory,
    OutputLost,
    P4BooksError,
    PageIgnored,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    PublishedHasMore,
    QueryFailed,
    Redirected,
    Refused,
    RestoreInterrupted,
    RightMissing,
    RowsReplaced,
    SettingsError,
    TooManyChanged,
    TooManyGone,
    Unreachable,
    UsageError,
    WarehouseDamaged,
    WarehouseLost,
    WarehouseOpen,
    WarehouseTooNew,
    describe_unknown,
    end_sentence,
    fold_errors,
    list_some,
)

FILE = Path("data/.private/acme/warehouse.duckdb")

# Each error, what it says was left untouched, and what it says to do now.
ERRORS: list[tuple[P4BooksError, str, str]] = [
    (AlreadyRunning("acme"), "requested and changed nothing", "Try again"),
    (KeyRefused("acme"), "earlier copy is unchanged", "Create a new key"),
    (RightMissing("vendors"), "copy of it is unchanged", "Grant the key that permission"),
    (
        NotFound("vendors", "https://acme.p4books.com/api/v1/vendors"),
        "Nothing was changed",
        "Check the settings `tenant` and `base_url`",
    ),
    (
        Unreachable("vendors", "acme.p4books.com", "unknown name", "Check the setting `tenant`."),
        "Any earlier copy is unchanged",
        "Check the setting `tenant`. Then run again.",
    ),
    (BadAnswer("vendors", 3, "an HTML page"), "earlier copy is unchanged", "Run again"),
    (BadAnswer("vendors", 3, "zstd", "Use gzip."), "earlier copy is unchanged", "Use gzip."),
    (Refused("vendors", 3, 429), "earlier copy is unchanged", "`requests_per_window`"),
    (
        BadCertificateFile("SSL_CERT_FILE", "ca.pem", "does not exist"),
        "nothing was changed",
        "unset SSL_CERT_FILE",
    ),
    (BadProxy("HTTPS_PROXY", "is no address"), "nothing was changed", "Set it to http://HOST:PORT"),
    (Refused("vendors", 3, 418), "earlier copy is unchanged", "`p4books check`"),
    (Refused("vendors", 1, 422), "copy is unchanged", "Lower the setting `page_size`"),
    (
        Redirected("acme.p4books.com", "https://evil.example", "Set `base_url`."),
        "nothing was changed",
        "Set `base_url`.",
    ),
    (Incomplete("vendors", 1500, 1400, held=True), "no row was closed", "Run again"),
    (Incomplete("vendors", 1500, 1400, held=False), "Nothing was loaded", "Run again"),
    (TooManyGone("vendors", 60, 100), "No row was closed", "sync --allow-gone vendors"),
    (
        RowsReplaced("vendors", 60, 60, 40),
        "Nothing was loaded for vendors",
        "sync --allow-gone vendors",
    ),
    (
        TooManyChanged("vendors", 60, 100, ["code", "name", "date_created"]),
        "Nothing was loaded for vendors",
        "sync --allow-changed vendors",
    ),
    (
        TooManyChanged("vendors", 0, 0, ["code", "name"]),
        "last complete copy is unchanged",
        "sync --allow-changed vendors",
    ),
    (PageIgnored("vendors", "page"), "copy is unchanged", "Set `page_param`"),
    (LoadMismatch("vendors", 1500, 1400), "any earlier copy is unchanged", "Run again"),
    (
        WarehouseDamaged(FILE, "no header", "Put back the newest one."),
        "Nothing was changed",
        "Put back the newest one",
    ),
    (
        WarehouseLost(FILE, "run 3 loaded rows into it", "Put back the newest one."),
        "Nothing was requested or changed",
        "Put back the newest one",
    ),
    (
        NothingToContinue(FILE),
        "Nothing was requested or made",
        "Put the folder of the files back",
    ),
    (
        RestoreInterrupted("acme"),
        "Nothing was requested or changed",
        "Run `p4books restore` to finish it",
    ),
    (
        PublishedHasMore(Path("data/acme.duckdb"), ["invoices", "vendors"]),
        "data/acme.duckdb is unchanged",
        "Run `p4books sync --full`",
    ),
    (
        OtherBooks("Earlier pushes went to there", "here", "Nothing was sent."),
        "Nothing was sent",
        "use --same-books",
    ),
    (
        ClockWrong("2036-11-05", "2026-11-05", "2026-11-04"),
        "Nothing was loaded",
        "Set the clock",
    ),
    (WarehouseOpen(FILE, "duckdb (process 7)"), "Nothing was changed", "Close it"),
    (Abandoned(), "already fetched are kept", "run again"),
    (WarehouseTooNew(FILE, 3, 2), "Nothing was changed", "Install the newer"),
    (
        BrokenSql(Path("sql/core/x.sql"), 3, "no such table"),
        "Any published file is unchanged",
        "Fix the file",
    ),
    (
        BrokenSeed(Path("sql/seeds/x.csv"), 3, "7 in rate is not a share"),
        "Any published file is unchanged",
        "Fix the file",
    ),
    (NotPublished(Path("data/acme.duckdb")), "does not exist yet", "Run `p4books sync`"),
    (
        CheckFailed("two sums agree", 12, ["net: 1.00", "net: 2.00"]),
        "any earlier file is unchanged",
        "`p4books report`",
    ),
    (
        PublishedFileBlocked(Path("data/acme.duckdb"), "is a folder", "Move it elsewhere"),
        "The warehouse is not affected",
        "Move it elsewhere, then run `p4books report`",
    ),
    (
        NotWritten(Path("out/x.csv"), "disk full"),
        "An existing file is unchanged",
        "another path",
    ),
    (
        NotWritten(Path("a/b.csv"), "No such file or directory"),
        "An existing file is unchanged",
        "Create its folder first",
    ),
    (
        NotWritten(Path("a/b.csv"), "Permission denied"),
        "An existing file is unchanged",
        "the right to write",
    ),
    (LetterMissing("電"), "this statement is a workbook", "Install a font"),
    (NotWritten(Path("a"), "Is a directory"), "file is unchanged", "Choose another path"),
    (NotDelivered("page to /a", "/a: full"), "is published, and each file", "run delivers again"),
    (OutputLost("disk full"), "nothing else was changed", "run it again"),
    (DiskTrouble(FILE, "disk full"), "Any published file is unchanged", "the next run continues"),
    (OutOfMemory("4 GB used"), "Any published file is unchanged", "the next run continues"),
    (LoadFailed("no such table"), "any earlier copy is unchanged", "Run again"),
]

# Base classes, and those whose message is written where they are raised.
BARE: set[type[P4BooksError]] = {P4BooksError, ApiError}
BARE |= {SettingsError, UsageError, QueryFailed, NoPicture, PublishedFileUnreadable}

# Names in the run logs of earlier versions.
STORED = {
    "KeyRefused",
    "Abandoned",
    "RightMissing",
    "NotFound",
    "Unreachable",
    "BadAnswer",
    "Refused",
    "Redirected",
    "Incomplete",
    "TooManyGone",
    "PageIgnored",
    "LoadMismatch",
    "WarehouseDamaged",
    "WarehouseOpen",
    "WarehouseTooNew",
    "DiskTrouble",
    "OutOfMemory",
    "LoadFailed",
    "BrokenSql",
    "BrokenSeed",
    "CheckFailed",
    "OtherBooks",
    "RowsReplaced",
    "TooManyChanged",
    "PublishedHasMore",
    "WarehouseLost",
}

TRY_LATER = {AlreadyRunning}
USAGE = BARE - {P4BooksError, ApiError, PublishedFileUnreadable}
USAGE |= {OtherBooks, BadCertificateFile, BadProxy}

CLASSES: set[type[P4BooksError]] = {
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, P4BooksError)
}


FOLDED: dict[str, tuple[list[P4BooksError], list[str]]] = {
    "the same message": (
        [KeyRefused("acme"), KeyRefused("acme")],
        [str(KeyRefused("acme"))],
    ),
    "one cause, several lists": (
        [BadAnswer(name, page, "an HTML page") for page, name in enumerate(["a", "b", "c_d"])],
        [f"{BadAnswer('a', 0, 'an HTML page')} The same holds for b, c_d."],
    ),
    "the address has the list in another spelling": (
        [
            NotFound(name, f"http://127.0.0.1/v1/{path}")
            for name, path in {"vendors": "Vendors", "sales_orders": "sales-orders"}.items()
        ],
        [f"{NotFound('vendors', 'http://127.0.0.1/v1/Vendors')} The same holds for sales_orders."],
    ),
    "the list is named in the remedy": (
        [RightMissing("vendors"), RightMissing("products")],
        [f"{RightMissing('vendors')} The same holds for products."],
    ),
    "the remedy has an option for each list": (
        [RowsReplaced("vendors", 30, 30, 29), RowsReplaced("products", 40, 50, 2)],
        [
            str(RowsReplaced("vendors", 30, 30, 29)).replace(
                "--allow-gone vendors", "--allow-gone vendors --allow-gone products"
            )
            + " The same holds for products."
        ],
    ),
    "two causes": (
        [BadAnswer("a", 1, "status 500"), BadAnswer("b", 1, "an HTML page")],
        [str(BadAnswer("a", 1, "status 500")), str(BadAnswer("b", 1, "an HTML page"))],
    ),
    "two kinds": (
        [Refused("a", 1, 422), BadAnswer("a", 1, "an HTML page")],
        [str(Refused("a", 1, 422)), str(BadAnswer("a", 1, "an HTML page"))],
    ),
    "gone from two lists": (
        [TooManyGone("customers", 28, 30), TooManyGone("vendors", 1, 1)],
        [
            (
                "customers, vendors: P4 Books no longer returns 28 of 30 rows in customers, 1 of 1 "
                "row in vendors, more than `max_gone_share` allows. A filter that hides rows "
                "(inactive, void) or a permission taken from the key looks the same. No row was "
                "closed; all other changes were loaded. If the rows really were deleted, run "
                "`p4books sync --allow-gone customers --allow-gone vendors`."
            )
        ],
    ),
}


@pytest.mark.parametrize("case", FOLDED)
def test_fold_errors(case: str) -> None:
    """Errors that differ in nothing but their lists and numbers are one message."""
    errors, messages = FOLDED[case]

    assert fold_errors(errors) == messages


def test_list_some() -> None:
    """A long list of names says how many more there are."""
    names = [f"f{number}" for number in range(12)]

    assert list_some(names[:2]) == "f0, f1"
    assert list_some(names) == "f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 2 more"


def test_no_class_is_missing() -> None:
    """Every error class is in the lists above."""
    assert {type(error) for error, _, _ in ERRORS} | BARE == CLASSES


@pytest.mark.parametrize(
    ("error", "untouched", "now"), ERRORS, ids=[type(case[0]).__name__ for case in ERRORS]
)
def test_message(error: P4BooksError, untouched: str, now: str) -> None:
    """An error says in full sentences what was left untouched and what to do now."""
    message = str(error)

    assert untouched in message
    assert now in message
    assert message.endswith(".")
    assert not re.search(r"\s\s|\.\.|None|\{", message)


def test_what_happened() -> None:
    """An error says what happened, with its numbers."""
    assert str(Incomplete("invoices", 1500, 1400, held=True)) == (
        "invoices: P4 Books announced 1,500 rows but returned 1,400. The returned rows were loaded "
        "and no row was closed. Run again; if it persists with the same numbers, its total may "
        "count rows that are not listed: run `p4books check --deep`, and name invoices in the "
        "setting `ignore_totals` to do without it."
    )
    assert str(BadAnswer("invoices", 3, "an HTML page")).startswith(
        "invoices: P4 Books answered the request for page 3 with an HTML page."
    )


@pytest.mark.parametrize("kind", sorted(CLASSES, key=str))
def test_exit_code(kind: type[P4BooksError]) -> None:
    """A command exits with 75 if a later try may succeed, 2 if its input is wrong, else with 1."""
    expected = 75 if kind in TRY_LATER else 2 if kind in USAGE else 1

    assert kind.exit_code == expected


def test_names_are_stable() -> None:
    """The names of errors are stored as outcomes of runs: none is renamed or removed."""
    assert {kind.__name__ for kind in CLASSES} >= STORED


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        (
            "invoice",
            ["customers", "invoices"],
            "Unknown list 'invoice'. Did you mean 'invoices'? Available: customers, invoices.",
        ),
        ("Due Dte", ["due_date"], "Unknown list 'Due Dte'. Did you mean 'due_date'? Available: "),
        ("AR-aging", ["ar_Aging"], "Unknown list 'AR-aging'. Did you mean 'ar_Aging'? Available: "),
        ("xyz", ["customers", "invoices"], "Unknown list 'xyz'. Available: customers, invoices."),
        ("xyz", [], "Unknown list 'xyz'."),
        ("xyz", map(str, range(50)), "Unknown list 'xyz'. Available: 0, 1, 2, 3, "),
        ("4999", map(str, range(500)), "Unknown list '4999'. Did you mean '499'?"),
    ],
)
def test_unknown_name(name: str, known: Iterable[str], message: str) -> None:
    """The message about an unknown name suggests the most similar one and lists short lists."""
    described = describe_unknown("list", name, known)

    assert described.startswith(message)
    assert described[-1] in ".?"
    assert ("Available" in described) == ("Available" in message)


def test_too_many_to_list() -> None:
    """If the names are too many to list, another sentence ends the message of no similar name."""
    hint = "`p4books models` lists them."

    assert describe_unknown("model", "xyz", ["ar_aging"], hint) == f"Unknown model 'xyz'. {hint}"
    assert describe_unknown("model", "ar_agin", ["ar_aging"], hint) == (
        "Unknown model 'ar_agin'. Did you mean 'ar_aging'?"
    )


@pytest.mark.parametrize(("text", "sentence"), [("a", "a."), ("a.", "a."), ("a?", "a?")])
def test_sentences_end(text: str, sentence: str) -> None:
    """A sentence ends with one full stop or with its question mark."""
    assert end_sentence(text) == sentence
