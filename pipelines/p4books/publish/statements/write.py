"""Files of statements of account, and the list of them for a mail merge."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count
from pathlib import Path

from p4books.errors import LetterMissing
from p4books.publish.export import check_target, make_folder, temporary_folder
from p4books.publish.language import Language
from p4books.publish.statements.accounts import Account, read_accounts
from p4books.publish.statements.content import Letterhead, Statement
from p4books.publish.statements.pdf import require_typst, write_pdf
from p4books.storage.files import replace_atomically

STATEMENT_FORMATS = ("pdf", "xlsx")
MANIFEST = "manifest.csv"

_MANIFEST_COLUMNS = (
    *("customer_id", "customer_code", "customer_name", "email", "file"),
    *("as_of_on", "currency", "overdue", "balance"),
)
_MAX_WORDS = 40  # characters of a code or a name in a file name
_FORMULA = re.compile(r"\s*[-+=@\uff0b\uff0d\uff1d\uff20]")  # what a spreadsheet calculates
_MANIFEST_ENCODING = "utf-8-sig"  # Word and Excel take UTF-8 without a mark for another encoding


@dataclass(frozen=True)
class StatementOptions:
    """Options of statements: format (one of STATEMENT_FORMATS), folder, and mode of the files."""

    format: str
    folder: Path
    mode: int
    language: Language
    letterhead: Letterhead


@dataclass(frozen=True)
class WrittenStatement:
    """A statement that was written: its file, and whose account it is."""

    file: Path
    account: Account


@dataclass(frozen=True)
class WrittenStatements:
    """The statements that were written, their list, and notes."""

    statements: tuple[WrittenStatement, ...]
    manifest: Path
    notes: tuple[str, ...]


def write_statements(
    published: Path, words: Sequence[str], options: StatementOptions
) -> WrittenStatements:
    """Write a statement for each account of the customers that words name, by id or code.

    Without words, for each account with an overdue balance. No file is replaced before all are
    complete; the list of files is replaced last, and is empty if there is none. What no font can
    show is written as a workbook. Raises what `read_accounts` raises, UsageError without the
    package for PDF, and NotWritten.
    """
    if options.format == "pdf":
        require_typst()
    found = read_accounts(published, words)
    notes = list(found.notes)
    make_folder(options.folder)
    with temporary_folder(options.folder, options.folder) as scratch:
        files = []
        for account, stem in zip(found.accounts, _file_stems(found.accounts), strict=True):
            statement = Statement(account, found.as_of_on, options.letterhead, options.language)
            path = scratch / f"{stem}.{found.as_of_on}.{options.format}"
            try:
                _write_file(statement, path, found.as_of_at)
            except LetterMissing as error:
                path = path.with_suffix(".xlsx")
                _write_file(statement, path, found.as_of_at)
                notes.append(f"{path.name}: {error}")
            files.append(WrittenStatement(path, account))
        manifest = _write_manifest(scratch / MANIFEST, files, found.as_of_on)
        placed = _move_into_place(files, manifest, options)
    return WrittenStatements(tuple(placed), options.folder / MANIFEST, tuple(notes))


def _write_file(statement: Statement, path: Path, written_at: datetime) -> None:
    if path.suffix == ".pdf":
        write_pdf(statement, path, written_at)
        return
    from p4books.publish.statements.workbook import write_workbook  # noqa: PLC0415 - 0.1 s that only a workbook takes

    write_workbook(statement, path)


def _file_stems(accounts: Sequence[Account]) -> Iterator[str]:
    """Yield a name for the file of each account, safe on every system and for mail."""
    taken: set[str] = set()
    for account in accounts:
        customer = account.customer
        words = (_make_safe(customer.code or customer.customer_id), _make_safe(customer.name))
        stem = "-".join(filter(None, words)) or "customer"
        currency = _make_safe(account.currency)
        name = next(
            f"{variant}.{currency}"
            for variant in _variants(stem)
            if f"{variant}.{currency}".casefold() not in taken
        )
        taken.add(name.casefold())
        yield name


def _variants(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))


def _make_safe(text: str) -> str:
    """Return a text as ASCII letters, digits and single hyphens."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall("[A-Za-z0-9]+", ascii_only)
    return "-".join(words)[:_MAX_WORDS].rstrip("-")


def _move_into_place(
    files: Sequence[WrittenStatement],
    manifest: Path,
    options: StatementOptions,
) -> list[WrittenStatement]:
    placed = [replace(file, file=options.folder / file.file.name) for file in files]
    for path in (*(file.file for file in placed), options.folder / MANIFEST):
        check_target(path, path)
    for new, file in zip(files, placed, strict=True):
        replace_atomically(new.file, file.file, options.mode)
    replace_atomically(manifest, options.folder / MANIFEST, options.mode)
    return placed


def _write_manifest(path: Path, files: Sequence[WrittenStatement], as_of_on: date) -> Path:
    with path.open("w", encoding=_MANIFEST_ENCODING, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_MANIFEST_COLUMNS)
        for each in files:
            account, customer = each.account, each.account.customer
            writer.writerow(
                (
                    *map(_guard, (customer.customer_id, customer.code)),
                    *map(_guard, (customer.name, customer.email)),
                    *(each.file.name, as_of_on, _guard(account.currency)),
                    *(account.overdue, account.balance),
                )
            )
    return path


def _guard(text: str) -> str:
    """Return a text that Excel shows instead of calculating it; Word shows the apostrophe, too."""
    return f"'{text}" if _FORMULA.match(text) else text
