"""Catalogue of the published file: its models, columns and words, in English and Spanish."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import duckdb

from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.changes import TARGET, Changes, list_changes
from p4books.transform.csv_file import insert_texts
from p4books.transform.models import CUSTOM, Model, ModelSet
from p4books.transform.vocabulary import Vocabulary

_COMMENTS = {
    "catalogue": "One row per model in this file.",
    "catalogue_columns": "One row per column of a model in this file: its names and meanings.",
    "catalogue_values": "One row per column and word that models put into it: its names.",
    "catalogue_sections": "One row per section of the reports and per layer, in their order.",
}
COLUMNS = {
    "catalogue": (
        *("layer", "model", "grain", "key", "sorted_by", "question", "query", "reads"),
        *("section", "title_en", "title_es", "question_es", "grain_es"),
        *("period", "totals", "rows bigint"),
    ),
    "catalogue_columns": (
        *("layer", "model", "column_name", "label_en", "label_es", "meaning_en", "meaning_es"),
    ),
    "catalogue_values": ("column_name", "value", "label_en", "label_es"),
    "catalogue_sections": ("place integer", "section", "label_es"),
}  # texts if they have no type


def write_catalogue(
    con: duckdb.DuckDBPyConnection, models: ModelSet, changes: Changes | None
) -> None:
    """Write the tables of the catalogue; `changes` is None if the file is built from scratch.

    Else the built-in models have the columns that they had, and those that did not change the
    number of rows that they had: to count those of views takes time. The models are counted where
    the search path finds them.
    """
    vocabulary = models.vocabulary
    counted = {} if changes is None else _load_counts(con, models.models, changes)
    counted |= _count_rows(con, [m for m in models.models if m.full_name not in counted])
    _write_models(con, models.models, counted)
    if changes is None:
        _write_columns(con, vocabulary, "")
        values = [astuple(value) for value in vocabulary.values]
        _write_texts(con, "catalogue_values", values)
        sections = [(str(at), *row) for at, row in enumerate(vocabulary.sections.items(), 1)]
        _write_texts(con, "catalogue_sections", sections)
    else:
        custom = f"layer = {quote_literal(CUSTOM)}"
        con.execute(f"delete from {TARGET}.catalogue_columns where {custom}")
        if any(model.layer == CUSTOM for model in models.models):
            _write_columns(con, vocabulary, f"and schema_name = {quote_literal(CUSTOM)}")


def create_catalogue_table(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Create one of the tables of the catalogue, without rows."""
    columns = (name if " " in name else f"{name} varchar" for name in COLUMNS[table])
    con.execute(f"create or replace table {TARGET}.{table} ({', '.join(columns)})")
    con.execute(f"comment on table {TARGET}.{table} is {quote_literal(_COMMENTS[table])}")


def write_about(con: duckdb.DuckDBPyConnection, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the table `about`, which ends with the numbers of models and rows; return its row."""
    models, rows = con.execute(
        f"select count(*), coalesce(sum(rows), 0)::bigint from {TARGET}.catalogue"
    ).fetchone() or (0, 0)
    row = {**about, "models": models, "rows": rows}
    columns = ", ".join(f"? as {name}" for name in row)
    con.execute(f"create or replace table {TARGET}.about as select {columns}", [*row.values()])
    con.execute(
        f"comment on table {TARGET}.about is 'One row: what this file is and when it was made.'"
    )
    return row


def _write_models(
    con: duckdb.DuckDBPyConnection, models: Sequence[Model], counted: Mapping[str, int]
) -> None:
    create_catalogue_table(con, "catalogue")
    rows = [
        (
            *(model.layer, model.name, model.grain, ", ".join(model.key), model.sorted_by),
            *(model.question, model.query, ", ".join(sorted(model.reads))),
            *(model.section, *astuple(model.texts), model.period, ", ".join(model.totals)),
            str(counted[model.full_name]),
        )
        for model in sorted(models, key=lambda model: model.full_name)
    ]
    insert_texts(con, f"{TARGET}.catalogue", rows)


def _write_columns(con: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, condition: str) -> None:
    """Write the columns of the models in the file for which a condition holds."""
    found = con.execute(
        "select schema_name, table_name, column_name from duckdb_columns()"
        f" where database_name = '{TARGET}' and schema_name <> 'main' {condition}"
        " order by schema_name, table_name, column_index"
    ).fetchall()
    rows = [
        (*row, *astuple(vocabulary.describe_column(f"{row[0]}.{row[1]}", row[2]))) for row in found
    ]
    if condition:
        insert_texts(con, f"{TARGET}.catalogue_columns", rows)
    else:
        _write_texts(con, "catalogue_columns", rows)


def _write_texts(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[str]]) -> None:
    create_catalogue_table(con, table)
    insert_texts(con, f"{TARGET}.{table}", rows)


def _load_counts(
    con: duckdb.DuckDBPyConnection, models: Sequence[Model], changes: Changes
) -> dict[str, int]:
    """Load the numbers of rows of the built-in models that are as before."""
    by_name = {model.full_name: model for model in models}
    kept = {name for name, model in by_name.items() if model.layer != CUSTOM}
    kept -= {name for name in kept if list_changes([name], by_name, changes)}
    found = con.execute(f"select layer || '.' || model, rows from {TARGET}.catalogue").fetchall()
    return {name: rows for name, rows in found if name in kept}


def _count_rows(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> dict[str, int]:
    counts = ", ".join(
        f"(select count(*) from {model.layer}.{quote_identifier(model.name)})" for model in models
    )
    row = con.execute(f"select {counts}").fetchone() if models else None
    return dict(zip([model.full_name for model in models], row or (), strict=True))
