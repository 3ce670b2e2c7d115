"""The page as one file, which needs no server, no network and nothing beside it.

Its policy lets a browser run its own script and apply its own style, both by their hashes, and
fetch nothing. Every text of the books is escaped by the template.
"""

import textwrap
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from p4books.errors import QueryFailed, UsageError
from p4books.publish.language import format_amount
from p4books.publish.page.options import PageOptions

if TYPE_CHECKING:  # charts take a second to import
    from p4books.publish.page.content import PageContent

_PACKAGES = ("altair", "jinja2", "vl_convert")  # the extra p4books[page]
_FOLDER = Path(__file__).parent
_MAX_RUNNING = 60  # characters of a name on top of a sheet of paper
_STALE_DAYS = 1  # that a page may be old when it is opened before it says so


@dataclass(frozen=True)
class WrittenPage:
    """A page that was written: its currencies and its size in bytes."""

    currencies: tuple[str, ...]
    bytes: int


def require_page() -> None:
    """Raise UsageError unless the packages that draw the page are installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"The page needs packages that are not installed ({', '.join(missing)}). Nothing was "
            "written. Install them with: pip install 'p4books[page]'."
        )


def write_page(con: duckdb.DuckDBPyConnection, path: Path, options: PageOptions) -> WrittenPage:
    """Write the page of a published file, all from one connection, to a new file.

    Raises UsageError without the packages or if there is no such currency, QueryFailed if the file
    lacks what the figures read, as one of an older p4books may, and OSError.
    """
    require_page()
    from p4books.publish.page.content import load_content  # noqa: PLC0415 - imports charts

    try:
        content = load_content(con, options)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        why = str(error).splitlines()[0]
        raise QueryFailed(
            f"The published file lacks what the page shows ({why}). Nothing was written. "
            "Run `p4books report`."
        ) from None
    page = render_page(content)
    path.write_text(page, encoding="utf-8")
    return WrittenPage(tuple(part.currency for part in content.parts), len(page.encode()))


def render_page(content: "PageContent") -> str:
    """Render what the page says as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - an extra
    from markupsafe import Markup  # noqa: PLC0415 - comes with it

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    paper_rows = {
        block.table.paper_rows
        for part in content.parts
        for section in part.sections
        for block in section.blocks
    }
    style = environment.get_template("page.css").render(
        paper_rows=sorted(paper_rows),
        running_title=Markup(_quote_css(_make_running_title(content))),  # noqa: S704 - escaped
    )
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        content=content,
        word=content.language.word,
        style=Markup(style),  # noqa: S704 - our own file, with numbers in it
        script=Markup(script),  # noqa: S704 - our own file
        policy="; ".join(
            (
                "default-src 'none'",
                f"style-src {_hash(style)}",
                f"script-src {_hash(script)}",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
            )
        ),
        amount=format_amount,
        stale_days=_STALE_DAYS,
    )


def _make_running_title(content: "PageContent") -> str:
    """Return the line on top of the second sheet of paper and those after it."""
    return (
        f"{textwrap.shorten(content.heading, _MAX_RUNNING, placeholder='…')} · {content.lines[0]}"
    )


def _quote_css(text: str) -> str:
    """Return a text as a string of CSS, with everything but letters and digits as escapes."""
    escaped = (char if char.isalnum() else f"\\{ord(char):x} " for char in text)
    return f'"{"".join(escaped)}"'


def _hash(text: str) -> str:
    digest = b64encode(sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
