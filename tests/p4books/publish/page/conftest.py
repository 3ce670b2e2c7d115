"""Fixtures: pages of hand-written books, and what is in them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from p4books.publish.language import LANGUAGES, Language
from p4books.publish.page.content import PageContent, load_content
from p4books.publish.page.options import PageOptions
from p4books.publish.page.write import render_page
from p4books.publish.query import open_published

NOW = datetime(2026, 6, 30, 17, 5, tzinfo=UTC)  # minutes after the books were read
OPTIONS = {
    code: PageOptions(Language(code), now=NOW, interval=timedelta(minutes=15)) for code in LANGUAGES
}
CURRENCIES = {"en": None, "es": "USD"}  # of the pages, by language; None means both


_WITHOUT_END = {"meta", "link", "img"}


@dataclass
class ReadCell:
    """A cell as a person reads it; `value` is the number or the day that programs read."""

    text: str = ""
    value: str | None = None


@dataclass
class ReadTable:
    """A table under a heading: labels, rows, the row of totals, and the notes below."""

    title: str
    labels: list[str] = field(default_factory=list)
    rows: list[list[ReadCell]] = field(default_factory=list)
    total: list[ReadCell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class ReadPart:
    """Everything of one currency: headlines, and tables by their titles."""

    headlines: list[list[ReadCell]] = field(default_factory=list)
    tables: dict[str, ReadTable] = field(default_factory=dict)


class ReadPage(HTMLParser):
    """A page, read as a browser would: parts, pictures, elements by tag, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.parts: list[ReadPart] = []
        self.tags: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.pictures: list[dict[str, str | None]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self._cell: ReadCell | None = None
        self._table = ReadTable("")
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes.append(given)
        if tag == "img":
            self.pictures.append(given)
        if tag in _WITHOUT_END:
            return
        self._open.append(tag)
        self._begin_part(tag)
        if tag in {"td", "th", "dt", "dd"} and self.parts:
            self._cell = ReadCell()
        if tag in {"data", "time"} and self._cell:
            self._cell.value = given["value"] if tag == "data" else given["datetime"]

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag in _WITHOUT_END:
            return
        assert self._open.pop() == tag
        cell, self._cell = self._cell, None if tag in {"td", "th", "dt", "dd"} else self._cell
        if tag == "h3":
            self.parts[-1].tables[self._table.title] = self._table
        if tag in {"dt", "dd"} and cell:
            self.parts[-1].headlines[-1].append(cell)
        if tag in {"td", "th"} and cell:
            if "thead" in self._open:
                self._table.labels.append(cell.text)
            elif "tfoot" in self._open:
                self._table.total.append(cell)
            else:
                self._table.rows[-1].append(cell)

    def _begin_part(self, tag: str) -> None:
        if tag == "article":
            self.parts.append(ReadPart())
        elif tag == "h3":
            self._table = ReadTable("")
        elif tag == "dt":
            self.parts[-1].headlines.append([])
        elif tag == "tr" and "tbody" in self._open:
            self._table.rows.append([])

    def handle_data(self, data: str) -> None:
        """Keep a text where it is."""
        text = data.strip()
        if not text or self._open[-1:] in (["style"], ["script"]):
            return
        self.texts.append(text)
        if self._cell:
            self._cell.text += text
        elif self._open[-1:] == ["h3"]:
            self._table.title += text
        elif self._open[-1:] == ["p"] and self.parts:
            self._table.notes.append(text)


Contents = dict[str, PageContent]
WritePage = Callable[[PageContent], str]


@pytest.fixture(scope="session")
def contents(fixed_file: Path) -> Contents:
    """What the pages say by language: the English one in both currencies of the books."""
    with open_published(fixed_file) as con:
        return {
            code: load_content(con, replace(options, currency=CURRENCIES[code]))
            for code, options in OPTIONS.items()
        }


@pytest.fixture(scope="session")
def files(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages as files, by language."""
    folder = tmp_path_factory.mktemp("pages")
    files = {code: folder / f"{code}.html" for code in contents}
    for code, file in files.items():
        file.write_text(render_page(contents[code]), encoding="utf-8")
    return files
