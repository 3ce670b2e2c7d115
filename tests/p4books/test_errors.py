"""What may go wrong?"""

import inspect
import re
from pathlib import Path

import pytest

from p4books import errors
from p4books.errors import P4BooksError
from p4books.warehouse import errors as warehouse

FILE = Path("data/.private/acme/warehouse.duckdb")

# Each error, what it says was left as it was, and what it says to do now.
SAID: list[tuple[P4BooksError, str, str]] = [
    (errors.AlreadyRunning("acme"), "touched nothing", "try again"),
    (errors.KeyRefused("acme"), "stands untouched", "Make a new key"),
    (errors.RightMissing("vendors"), "the other lists go on", "Give the key that right"),
    (
        errors.NotFound("vendors", "https://acme.p4books.com/api/v1/vendors"),
        "Nothing was changed",
        "Check the settings `tenant` and `base_url`",
    ),
    (
        errors.Unreachable("vendors", "acme.p4books.com", "its name is not known"),
        "What is held of it stands",
        "Check the setting `tenant` and the network",
    ),
    (errors.BadAnswer("vendors", 3, "an HTML page"), "What is held of it stands", "Run again"),
    (errors.Refused("vendors", 3, 418), "What is held of it stands", "`p4books check`"),
    (errors.Refused("vendors", 1, 422), "of it stands", "Lower the setting `page_size`"),
    (
        errors.Redirected("acme.p4books.com", "https://evil.example"),
        "nothing was changed",
        "put it into the setting `base_url`",
    ),
    (errors.Incomplete("vendors", 1500, 1400, held=True), "nothing was closed", "Run again"),
    (errors.Incomplete("vendors", 1500, 1400, held=False), "Nothing was loaded", "Run again"),
    (errors.TooManyGone("vendors", 60, 100), "Not one was closed", "sync --allow-gone vendors"),
    (errors.PageIgnored("vendors", "page"), "Nothing was changed", "Set `page_param`"),
    (errors.LoadMismatch("vendors", 1500, 1400), "the last whole copy stands", "Run again"),
    (errors.WarehouseDamaged(FILE, "no header"), "Nothing was changed", "Put one of the earlier"),
    (errors.WarehouseOpen(FILE), "Nothing was changed", "Close it"),
    (errors.Abandoned(), "What came is kept", "run again"),
    (errors.WarehouseTooNew(FILE, 3, 2), "Nothing was changed", "Install the newer"),
    (
        warehouse.BrokenSql(Path("sql/core/x.sql"), 3, "no such table"),
        "The last published file stays",
        "Mend the file",
    ),
    (
        warehouse.BrokenSeed(Path("sql/seeds/x.csv"), 3, "7 in rate is no share"),
        "The last published file stays",
        "Mend the file",
    ),
    (warehouse.NotPublished(Path("data/acme.duckdb")), "does not exist yet", "Run `p4books sync`"),
    (
        warehouse.CheckFailed("two sums agree", 12, ["net: 1.00", "net: 2.00"]),
        "the last published file stays",
        "`p4books report`",
    ),
    (warehouse.NotWritten(Path("out/x.csv"), "disk full"), "is untouched", "another place"),
    (errors.DiskTrouble(FILE, "disk full"), "What was published stands", "the next run goes on"),
    (errors.OutOfMemory("4 GB used"), "What was published stands", "the next run goes on"),
    (errors.LoadFailed("no such table"), "the last whole copy stands", "Run again"),
]

# Bases, and those whose whole sentence is written where they are raised.
BARE = {errors.P4BooksError, errors.ApiError}
BARE |= {errors.SettingsError, errors.UsageError, warehouse.QueryFailed, warehouse.NoPicture}

TRY_LATER = {errors.AlreadyRunning}
WRONG_WORDS = BARE - {errors.P4BooksError, errors.ApiError}

CLASSES: set[type[P4BooksError]] = {
    found
    for module in (errors, warehouse)
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
    assert str(errors.Incomplete("invoices", 1500, 1400, held=True)) == (
        "invoices: P4 Books announced 1,500 rows and gave 1,400. What came was loaded and nothing "
        "was closed. Run again; if it stays so, see `p4books check`."
    )
    assert str(errors.BadAnswer("invoices", 3, "an HTML page")).startswith(
        "invoices: P4 Books answered page 3 with an HTML page."
    )


@pytest.mark.parametrize("kind", sorted(CLASSES, key=str))
def test_exit_code(kind: type[P4BooksError]) -> None:
    """A command ends with 75 where trying later helps, 2 where words are wrong, else with 1."""
    expected = 75 if kind in TRY_LATER else 2 if kind in WRONG_WORDS else 1

    assert kind.exit_code == expected
