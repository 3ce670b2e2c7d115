"""What does one SQL file say?

Its first lines are comments: what a row is; then, as `-- word: text`, its key, its section of the
documentation, how it is sorted, a question and the query that answers it. What it reads is read
from the SQL itself.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from pathlib import Path

from p4books.warehouse.errors import BrokenSql

LAYERS = ("raw", "staging", "core", "reporting", "custom")  # a model reads its own or a lower one
CUSTOM = "custom"  # the user's own; a broken one of these stops nothing
SECTIONS = ("Receivables and cash", "ITBMS", "Sales", "Customers", "Orders", "Trust")  # of reports
NAME = re.compile(r"[a-z][a-z0-9_]*")  # of a model: no query needs to quote it


@dataclass(frozen=True)
class Model:
    """One file of sql/, in which `reads` are named, as schema.name.

    `key` are the columns that tell its rows apart, `sorted_by` the order in which people want them;
    `query` answers `question`. `columns` says what its columns mean, by their names. `section` is
    one of SECTIONS. An intermediate model is not `published`: others read it while they are made.
    """

    layer: str
    name: str
    file: Path
    sql: str
    grain: str
    reads: frozenset[str]
    key: tuple[str, ...] = ()
    sorted_by: str = ""
    question: str = ""
    query: str = ""
    section: str = ""
    published: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def full(self) -> str:
        """Return its name with its schema."""
        return f"{self.layer}.{self.name}"


def parse(layer: str, file: Path, meanings: Mapping[str, str]) -> Model:
    """Read one model. Raises BrokenSql where the file is not one select with its grain above."""
    if not NAME.fullmatch(file.stem):
        raise BrokenSql(file, 1, "a model's name has small letters, digits and underscores only")
    try:
        sql = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    lines = sql.splitlines()
    if not lines or not lines[0].startswith("-- "):
        raise BrokenSql(file, 1, "the first line is not the grain: `-- One row per …`")
    words = _words(lines[1:])
    _check_words(layer, file, sql, words)
    prefix = f"{layer}.{file.stem}."
    own = {
        name.removeprefix(prefix): text
        for name, text in meanings.items()
        if name.startswith(prefix)
    }
    return Model(
        layer=layer,
        name=file.stem,
        file=file,
        sql=sql.rstrip().rstrip(";"),
        grain=lines[0].removeprefix("-- "),
        reads=_reads(sql, file),
        key=tuple(part.strip() for part in words.get("key", "").split(",") if part.strip()),
        sorted_by=words.get("order", words.get("key", "")),
        question=words.get("question", ""),
        query=words.get("query", ""),
        section=words.get("section", ""),
        published=layer == CUSTOM or words.get("published", "yes") == "yes",
        columns={**meanings, **own},
    )


def _words(lines: Iterable[str]) -> dict[str, str]:
    """Read `-- word: text` from the comments on top; `--   more` goes on with the text."""
    found: dict[str, str] = {}
    word = ""
    for line in takewhile(lambda each: each.startswith("--"), lines):
        if match := re.match(r"-- (\w+):(?: |$)(.*)", line):
            word = match.group(1)
            found[word] = match.group(2).strip()
        elif word and line.startswith("--   "):
            found[word] = f"{found[word]} {line[2:].strip()}".strip()
        else:
            word = ""
    return found


def _check_words(layer: str, file: Path, sql: str, words: Mapping[str, str]) -> None:
    if layer == CUSTOM:
        return
    section = words.get("section")
    if section is not None and (layer != "reporting" or section not in SECTIONS):
        why = f"no section of {layer} is {section!r}; those of reporting are {', '.join(SECTIONS)}"
        raise BrokenSql(file, _line(sql, "^-- section:"), why)
    if words.get("published", "yes") not in {"yes", "no"}:
        raise BrokenSql(file, _line(sql, "^-- published:"), "published is `yes` or `no`")


@cache  # to parse it takes 20 ms, and a process may publish the same models more than once
def _reads(sql: str, file: Path) -> frozenset[str]:
    import sqlglot  # noqa: PLC0415 - 0.3 s that a run without news need not wait for
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415

    try:
        statements = [part for part in sqlglot.parse(sql, dialect="duckdb") if part]
    except ParseError as error:
        fault = error.errors[0] if error.errors else {}
        why = f"{fault.get('description', 'not SQL')} near {fault.get('highlight', '')!r}"
        raise BrokenSql(file, fault.get("line") or 1, why) from None
    except TokenError as error:
        raise BrokenSql(file, 1, str(error).splitlines()[0]) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BrokenSql(file, 1, "the file is not one select")
    tables = [*statements[0].find_all(exp.Table)]
    local = {cte.alias.lower() for cte in statements[0].find_all(exp.CTE)}
    for table in tables:
        plain = isinstance(table.this, exp.Identifier) and re.fullmatch(r"\w+", table.name)
        if plain and not table.db and table.name.lower() not in local:
            why = f"{table.name} names no layer: write it before, as in staging.invoices"
            raise BrokenSql(file, _line(sql, rf"(?:from|join)\s+{table.name}\b"), why)
    return frozenset(f"{table.db}.{table.name}".lower() for table in tables if table.db)


def line_of(model: Model, word: str) -> int:
    """Return the line of a model's file in which a word first stands, its header aside."""
    header = re.match(r"(?:--.*\n)*", model.sql)
    return _line(model.sql, rf"\b{re.escape(word)}\b", header.end() if header else 0)


def line_of_header(model: Model, word: str) -> int:
    """Return the line on which a word of a model's header stands."""
    return _line(model.sql, rf"^-- {word}:")


def _line(sql: str, pattern: str, start: int = 0) -> int:
    found = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(sql, start)
    return sql.count("\n", 0, found.start()) + 1 if found else 1
