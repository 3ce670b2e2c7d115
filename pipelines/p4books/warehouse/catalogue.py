"""Which models does the published file hold?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from p4books.database import name
from p4books.nearest import nearest
from p4books.warehouse import query
from p4books.warehouse.errors import QueryFailed
from p4books.warehouse.model import LAYERS


@dataclass(frozen=True)
class Listed:
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
        return f"{self.layer}.{name(self.model)}"

    @property
    def order(self) -> str:
        """Return what stands after `order by`: the order people want, the same every time."""
        key = [name(column) for column in self.key.split(", ") if column]
        return ", ".join(filter(None, [self.sorted_by, *key])) or "all"

    def select(self, told: str = "*") -> str:
        """Return the query for all its rows, sorted, with what is `told` of each."""
        return f"select {told} from {self.source} order by {self.order}"


@dataclass(frozen=True)
class Column:
    """A column of a model; its type is DuckDB's."""

    name: str
    type: str
    meaning: str


def listed(con: duckdb.DuckDBPyConnection) -> list[Listed]:
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
    return sorted((Listed(*row) for row in found), key=lambda each: LAYERS.index(each.layer))


def about(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Read what the file is: whose, as of when, when it was made, and which lists it lacks."""
    row = con.execute("from main.about").fetchone() or ()
    told = {column[0]: value for column, value in zip(con.description or (), row, strict=True)}
    try:
        missing = con.execute("select missing_lists from core.as_of").fetchone()
    except duckdb.CatalogException:  # a file of other models than ours
        missing = None
    return {**told, "missing_lists": missing[0] if missing else ""}


def choose(models: Sequence[Listed], words: Sequence[str]) -> list[Listed]:
    """Give the models that words name: a model, with or without its layer, or a whole layer.

    Raises QueryFailed where a word names none, or one in two layers.
    """
    found: dict[str, Listed] = {}
    for word in words:
        named = [each for each in models if word.lower() == each.layer]
        found |= {each.full: each for each in named or [one(models, word)]}
    return list(found.values())


def one(models: Sequence[Listed], word: str) -> Listed:
    """Give the one model that a word names. Raises QueryFailed where there is none, or two."""
    meant = word.lower().replace("-", "_")
    found = [each for each in models if meant in {each.model.lower(), each.full.lower()}]
    if len(found) > 1:
        raise QueryFailed(f"{word} is in two layers; say {' or '.join(m.full for m in found)}.")
    if not found:
        known = [each.full if "." in word else each.model for each in models]
        raise QueryFailed(
            f"There is no model {word}{nearest(meant, known, '`p4books models` lists them.')}"
        )
    return found[0]


def ask(
    con: duckdb.DuckDBPyConnection, model: Listed, told: str = "*"
) -> duckdb.DuckDBPyConnection:
    """Ask for the rows of a model, sorted, with what is `told` of each.

    Returns the connection, on which they wait. Raises QueryFailed, which names the model.
    """
    try:
        return query.ask(con, model.select(told))
    except QueryFailed as fault:
        raise QueryFailed(f"{model.full}: {fault}") from None


def columns(con: duckdb.DuckDBPyConnection, model: Listed) -> list[Column]:
    """List the columns of a model, with what they mean."""
    return [
        Column(*row)
        for row in con.execute(
            "select column_name, data_type, coalesce(comment, '') from duckdb_columns()"
            " where schema_name = ? and table_name = ? order by column_index",
            [model.layer, model.model],
        ).fetchall()
    ]
