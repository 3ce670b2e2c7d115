"""Read-only queries against the published file and its catalogue."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from p4books.errors import NotPublished, QueryFailed, describe_unknown
from p4books.publish.language import LANGUAGES
from p4books.publish.published_file import explain_open_error, locate_file
from p4books.storage.database import open_reader, quote_identifier
from p4books.storage.interrupt import track_connection

BATCH_ROWS = 2_000  # in memory at a time


@dataclass(frozen=True)
class CatalogEntry:
    """A model in the catalogue of the published file; `rows` is how many it has.

    `period` is the column with the day of a list by date, and `totals` names amounts to add up.
    `title`, `question_in` and `grain_in` take one of LANGUAGES.
    """

    layer: str
    model: str
    grain: str
    key: str
    sorted_by: str
    question: str
    query: str
    reads: str
    rows: int
    section: str = ""
    title_en: str = ""
    title_es: str = ""
    question_es: str = ""
    grain_es: str = ""
    period: str = ""
    totals: str = ""

    def title(self, language: str) -> str:
        """Return what people call the model; its full name if that is not known."""
        return (self.title_es if language == "es" else self.title_en) or self.full_name

    def question_in(self, language: str) -> str:
        """Return the question that it answers, in English if there is no other."""
        return (self.question_es if language == "es" else "") or self.question

    def grain_in(self, language: str) -> str:
        """Return what a row is, in English if there is no other sentence."""
        return (self.grain_es if language == "es" else "") or self.grain

    @property
    def full_name(self) -> str:
        """Return the name with its schema, as in core.fct_invoice."""
        return f"{self.layer}.{self.model}"

    @property
    def table(self) -> str:
        """Return the full name as SQL."""
        return f"{self.layer}.{quote_identifier(self.model)}"

    @property
    def total_columns(self) -> list[str]:
        """Return the names of the columns that are added up."""
        return [name for name in self.totals.split(", ") if name]

    @property
    def order(self) -> str:
        """Return the ORDER BY clause that people want, made unambiguous by the key."""
        key = [quote_identifier(column) for column in self.key.split(", ") if column]
        return ", ".join(filter(None, [self.sorted_by, *key])) or "all"

    def select(self, columns: str = "*", condition: str = "") -> str:
        """Return the query for all rows, or those for which a condition holds, sorted."""
        where = f" where {condition}" if condition else ""
        return f"select {columns} from {self.table}{where} order by {self.order}"


@dataclass(frozen=True)
class CatalogColumn:
    """A column of a model, with its DuckDB type; `label` and `describe` take one of LANGUAGES."""

    name: str
    type: str
    meaning: str
    label_en: str = ""
    label_es: str = ""
    meaning_es: str = ""

    def label(self, language: str) -> str:
        """Return what people call the column; its name if that is not known."""
        return (self.label_es if language == "es" else self.label_en) or self.name

    def describe(self, language: str) -> str:
        """Return what it means, in English if there is no other sentence; empty if unknown."""
        return (self.meaning_es if language == "es" else "") or self.meaning


def open_published(published: Path) -> duckdb.DuckDBPyConnection:
    """Open the published file read-only, without access to other files or the network.

    Raises NotPublished if there is none, PublishedFileBlocked if something else is there, and
    PublishedFileUnreadable if it cannot be opened.
    """
    if not locate_file(published).exists():
        raise NotPublished(published)
    try:
        con = track_connection(duckdb.connect(published, read_only=True))
        _lock_down(con)
    except duckdb.Error as error:
        raise explain_open_error(published, error) from None
    return con


@contextmanager
def open_picture(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file as it is now, read-only, for a program that goes on running.

    Everything that is read through the connection is of one file, even if it is replaced meanwhile.
    `open_published` would give such a program the OLD file for as long as any other connection of
    it is open: DuckDB keeps one instance per path in a process. Here each is an instance of its
    own, in memory, that the file is attached to. Raises the errors of `open_published`.
    """
    if not locate_file(published).exists():
        raise NotPublished(published)
    with ExitStack() as stack:
        try:
            con = stack.enter_context(open_reader(published))
            _lock_down(con)
        except duckdb.Error as error:
            raise explain_open_error(published, error) from None
        yield con


def run_query(published: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a query against the published file; return its column names and rows.

    Raises NotPublished and QueryFailed.
    """
    with open_published(published) as con:
        result = execute_query(con, sql)
        return result_columns(result), list(fetch_rows(result))


def execute_query(
    con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] | None = None
) -> duckdb.DuckDBPyConnection:
    """Run one statement and return the connection with its result; `values` are for its `?`.

    Raises QueryFailed with DuckDB's message, or if there is not exactly one statement.
    """
    if not sql.strip(" \t\n;"):
        raise QueryFailed("The query is empty; nothing was run.")
    if _has_several_statements(sql):
        raise QueryFailed("Only one statement per query; nothing was run.")
    try:
        return con.execute(sql, values)
    except duckdb.CatalogException as error:
        raise QueryFailed(f"The query failed: {_suggest_model(con, str(error))}") from None
    except duckdb.Error as error:
        raise QueryFailed(f"The query failed: {str(error).strip()}") from None


def limit_query(sql: str, rows: int) -> str:
    """Return a query for the first rows of another one, in its order.

    What is not a select, and has few rows, is returned as it is; so is what is not SQL.
    """
    try:
        kinds = [statement.type for statement in duckdb.extract_statements(sql)]
    except duckdb.Error:
        return sql
    if not kinds or kinds[-1] != duckdb.StatementType.SELECT or _has_several_statements(sql):
        return sql
    encoded = sql.encode()
    ends = [at for at, _ in duckdb.tokenize(sql) if encoded[at : at + 1] == b";"]
    query = encoded[: ends[0]].decode() if ends else sql
    return f"from ({query}\n) limit {rows}"


def fetch_rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Fetch the rows of a result in batches. Raises QueryFailed if one cannot be computed."""
    try:
        while batch := result.fetchmany(BATCH_ROWS):
            yield from batch
    except duckdb.Error as error:
        raise describe_interrupted(error) from None


def result_columns(result: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the column names of a result."""
    return [column[0] for column in result.description or ()]


def describe_interrupted(error: Exception) -> QueryFailed:
    """Return the error for a query that failed after its first rows."""
    message = str(error).strip().rpartition("pending query result\nError: ")[2]
    if "INTERRUPT" in message:  # DuckDB stopped this thread before the failing one could report
        message = "a row cannot be computed."
    return QueryFailed(f"The query failed before its last row: {message}")


def list_models(con: duckdb.DuckDBPyConnection) -> list[CatalogEntry]:
    """List the models, layer by layer. Raises QueryFailed if the file has no catalogue."""
    from p4books.transform.models import LAYERS  # noqa: PLC0415 - `query` starts without it

    try:
        result = con.execute("from main.catalogue order by model")
    except duckdb.CatalogException:
        raise QueryFailed(
            "The published file was made by an older p4books and has no catalogue. "
            "Run `p4books report`."
        ) from None
    names = result_columns(result)  # older files have fewer
    entries = [CatalogEntry(**dict(zip(names, row, strict=True))) for row in result.fetchall()]
    return sorted(entries, key=lambda model: LAYERS.index(model.layer))


def order_for_people(
    con: duckdb.DuckDBPyConnection, models: Sequence[CatalogEntry]
) -> list[CatalogEntry]:
    """Order models as people look for them: reports by section, custom ones, and what they read."""
    layers = ("reporting", "custom", "core", "staging")
    sections = [section for section, _ in _load_sections(con)]

    def find_place(model: CatalogEntry) -> tuple[int, int]:
        is_known = model.section in sections
        return (
            layers.index(model.layer) if model.layer in layers else len(layers),
            sections.index(model.section) if is_known else len(sections),
        )

    return sorted(models, key=find_place)


def load_section_labels(con: duckdb.DuckDBPyConnection, language: str) -> dict[str, str]:
    """Load what the sections of the reports, and the layers, are called in one of LANGUAGES."""
    return {
        section: (label_es if language == "es" else "") or section
        for section, label_es in _load_sections(con)
    }


def load_value_labels(con: duckdb.DuckDBPyConnection, language: str) -> dict[tuple[str, str], str]:
    """Load what words in columns are called in one of LANGUAGES, by column and word."""
    try:
        rows = con.execute(
            "select column_name, value, label_en, label_es from main.catalogue_values"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return {
        (column, value): (label_es if language == "es" else label_en) or value
        for column, value, label_en, label_es in rows
    }


def filter_layer(models: Sequence[CatalogEntry], word: str) -> list[CatalogEntry] | None:
    """Return the models of the layer that a word names; None if it names no layer.

    Raises QueryFailed if the layer has no model.
    """
    from p4books.transform.models import LAYERS  # noqa: PLC0415 - `query` starts without it

    layer = word.lower()
    if layer not in LAYERS[1:]:
        return None
    of_layer = [model for model in models if model.layer == layer]
    if not of_layer:
        raise QueryFailed(
            f"There is no model in {layer}. A file in sql/{layer}/ and `p4books report` make one."
        )
    return of_layer


def choose_models(models: Sequence[CatalogEntry], words: Sequence[str]) -> list[CatalogEntry]:
    """Return the models named by words: each a model, with or without its layer, or a layer.

    Raises QueryFailed if a word names none, or one in two layers.
    """
    chosen: dict[str, CatalogEntry] = {}
    for word in words:
        of_layer = [model for model in models if word.lower() == model.layer]
        named = of_layer or [find_model(models, word)]
        chosen |= {model.full_name: model for model in named}
    return list(chosen.values())


def find_model(models: Sequence[CatalogEntry], word: str) -> CatalogEntry:
    """Return the model that a word names. Raises QueryFailed if there is none, or two."""
    name = word.lower().replace("-", "_")
    matches = [model for model in models if name in {model.model.lower(), model.full_name.lower()}]
    if len(matches) > 1:
        names = " or ".join(model.full_name for model in matches)
        raise QueryFailed(f"{word} is the name of two models; write {names}.")
    if not matches:
        known = [model.full_name if "." in word else model.model for model in models]
        raise QueryFailed(describe_unknown("model", word, known, "`p4books models` lists them."))
    return matches[0]


def execute_for_model(
    con: duckdb.DuckDBPyConnection, model: CatalogEntry, sql: str
) -> duckdb.DuckDBPyConnection:
    """Run a query for a model and return the connection with the result.

    Raises QueryFailed, which names the model.
    """
    try:
        return execute_query(con, sql)
    except QueryFailed as error:
        raise QueryFailed(f"{model.full_name}: {error}") from None


def list_columns(con: duckdb.DuckDBPyConnection, model: CatalogEntry) -> list[CatalogColumn]:
    """List the columns of a model in their order."""
    columns = con.execute(
        "select column_name, data_type, coalesce(comment, '') from duckdb_columns()"
        " where database_name = current_database() and schema_name = ? and table_name = ?"
        " order by column_index",
        [model.layer, model.model],
    ).fetchall()
    labels = _load_labels(con, model)
    return [CatalogColumn(*column, *labels.get(column[0], ())) for column in columns]


def choose_columns(columns: Sequence[CatalogColumn], language: str) -> list[CatalogColumn]:
    """Return the columns that people read in one of LANGUAGES: of `detail`, `detail_es` the one.

    A column whose name ends with a language is the same as the one without this end, in that
    language, and takes its place and its label.
    """
    by_name = {column.name: column for column in columns}
    chosen = []
    for column in columns:
        base, _, end = column.name.rpartition("_")
        if base in by_name and end in LANGUAGES:
            continue
        own = by_name.get(f"{column.name}_{language}", column)
        chosen.append(replace(column, name=own.name, type=own.type))
    return chosen


def read_about(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Read the row of `about`, up to when all lists are known, and those not copied yet.

    These are `current_to` and `missing_lists`; None and empty if the file has no such model. Those
    of a group are the oldest of its tenants', and the lists of all.
    """
    row = con.execute("from main.about").fetchone() or ()
    about = dict(zip(result_columns(con), row, strict=True))
    try:
        rows = con.execute("from core.as_of").fetchall()
    except duckdb.CatalogException:  # the file was made from other models
        return {**about, "current_to": None, "missing_lists": ""}
    names = result_columns(con)
    tenants = [dict(zip(names, each, strict=True)) for each in rows]
    read = [each.get("current_to") for each in tenants]
    known = [each for each in read if each is not None]
    return {
        **about,
        "current_to": min(known) if known and len(known) == len(read) else None,
        "missing_lists": ", ".join(_list_missing(tenants)),
    }


def list_group_tenants(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """List the tenants whose books are in the file of a group; empty for that of a tenant."""
    try:
        rows = con.execute(
            "select tenant from main.tenants where why_not is null order by all"
        ).fetchall()
    except duckdb.CatalogException:
        return ()
    return tuple(tenant for (tenant,) in rows)


def list_left_out(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """List the tenants of a group whose books are not in its file; empty for that of a tenant."""
    try:
        rows = con.execute(
            "select tenant from main.tenants where why_not is not null order by all"
        ).fetchall()
    except duckdb.CatalogException:
        return ()
    return tuple(tenant for (tenant,) in rows)


def _list_missing(tenants: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Name the lists not copied yet; in a group as north: invoices."""
    for each in tenants:
        names = str(each.get("missing_lists") or "").split(", ")
        prefix = f"{each.get('tenant')}: " if len(tenants) > 1 else ""
        yield from (f"{prefix}{name}" for name in names if name)


def _load_labels(
    con: duckdb.DuckDBPyConnection, model: CatalogEntry
) -> dict[str, tuple[str, str, str]]:
    """Load the labels and the Spanish meanings of a model's columns; none from an older file."""
    try:
        rows = con.execute(
            "select column_name, label_en, label_es, meaning_es from main.catalogue_columns"
            " where layer = ? and model = ?",
            [model.layer, model.model],
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: (label_en, label_es, meaning) for name, label_en, label_es, meaning in rows}


def _load_sections(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Load the sections and their Spanish names, in their order; none from an older file."""
    try:
        return con.execute(
            "select section, label_es from main.catalogue_sections order by place"
        ).fetchall()
    except duckdb.CatalogException:
        return []


def _lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """Deny access to everything else; the readers of a process share one database instance."""
    row = con.execute("select current_setting('lock_configuration')").fetchone()
    if row == (False,):
        con.execute("set global TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")


def _has_several_statements(sql: str) -> bool:
    """Return whether a token follows a semicolon; comments are not tokens."""
    encoded = sql.encode()
    has_ended = False
    for start, _ in duckdb.tokenize(sql):
        is_semicolon = encoded[start : start + 1] == b";"
        if has_ended and not is_semicolon:
            return True
        has_ended |= is_semicolon
    return False


def _suggest_model(con: duckdb.DuckDBPyConnection, message: str) -> str:
    """Add the nearest model to a message about a missing table, unless DuckDB names one."""
    missing = re.search(r'Table with name "?([^" ]+)"? does not exist', message)
    if not missing:
        return message.strip()
    rows = con.execute(
        "select distinct schema_name || '.' || table_name from duckdb_columns()"
        " where database_name = current_database() and schema_name <> 'main' and not internal"
    ).fetchall()
    models = [name for (name,) in rows]
    if any(f'"{name}"' in message or f'"{name.partition(".")[2]}"' in message for name in models):
        return message.strip()
    unknown = describe_unknown("table", missing.group(1), models, "`p4books models` lists them.")
    return f"{unknown}\n{message.strip()}"
