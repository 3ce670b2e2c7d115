"""Catalogue of models: descriptions, keys, queries and the examples of the README."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest
from tests.readme_blocks import find_blocks, write_block
from tests.sql.books import Books
from tests.sql.conftest import Synced
from tests.sql.fixed_books import AS_OF

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.load.schema import create_tables
from p4books.publish.publish import publish_report
from p4books.settings import Settings, validate_settings
from p4books.transform.as_of import record_as_of
from p4books.transform.build import create_views
from p4books.transform.models import (
    CUSTOM,
    Model,
    SqlSources,
    is_amount,
    is_day,
    load_models,
    sql_folder,
)
from p4books.transform.seeds import load_seeds

Connection = duckdb.DuckDBPyConnection
MODELS = [
    model
    for model in load_models(SqlSources.at()).models
    if model.published and model.layer != CUSTOM
]
each_model = pytest.mark.parametrize("model", MODELS, ids=[each.full_name for each in MODELS])


def columns(con: Connection, model: Model) -> list[str]:
    return [name for name, *_ in con.execute(f"describe {model.full_name}").fetchall()]


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to the models of a warehouse without rows, as tables."""
    books = Books(tmp_path_factory.mktemp("nothing"))
    books.load({}, AS_OF)
    yield books.con
    books.con.close()


@pytest.fixture(scope="module")
def books(synced: Synced) -> Iterator[Connection]:
    """A connection to the published file of the synced tenant."""
    with duckdb.connect(synced.settings.published, read_only=True) as con:
        yield con


@each_model
def test_model_headers(model: Model) -> None:
    """Each model states its grain, its key, a question and a query that answers it."""
    assert model.grain.startswith("One row")
    assert model.grain.endswith(".")
    assert model.key
    assert model.question.endswith("?")
    assert model.full_name in model.query


@each_model
def test_column_meanings(model: Model, nothing: Connection) -> None:
    """Each column has a meaning, general or of its model; key and order consist of columns."""
    found = columns(nothing, model)

    assert [name for name in found if not model.columns.get(name)] == []
    assert set(model.key) <= set(found)
    assert set(re.findall(r"[a-z]\w+", model.sorted_by)) - ORDER <= set(found)


def test_periods_and_totals(nothing: Connection) -> None:
    """The period is a day or an instant, and totals are amounts beside their currency.

    What is an average, a price, a limit, of another time or so far is no total.
    """
    wrong = []
    for model in MODELS:
        described = nothing.execute(f"describe {model.full_name}").fetchall()
        types = {name: kind for name, kind, *_ in described}
        if model.period and not is_day(types[model.period]):
            wrong.append((model.full_name, model.period))
        for name in model.totals:
            is_sum = is_amount(types[name]) and not NO_TOTAL & set(name.split("_"))
            if not is_sum or "currency" not in types:
                wrong.append((model.full_name, name))

    assert wrong == []
    assert sum(bool(model.period) for model in MODELS) > 30
    assert sum(bool(model.totals) for model in MODELS) > 30


NO_TOTAL = {"average", "price", "cost", "limit", "date", "month", "year", "before", "left", "dso"}
ORDER = {"asc", "desc", "nulls", "last", "first", "abs"}


@each_model
def test_query_without_rows(model: Model, nothing: Connection) -> None:
    """The query of a model runs on an empty warehouse."""
    nothing.execute(model.query).fetchall()


@each_model
def test_query(model: Model, books: Connection) -> None:
    """The query and the order of a model run on synced books."""
    books.execute(model.query).fetchall()
    books.execute(f"from {model.full_name} order by {model.sorted_by}").fetchone()


@each_model
def test_key(model: Model, books: Connection) -> None:
    """The key of a model is unique and not null in synced books."""
    key = ", ".join(model.key)
    gaps = " or ".join(f"{column} is null" for column in model.key)
    counted = books.execute(
        f"select count(*), count(distinct ({key})), count(*) filter (where {gaps})"
        f" from {model.full_name}"
    ).fetchone()

    assert counted is not None
    assert counted[:2] == (counted[0], counted[0])
    assert counted[2] == 0


def test_published_descriptions(books: Connection) -> None:
    """In the published file each column has its meaning as comment, and each model is in the
    catalogue."""
    silent = books.execute(
        "select table_name, column_name from duckdb_columns()"
        " where schema_name in ('staging', 'core', 'reporting') and comment is null"
    ).fetchall()
    described = books.execute(
        "select count(*) from catalogue where key <> '' and question <> '' and query <> ''"
    ).fetchone()

    assert silent == []
    assert described == (len(MODELS),)


def test_views_follow_those_they_read() -> None:
    """`export database` writes views in alphabetical order, and `import database` makes them so."""
    views = {model.full_name: model for model in MODELS if model.is_view}
    pairs = [(name, read) for name, view in views.items() for read in view.reads & views.keys()]

    assert len(pairs) > 1
    assert [(name, read) for name, read in pairs if read > name] == []


def read_examples(title: str) -> list[str]:
    """Return the SQL examples in a section of the README."""
    text = (sql_folder() / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return [dedent(sql) for sql in re.findall(r" *```sql\n(.*?) *```", section, re.DOTALL)]


@pytest.fixture
def sql_copy(tmp_path: Path) -> Path:
    """A copy of the SQL to which files can be added."""
    return Path(shutil.copytree(sql_folder(), tmp_path / "sql"))


def test_adding_a_report(sql_copy: Path, nothing: Connection) -> None:
    """The report in the README works as written, and its query runs."""
    (sql,) = read_examples("Adding a report")
    (sql_copy / "reporting" / "idle_vendors.sql").write_text(sql)

    found = load_models(SqlSources.at(sql_copy))

    (model,) = (each for each in found.models if each.name == "idle_vendors")
    nothing.execute(f"create table {model.full_name} as {model.sql}")
    nothing.execute(model.query).fetchall()
    assert set(model.key) <= set(columns(nothing, model))
    assert model.section == "Orders"


def test_adding_an_endpoint(sql_copy: Path, tmp_path: Path) -> None:
    """The staging models in the README are all that a new endpoint needs."""
    history, current = read_examples("Adding the staging models of an endpoint")
    (sql_copy / "staging" / "payments_history.sql").write_text(history)
    (sql_copy / "staging" / "payments.sql").write_text(current)
    fields = {"id": FieldType.TEXT, "customer_id": FieldType.TEXT, "payment_date": FieldType.DAY}
    payments = Endpoint("payments", {**fields, "amount": FieldType.MONEY})
    create_tables(tmp_path / "warehouse.duckdb", (*ENDPOINTS.values(), payments))

    with duckdb.connect(tmp_path / "warehouse.duckdb") as con:
        load_seeds(con, SqlSources.at(sql_copy))
        record_as_of(con, validate_settings({"tenant": "acme"}), ())
        found = load_models(SqlSources.at(sql_copy))
        staging = [model for model in found.models if model.layer == "staging"]
        create_views(con, replace(found, models=staging))
        con.execute(
            "insert into raw.payments (id, amount, _dlt_valid_from, _dlt_valid_to) values"
            " ('1', 5, '2026-01-01', '2026-01-02'), ('1', 7, '2026-01-02', null)"
        )
        amounts = con.execute("select payment_id, payment_amount from staging.payments").fetchall()
        for model in staging:
            if model.name.startswith("payments"):
                con.execute(model.query).fetchall()

    assert amounts == [("1", 7)]


@pytest.fixture
def project(synced: Synced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy of the tenant in a project folder of the user."""
    shutil.copytree(synced.settings.data_dir, tmp_path / "data")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    return synced.settings.model_copy(update={"data_dir": tmp_path / "data"})


def test_custom_models(project: Settings, tmp_path: Path) -> None:
    """The examples in sql/custom/README.md work in a project folder as written, in ten and fifteen
    lines: a report, and one that compares sales with a table of the user; columns have labels."""
    text = (sql_folder() / "custom" / "README.md").read_text(encoding="utf-8")
    blocks = {block.file: block for block in find_blocks(text) if block.file}
    for block in blocks.values():
        write_block(block, tmp_path)
    top, targets = re.findall(r'p4books query "(.*)"', text)
    last = "select month_on, net from reporting.sales_by_month where currency = 'USD' order by 1"
    with duckdb.connect(project.published, read_only=True) as con:
        month, net = con.execute(last).fetchall()[-1]
    with (tmp_path / "sql" / "seeds" / "targets.csv").open("a") as file:
        file.write(f"{month},1\n")

    published, found = publish_report(project)

    assert found.left_out == []
    with duckdb.connect(published, read_only=True) as con:
        assert 0 < len(con.execute(top).fetchall()) <= 10
        nets = "select sum(net) from custom.top_customers"
        expected = (
            "select sum(invoice_subtotal) from core.fct_invoice"
            " where is_live and document_on > (select as_of_on - 90 from core.as_of)"
        )
        assert con.execute(nets).fetchall() == con.execute(expected).fetchall()
        first, *_, latest = con.execute(targets).fetchall()
        assert first[:2] == (date(2026, 1, 1), Decimal(40000))
        assert latest == (month, Decimal(1), net, 1 - net)
        labels = "select column_name, label_es from catalogue_columns where model = $model"
        named = con.execute(labels, {"model": "sales_against_targets"}).fetchall()
        assert named == [
            *(("month_on", "Mes"), ("target", "Meta"), ("net", "Ventas netas")),
            ("missing", "Por vender"),
        ]
    lines = {Path(name).stem: len(block.text.splitlines()) for name, block in blocks.items()}
    assert lines["top_customers"] == 10
    assert lines["targets"] + lines["sales_against_targets"] <= 15
