"""Catalogue of the published file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from p4books.publish.catalogue import write_catalogue
from p4books.publish.query import (
    find_model,
    list_columns,
    list_models,
    load_section_labels,
    load_value_labels,
    order_for_people,
)
from p4books.transform.changes import TARGET
from p4books.transform.models import ModelSet, SqlSources, load_models

Files = Callable[..., Path]
Connection = duckdb.DuckDBPyConnection

BALANCE = "'One row' as word, 1 as balance"
TEXTS = {
    "columns.csv": "column,label_en,label_es,meaning,meaning_es\n"
    "balance,Balance,Saldo,What is open,Lo pendiente\n",
    "models.csv": "model,title_en,title_es,question_es,grain_es\n"
    "reporting.ageing,Ageing,Antigüedad,¿Quién?,Una fila.\n",
    "sections.csv": "section,label_es\nSales,Ventas\nTrust,Confianza\nreporting,Informes\n",
    "values.csv": "column,value,label_en,label_es\nword,a,A,Á\nword,b,,\n",
}


def make_models(root: Path) -> ModelSet:
    for name, text in TEXTS.items():
        (root / name).write_text(text, encoding="utf-8")
    return load_models(SqlSources.at(root))


def open_file(models: ModelSet) -> Connection:
    """Open a database with the tables of models in it, as those of the published file are."""
    con = duckdb.connect()
    con.execute(f"attach ':memory:' as {TARGET}")
    for model in models.models:
        con.execute(f"create schema if not exists {TARGET}.{model.layer}")
        con.execute(f"create table {TARGET}.{model.layer}.{model.name} as {model.sql}")
    con.execute(f"use {TARGET}")
    return con


def read(con: Connection, query: str) -> list[tuple[Any, ...]]:
    con.execute(f"use {TARGET}")
    return con.execute(query).fetchall()


def test_names_in_both_languages(sql: Files) -> None:
    """Models, columns, sections and words have the names that are beside the SQL."""
    models = make_models(
        sql(
            core__a=f"-- One row.\nselect {BALANCE}",
            reporting__ageing="-- One row.\n-- section: Trust\n-- question: Who?\n"
            f"select {BALANCE}",
            reporting__sold=f"-- One row.\n-- section: Sales\nselect {BALANCE}",
        )
    )
    con = open_file(models)
    write_catalogue(con, models, None)
    con.execute(f"use {TARGET}")
    found = list_models(con)
    ageing = find_model(found, "ageing")

    assert (ageing.title("en"), ageing.title("es")) == ("Ageing", "Antigüedad")
    assert (ageing.question_in("en"), ageing.question_in("es")) == ("Who?", "¿Quién?")
    assert (ageing.grain_in("en"), ageing.grain_in("es")) == ("One row.", "Una fila.")
    assert find_model(found, "sold").title("es") == "reporting.sold"
    word, balance = list_columns(con, ageing)
    assert (word.label("es"), balance.label("es"), balance.label("en")) == (
        *("word", "Saldo"),
        "Balance",
    )
    assert (balance.describe("es"), word.describe("es")) == ("Lo pendiente", "")
    assert load_section_labels(con, "es")["Trust"] == "Confianza"
    assert load_section_labels(con, "en")["Trust"] == "Trust"
    assert load_value_labels(con, "es") == {("word", "a"): "Á", ("word", "b"): "b"}
    ordered = order_for_people(con, found)
    assert [model.model for model in ordered] == ["sold", "ageing", "a"]


def test_update_names_custom_models_again(sql: Files) -> None:
    """In an updated file custom columns are those of now, and all others are as they were."""
    root = sql(core__a=f"-- One row.\nselect {BALANCE}", custom__b=f"-- One row.\nselect {BALANCE}")
    models = make_models(root)
    con = open_file(models)
    write_catalogue(con, models, None)
    query = "select layer, column_name, label_es from catalogue_columns order by all"
    before = read(con, query)

    (root / "custom" / "columns.csv").write_text("column,label_es\nword,Palabra\n")
    con.execute(f"create or replace table {TARGET}.custom.b as select 'x' as word, 1 as odd")
    write_catalogue(con, load_models(SqlSources.at(root)), {})

    core = [("core", "balance", "Saldo"), ("core", "word", "")]
    assert before == [*core, ("custom", "balance", "Saldo"), ("custom", "word", "")]
    assert read(con, query) == [*core, ("custom", "odd", ""), ("custom", "word", "Palabra")]


def test_older_file() -> None:
    """A file whose catalogue lacks names is read, with the names of its models and columns."""
    con = duckdb.connect()
    con.execute("create schema core; create table core.a as select 1 as n")
    con.execute(
        "create table catalogue as select 'core' as layer, 'a' as model, 'One.' as grain,"
        " 'n' as key, 'n' as sorted_by, 'Q?' as question, '' as query, '' as reads, 1 as rows"
    )
    (model,) = order_for_people(con, list_models(con))

    assert (model.title("es"), model.question_in("es")) == ("core.a", "Q?")
    assert [column.label("es") for column in list_columns(con, model)] == ["n"]
    assert not load_value_labels(con, "es")
    assert not load_section_labels(con, "es")
