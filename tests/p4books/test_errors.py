"""What may go wrong?"""

import inspect
import re
from pathlib import Path

import pytest

from p4books import errors
from p4books.errors import (
    AlreadyRunning,
    ApiError,
    BadAnswer,
    BrokenSeed,
    BrokenSql,
    CheckFailed,
    DiskTrouble,
    Incomplete,
    KeyRefused,
    LoadFailed,
    LoadMismatch,
    NoPicture,
    NotFound,
    NotPublished,
    NotWritten,
    OutOfMemory,
    P4BooksError,
    PageIgnored,
    QueryFailed,
    ReadCancelled,
    Redirected,
    Refused,
    RightMissing,
    SettingsError,
    TooManyGone,
    Unreachable,
    UsageError,
    WarehouseDamaged,
    WarehouseOpen,
    WarehouseTooNew,
)

FILE = Path("data/.private/acme/warehouse.duckdb")

# Each error, what it says was left as it was, and what it says to do now.
SAID: list[tuple[P4BooksError, str, str]] = [
    (AlreadyRunning("acme"), "touched nothing", "try again"),
    (KeyRefused("acme"), "stands untouched", "Make a new key"),
    (RightMissing("vendors"), "the other lists go on", "Give the key that right"),
    (
        NotFound("vendors", "https://acme.p4books.com/api/v1/vendors"),
        "Nothing was changed",
        "Check the settings `tenant` and `base_url`",
    ),
    (
        Unreachable("vendors", "acme.p4books.com", "its name is not known"),
        "What is held of it stands",
        "Check the setting `tenant` and the network",
    ),
    (BadAnswer("vendors", 3, "an HTML page"), "What is held of it stands", "Run again"),
    (Refused("vendors", 3, 418), "What is held of it stands", "`p4books check`"),
    (Refused("vendors", 1, 422), "of it stands", "Lower the setting `page_size`"),
    (
        Redirected("acme.p4books.com", "https://evil.example"),
        "nothing was changed",
        "put it into the setting `base_url`",
    ),
    (Incomplete("vendors", 1500, 1400, held=True), "nothing was closed", "Run again"),
    (Incomplete("vendors", 1500, 1400, held=False), "Nothing was loaded", "Run again"),
    (TooManyGone("vendors", 60, 100), "Not one was closed", "sync --allow-gone vendors"),
    (PageIgnored("vendors", "page"), "Nothing was changed", "Set `page_param`"),
    (LoadMismatch("vendors", 1500, 1400), "the last whole copy stands", "Run again"),
    (WarehouseDamaged(FILE, "no header"), "Nothing was changed", "Put one of the earlier"),
    (WarehouseOpen(FILE), "Nothing was changed", "Close it"),
    (ReadCancelled(), "What came is kept", "run again"),
    (WarehouseTooNew(FILE, 3, 2), "Nothing was changed", "Install the newer"),
    (
        BrokenSql(Path("sql/core/x.sql"), 3, "no such table"),
        "The last published file is unchanged",
        "Fix the file",
    ),
    (
        BrokenSeed(Path("sql/seeds/x.csv"), 3, "7 in rate is no share"),
        "The last published file is unchanged",
        "Fix the file",
    ),
    (NotPublished(Path("data/acme.duckdb")), "does not exist yet", "Run `p4books sync`"),
    (
        CheckFailed("two sums agree", 12, ["net: 1.00", "net: 2.00"]),
        "the last published file is unchanged",
        "`p4books report`",
    ),
    (NotWritten(Path("out/x.csv"), "disk full"), "is unchanged", "another path"),
    (DiskTrouble(FILE, "disk full"), "What was published stands", "the next run goes on"),
    (OutOfMemory("4 GB used"), "What was published stands", "the next run goes on"),
    (LoadFailed("no such table"), "the last whole copy stands", "Run again"),
]

# Bases, and those whose whole sentence is written where they are raised.
BARE = {P4BooksError, ApiError}
BARE |= {SettingsError, UsageError, QueryFailed, NoPicture}

TRY_LATER = {AlreadyRunning}
WRONG_WORDS = BARE - {P4BooksError, ApiError}

CLASSES: set[type[P4BooksError]] = {
    found
    for module in (errors,)
    for _, found in inspect.getmembers(module, inspect.isclass)
    if issubclass(found, P4BooksError)
}


def test_none_is_forgotten() -> None:
    """Every class of error is in the lists above."""
    assert {type(error) for error, _, _ in SAID} | BARE == CLASSES


@pytest.mark.parametrize(
    ("error", "untouched", "now"), SAID, ids=[type(case[0]).__name__ for case in SAID]
)
def test_sentence(error: P4BooksError, untouched: str, now: str) -> None:
    """An error says in full sentences what was left untouched and what to do now."""
    said = str(error)

    assert untouched in said
    assert now in said
    assert said.endswith(".")
    assert not re.search(r"\s\s|\.\.|None|\{", said)


def test_what_happened() -> None:
    """An error says what happened, with its numbers."""
    assert str(Incomplete("invoices", 1500, 1400, held=True)) == (
        "invoices: P4 Books announced 1,500 rows and gave 1,400. What came was loaded and nothing "
        "was closed. Run again; if it stays so, see `p4books check`."
    )
    assert str(BadAnswer("invoices", 3, "an HTML page")).startswith(
        "invoices: P4 Books answered page 3 with an HTML page."
    )


@pytest.mark.parametrize("kind", sorted(CLASSES, key=str))
def test_exit_code(kind: type[P4BooksError]) -> None:
    """A command ends with 75 where trying later helps, 2 where words are wrong, else with 1."""
    expected = 75 if kind in TRY_LATER else 2 if kind in WRONG_WORDS else 1

    assert kind.exit_code == expected
