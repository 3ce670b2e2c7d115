"""Statements of account as PDF, laid out by Typst.

The file is PDF/A-2u (ISO 19005-2), which an archive accepts: its fonts are embedded, and a letter
that no font has is an error instead of a box. Typst brings Libertinus Serif (SIL Open Font License)
for Latin, Greek, Cyrillic and Hebrew; other letters come from the fonts of the machine.
"""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from p4books.errors import LetterMissing, UsageError
from p4books.publish.language import Language, format_amount
from p4books.publish.statements.content import COLUMNS, Cell, Section, Statement

if TYPE_CHECKING:
    from typst import Compiler

_TEMPLATE = Path(__file__).with_name("statement.typ")
_LONG_WORD = re.compile(r"\S{25,}")  # may be wider than its column
_LONG_CODE = re.compile(r"\S{13,}")
_MAX_RUNNING = 50  # characters of a name at the top of the second and later pages
_PART = re.compile(r".{8}(?=.)")
_MISSING = re.compile(r"the text `\"(.+?)\"` could not be displayed")


def require_typst() -> None:
    """Raise UsageError unless the package that makes PDF files is installed."""
    if find_spec("typst") is None:
        raise UsageError(
            "PDF files need a package that is not installed (typst). No statement was written. "
            "Install it with: pip install 'p4books[statements]', or add --format xlsx."
        )


def write_pdf(statement: Statement, path: Path, written_at: datetime) -> None:
    """Write a statement as PDF; the same content and instant give the same bytes.

    Raises LetterMissing if no font has a letter of it, and OSError.
    """
    from typst import TypstError  # noqa: PLC0415 - an extra, and 80 MB

    inputs = {"statement": json.dumps(_describe(statement), ensure_ascii=False)}
    try:
        pdf = _create_compiler().compile(
            format="pdf",
            sys_inputs=inputs,
            pdf_standards="a-2u",
            pdf_tags=False,  # ten times the time and size of a long statement
            timestamp=int(written_at.timestamp()),
        )
    except TypstError as error:
        if missing := _MISSING.search(str(error.message)):
            raise LetterMissing(_unescape(missing[1])) from None
        raise
    path.write_bytes(cast(bytes, pdf))


def _unescape(text: str) -> str:
    """Return a text that Typst shows as a string of its own, such as `\\u{3fffd}`."""
    return re.sub(r"\\u\{(\w+)\}", lambda code: chr(int(code[1], 16)), text)


@cache
def _create_compiler() -> "Compiler":
    """Create the compiler of the layout; finding fonts takes longer than most statements."""
    import typst  # noqa: PLC0415 - an extra, and 80 MB

    return typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=typst.Fonts())


def _describe(statement: Statement) -> dict[str, Any]:
    """Return what the layout shows, as texts."""
    account, language = statement.account, statement.language
    return {
        "language": language.code,
        "words": statement.labels,
        "title": statement.title,
        "running_title": _make_running_title(statement),
        "company": _break_words(statement.letterhead.company),
        "company_details": [_break_words(line) for line in statement.letterhead.details],
        "as_of": language.day(statement.as_of_on),
        "customer": _break_words(account.customer.name),
        "address": [_break_words(line) for line in account.customer.address],
        "facts": [[label, _break_words(value)] for label, value in statement.facts],
        "currency": account.currency,
        "balance_label": statement.balance_label,
        "balance": format_amount(abs(account.balance)),
        "total": format_amount(account.balance),
        "overdue": format_amount(account.overdue) if account.overdue > 0 else "",
        "ages": [[label, format_amount(amount)] for label, amount in statement.ages],
        "columns": [statement.labels[name] for name in COLUMNS],
        "sections": [_describe_section(section, language) for section in statement.sections],
    }


def _make_running_title(statement: Statement) -> str:
    """Return the line at the top of the second and later pages."""
    names = (statement.letterhead.company, statement.account.customer.name)
    sender, customer = (
        name if len(name) <= _MAX_RUNNING else f"{name[: _MAX_RUNNING - 1]}…" for name in names
    )
    return f"{sender} · {statement.labels['statement']} · {customer}"


def _describe_section(section: Section, language: Language) -> dict[str, Any]:
    return {
        "title": section.title,
        "overdue": section.is_overdue,
        "rows": [[_format_cell(cell, language) for cell in row] for row in section.rows],
        "total_label": section.total_label,
        "total": format_amount(section.total),
    }


def _format_cell(cell: Cell, language: Language) -> str:
    match cell:
        case None:
            return ""
        case Decimal():
            return format_amount(cell)
        case date():
            return language.day(cell)
        case int():
            return f"{cell:,}"
    return _break_words(cell, _LONG_CODE)


def _break_words(text: str, long_word: re.Pattern[str] = _LONG_WORD) -> str:
    """Let words that are too long for a line break anywhere, at places that nobody sees."""
    return long_word.sub(lambda word: _PART.sub(lambda part: f"{part[0]}\u200b", word[0]), text)
