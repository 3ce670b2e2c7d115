"""Files of statements of account, and their list."""

import csv
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.errors import NotWritten, UsageError
from p4books.publish.language import Language
from p4books.publish.statements.content import Letterhead
from p4books.publish.statements.write import StatementOptions, write_statements

MakeOptions = Callable[..., StatementOptions]


@pytest.fixture
def options(tmp_path: Path) -> MakeOptions:
    """Make options for the folder `out` of the test."""

    def make(kind: str = "xlsx") -> StatementOptions:
        folder = tmp_path / "new" / "out"
        return StatementOptions(kind, folder, 0o640, Language("es"), Letterhead("Istmo"))

    return make


@pytest.mark.parametrize("kind", ["pdf", "xlsx"])
def test_files(published: Path, options: MakeOptions, kind: str) -> None:
    """There is a file per customer and currency, and a list with addresses and amounts."""
    written = write_statements(published, ["C-1"], options(kind))

    folder = options().folder
    names = [f"C-1-Optica-Nandu-Cia-S-A.{money}.2026-03-31.{kind}" for money in ("EUR", "USD")]
    assert [each.file for each in written.statements] == [folder / name for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "manifest.csv"])
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}
    assert written.manifest == folder / "manifest.csv"
    with written.manifest.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file))[1] == {
            "customer_id": "1",
            "customer_code": "C-1",
            "customer_name": "Óptica “Ñandú” & Cía., S.A.",
            "email": "pagos@nandu.example",
            "file": names[1],
            "as_of_on": "2026-03-31",
            "currency": "USD",
            "overdue": "55.00",
            "balance": "1289.50",
        }


def test_names_that_excel_would_calculate(
    published: Path, options: MakeOptions, tmp_path: Path
) -> None:
    """Opening the list in Excel runs no formula that a customer is called."""
    change = (
        "update core.dim_customer set customer_name = '=1+1', email = '+1@x.example';"
        "update reporting.ar_aging set currency = '=2+2'"
    )
    copy = copy_books(published, tmp_path, change)

    write_statements(copy, ["C-1"], options())

    with (options().folder / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["customer_name"], row["email"]) == ("'=1+1", "'+1@x.example")
    assert row["currency"] == "'=2+2"


def test_odd_names(published: Path, options: MakeOptions, tmp_path: Path) -> None:
    """A file name has only what every system and mail allows; two accounts never share one."""
    copy = copy_books(
        published,
        tmp_path,
        "update core.dim_customer set customer_code = '../../etc', customer_name = '¿?电'",
    )

    written = write_statements(copy, [], options())

    names = [each.file.name for each in written.statements]
    assert sorted(names) == [
        "etc-2.USD.2026-03-31.xlsx",
        "etc.EUR.2026-03-31.xlsx",
        "etc.USD.2026-03-31.xlsx",
    ]
    assert {path.parent for path in (each.file for each in written.statements)} == {
        options().folder
    }


def test_letter_that_no_font_has(published: Path, options: MakeOptions, tmp_path: Path) -> None:
    """The statement is a workbook instead, which the list and a note say."""
    copy = copy_books(
        published,
        tmp_path,
        "update core.dim_customer set customer_name = 'a\U0003fffdb' where customer_id = '2'",
    )

    written = write_statements(copy, ["c-2"], options("pdf"))

    (statement,) = written.statements
    assert statement.file.name == "c-2-ab.USD.2026-03-31.xlsx"
    assert statement.file.exists()
    (note,) = written.notes
    assert note.startswith(f"{statement.file.name}: No font on this machine has '\U0003fffd', so")
    assert statement.file.name in (options().folder / "manifest.csv").read_text()


def test_nothing_to_write(published: Path, options: MakeOptions) -> None:
    """Without open items the list is empty, so that nobody gets a statement of the run before."""
    write_statements(published, ["C-1"], options())

    written = write_statements(published, ["C-3"], options())

    assert written.statements == ()
    assert written.notes == ("Pagado (3) has nothing open, so there is no statement.",)
    with written.manifest.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == []


@pytest.mark.parametrize("words", [["C-1"], []])
def test_balance_that_is_too_large(
    published: Path, options: MakeOptions, tmp_path: Path, words: list[str]
) -> None:
    """What has more digits than an amount is stated by nobody, which a note says."""
    change = "update reporting.ar_aging set balance = null, overdue = null where currency = 'USD'"
    copy = copy_books(published, tmp_path, change)

    written = write_statements(copy, words, options())

    assert "USD" not in {each.account.currency for each in written.statements}
    owes = "Óptica “Ñandú” & Cía., S.A. (1) owes more in USD than an amount can hold, so"
    assert any(note.startswith(owes) for note in written.notes)


def test_all_or_nothing(published: Path, options: MakeOptions) -> None:
    """If one file cannot be placed, none is replaced."""
    folder = options().folder
    (folder / "manifest.csv").mkdir(parents=True)
    old = folder / "C-1-Optica-Nandu-Cia-S-A.EUR.2026-03-31.xlsx"
    old.write_text("old")

    with pytest.raises(NotWritten, match="it exists and is not a file"):
        write_statements(published, ["C-1"], options())

    assert old.read_text() == "old"
    assert sorted(folder.iterdir()) == [old, folder / "manifest.csv"]


def test_unknown_customer(published: Path, options: MakeOptions) -> None:
    """If one of several names is unknown, nothing is written."""
    with pytest.raises(UsageError, match="Unknown customer 'X-77'"):
        write_statements(published, ["C-1", "X-77"], options())

    assert not options().folder.exists()


def copy_books(published: Path, folder: Path, change: str) -> Path:
    """Copy the published file and change it."""
    copy = folder / "acme.duckdb"
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(copy) as con:
        con.execute(change)
    return copy
