"""Read-only queries against the published file and its catalogue."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from p4books.errors import NotPublished, QueryFailed, describe_unknown
from p4books.storage.database import quote_identifier
from p4books.transform.models import LAYERS

BATCH = 2_000  # rows that are in memory at a time, where they need not all be


def open_published(published: Path) -> duckdb.DuckDBPyConnection:
    """Open the published file: read-only, shut off from every other file and from the network.

    Raises NotPublished, and QueryFailed where the file can't be opened.
    """
    if not published.exists():
        raise NotPublished(published)
    try:
        con = duckdb.connect(published, read_only=True)
        _lock_down(con)
    except duckdb.Error as error:
        raise QueryFailed(f"{published} cannot be opened: {_first_line(error)}") from None
    return con


def execute_query(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """Run one statement and return the connection, on which its rows wait to be fetched.

    Raises QueryFailed with what DuckDB says, and where it is no statement or more than one.
    """
    if not sql.strip(" \t\n;"):
        raise QueryFailed("The query is empty; nothing was run.")
    if _is_more_than_one(sql):
        raise QueryFailed("This is more than one statement; nothing was run. Ask one at a time.")
    try:
        return con.execute(sql)
    except duckdb.CatalogException as error:
        raise QueryFailed(f"The query was not run: {_add_hint(con, str(error))}") from None
    except duckdb.Error as error:
        raise QueryFailed(f"The query was not run: {str(error).strip()}") from None


def fetch_rows(answer: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Fetch the rows that wait on a connection, a few at a time. Raises QueryFailed."""
    try:
        while found := answer.fetchmany(BATCH):
            yield from found
    except duckdb.Error as error:
        raise describe_interrupted(error) from None


def result_columns(answer: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the columns of the rows that wait on a connection."""
    return [column[0] for column in answer.description or ()]


def run_query(published: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a query and return the names of its columns and its rows.

    Raises NotPublished, and QueryFailed with what DuckDB says.
    """
    with open_published(published) as con:
        answer = execute_query(con, sql)
        return result_columns(answer), list(fetch_rows(answer))


def describe_interrupted(error: Exception) -> QueryFailed:
    """Say that a query failed after it gave its first rows."""
    told = str(error).strip().rpartition("pending query result\nError: ")[2]
    if "INTERRUPT" in told:  # a thread was stopped, before the one that failed could say why
        told = "one of its rows cannot be computed."
    return QueryFailed(f"The query was not answered to its end: {told}")


def _is_more_than_one(sql: str) -> bool:
    """Tell whether anything stands after a semicolon; a comment is nothing."""
    written = sql.encode()
    ended = False
    for place, _ in duckdb.tokenize(sql):
        ends = written[place : place + 1] == b";"
        if ended and not ends:
            return True
        ended |= ends
    return False


def _add_hint(con: duckdb.DuckDBPyConnection, said: str) -> str:
    """Name the nearest model where a table is missing and DuckDB does not name one."""
    missing = re.search(r'Table with name "?([^" ]+)"? does not exist', said)
    if not missing:
        return said.strip()
    models = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'main'"
    ).fetchall()
    if any(f'"{each}"' in said or f'"{each.partition(".")[2]}"' in said for (each,) in models):
        return said.strip()
    unknown = describe_unknown(
        "table", missing.group(1), [each for (each,) in models], "`p4books models` lists them."
    )
    return f"{unknown}\n{said.strip()}"


def _lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """Shut it off; readers of one process share a database, that the first one locks for all."""
    (locked,) = con.execute("select current_setting('lock_configuration')").fetchone() or (False,)
    if not locked:
        con.execute("set global TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


@dataclass(frozen=True)
class CatalogEntry:
    """A model as the published file tells it; `rows` is how many it has."""

    layer: str
    model: str
    grain: str
    key: str
    sorted_by: str
    question: str
    query: str
    reads: str
    rows: int

    @property
    def full(self) -> str:
        """Return its name with its schema."""
        return f"{self.layer}.{self.model}"

    @property
    def source(self) -> str:
        """Return what stands after `from`."""
        return f"{self.layer}.{quote_identifier(self.model)}"

    @property
    def order(self) -> str:
        """Return what stands after `order by`: the order people want, the same every time."""
        key = [quote_identifier(column) for column in self.key.split(", ") if column]
        return ", ".join(filter(None, [self.sorted_by, *key])) or "all"

    def select(self, told: str = "*") -> str:
        """Return the query for all its rows, sorted, with what is `told` of each."""
        return f"select {told} from {self.source} order by {self.order}"


@dataclass(frozen=True)
class CatalogColumn:
    """A column of a model; its type is DuckDB's."""

    name: str
    type: str
    meaning: str


def list_models(con: duckdb.DuckDBPyConnection) -> list[CatalogEntry]:
    """List the models, layer by layer. Raises QueryFailed where the file has no catalogue."""
    try:
        found = con.execute(
            "select layer, model, grain, key, sorted_by, question, query, reads, rows"
            " from main.catalogue order by model"
        ).fetchall()
    except duckdb.CatalogException:
        raise QueryFailed(
            "The published file is of an older p4books and has no catalogue. Run `p4books report`."
        ) from None
    return sorted((CatalogEntry(*row) for row in found), key=lambda each: LAYERS.index(each.layer))


def read_about(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Read what the file is: whose, as of when, when it was made, and which lists it lacks."""
    row = con.execute("from main.about").fetchone() or ()
    told = {column[0]: value for column, value in zip(con.description or (), row, strict=True)}
    try:
        missing = con.execute("select missing_lists from core.as_of").fetchone()
    except duckdb.CatalogException:  # a file of other models than ours
        missing = None
    return {**told, "missing_lists": missing[0] if missing else ""}


def choose_models(models: Sequence[CatalogEntry], words: Sequence[str]) -> list[CatalogEntry]:
    """Give the models that words name: a model, with or without its layer, or a whole layer.

    Raises QueryFailed where a word names none, or one in two layers.
    """
    found: dict[str, CatalogEntry] = {}
    for word in words:
        named = [each for each in models if word.lower() == each.layer]
        found |= {each.full: each for each in named or [find_model(models, word)]}
    return list(found.values())


def find_model(models: Sequence[CatalogEntry], word: str) -> CatalogEntry:
    """Give the one model that a word names. Raises QueryFailed where there is none, or two."""
    meant = word.lower().replace("-", "_")
    found = [each for each in models if meant in {each.model.lower(), each.full.lower()}]
    if len(found) > 1:
        raise QueryFailed(f"{word} is in two layers; say {' or '.join(m.full for m in found)}.")
    if not found:
        known = [each.full if "." in word else each.model for each in models]
        raise QueryFailed(describe_unknown("model", word, known, "`p4books models` lists them."))
    return found[0]


def query_model(
    con: duckdb.DuckDBPyConnection, model: CatalogEntry, told: str = "*"
) -> duckdb.DuckDBPyConnection:
    """Ask for the rows of a model, sorted, with what is `told` of each.

    Returns the connection, on which they wait. Raises QueryFailed, which names the model.
    """
    try:
        return execute_query(con, model.select(told))
    except QueryFailed as fault:
        raise QueryFailed(f"{model.full}: {fault}") from None


def list_columns(con: duckdb.DuckDBPyConnection, model: CatalogEntry) -> list[CatalogColumn]:
    """List the columns of a model, with what they mean."""
    return [
        CatalogColumn(*row)
        for row in con.execute(
            "select column_name, data_type, coalesce(comment, '') from duckdb_columns()"
            " where schema_name = ? and table_name = ? order by column_index",
            [model.layer, model.model],
        ).fetchall()
    ]
