"""Every model is described, and its description is true."""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest
from tests.sql.conftest import Synced

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.load.schema import create_tables
from p4books.publish.publish import publish_report
from p4books.settings import Settings, validate_settings
from p4books.transform.as_of import record_as_of
from p4books.transform.build import create_views
from p4books.transform.models import CUSTOM, Model, SqlSources, load_models, sql_folder
from p4books.transform.seeds import load_seeds

Connection = duckdb.DuckDBPyConnection
FOUND = [
    model
    for model in load_models(SqlSources.at()).models
    if model.published and model.layer != CUSTOM
]
OURS = pytest.mark.parametrize("model", FOUND, ids=[each.full_name for each in FOUND])


def columns(con: Connection, model: Model) -> list[str]:
    return [name for name, *_ in con.execute(f"describe {model.full_name}").fetchall()]


@pytest.fixture(scope="module")
def nothing(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to a warehouse without a row."""
    copied = shutil.copy(empty, tmp_path_factory.mktemp("nothing"))
    with duckdb.connect(copied, read_only=True) as con:
        yield con


@pytest.fixture(scope="module")
def books(synced: Synced) -> Iterator[Connection]:
    """A connection to what was published of it."""
    with duckdb.connect(synced.settings.published, read_only=True) as con:
        yield con


@OURS
def test_a_model_says_what_it_is(model: Model) -> None:
    """Each model names what a row is, its key, a question and a query that answers it."""
    assert model.grain.startswith("One row")
    assert model.grain.endswith(".")
    assert model.key
    assert model.question.endswith("?")
    assert model.full_name in model.query


@OURS
def test_every_column_has_a_meaning(model: Model, nothing: Connection) -> None:
    """Each column means something, by its name or in its model; its key and order are columns."""
    found = columns(nothing, model)

    assert [name for name in found if not model.columns.get(name)] == []
    assert set(model.key) <= set(found)
    assert set(re.findall(r"[a-z]\w+", model.sorted_by)) - ORDER <= set(found)


ORDER = {"asc", "desc", "nulls", "last", "first", "abs"}


def test_every_meaning_is_used(nothing: Connection) -> None:
    """A meaning is of a column that exists, is given once, and says more than its name's does."""
    with (sql_folder() / "columns.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    said = {row["column"]: row["meaning"] for row in rows}
    found = [
        (f"{model.full_name}.{name}", name) for model in FOUND for name in columns(nothing, model)
    ]
    used = {full if full in said else name for full, name in found}

    assert sorted(set(said) - used) == []
    assert len(said) == len(rows)
    echoes = [name for name in said if "." in name and said[name] == said.get(name.split(".")[2])]
    assert echoes == []


@OURS
def test_its_query_on_nothing(model: Model, nothing: Connection) -> None:
    """The query of a model runs before there is a row."""
    nothing.execute(model.query).fetchall()


@OURS
def test_its_query_on_a_copy(model: Model, books: Connection) -> None:
    """The query of a model runs on books that were copied, and the order it names can be had."""
    books.execute(model.query).fetchall()
    books.execute(f"from {model.full_name} order by {model.sorted_by}").fetchall()


@OURS
def test_its_key_on_a_copy(model: Model, books: Connection) -> None:
    """The key of a model identifies each row of synced books, and has no gaps."""
    key = ", ".join(model.key)
    gaps = " or ".join(f"{column} is null" for column in model.key)
    counted = books.execute(
        f"select count(*), count(distinct ({key})), count(*) filter (where {gaps})"
        f" from {model.full_name}"
    ).fetchone()

    assert counted is not None
    assert counted[:2] == (counted[0], counted[0])
    assert counted[2] == 0


def test_the_published_file_says_it_too(books: Connection) -> None:
    """Each table of the file has its grain as comment, each column its meaning."""
    silent = books.execute(
        "select table_name, column_name from duckdb_columns()"
        " where schema_name in ('staging', 'core', 'reporting') and comment is null"
    ).fetchall()
    described = books.execute(
        "select count(*) from catalogue where key <> '' and question <> '' and query <> ''"
    ).fetchone()

    assert silent == []
    assert described == (len(FOUND),)


def example(title: str) -> list[str]:
    """Return the SQL of a section of the README."""
    text = (sql_folder() / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return [dedent(sql) for sql in re.findall(r" *```sql\n(.*?) *```", section, re.DOTALL)]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the SQL to which files can be added."""
    return Path(shutil.copytree(sql_folder(), tmp_path / "sql"))


def test_adding_a_report(copied: Path, empty: Path, tmp_path: Path) -> None:
    """The report of the README is a model as it is written, and its query runs."""
    (sql,) = example("Adding a report")
    (copied / "reporting" / "slow_products.sql").write_text(sql)

    found = load_models(SqlSources.at(copied))

    with duckdb.connect(shutil.copy(empty, tmp_path)) as con:
        create_views(con, found)
        (model,) = (each for each in found.models if each.name == "slow_products")
        con.execute(model.query).fetchall()
        assert set(model.key) <= set(columns(con, model))
        assert model.section == "Sales"


def test_adding_an_endpoint(copied: Path, tmp_path: Path) -> None:
    """The staging models of the README are all that an endpoint needs to be a clean table."""
    history, current = example("Adding the staging models of an endpoint")
    (copied / "staging" / "payments_history.sql").write_text(history)
    (copied / "staging" / "payments.sql").write_text(current)
    fields = {"id": FieldType.TEXT, "customer_id": FieldType.TEXT, "payment_date": FieldType.DAY}
    payments = Endpoint("payments", {**fields, "amount": FieldType.MONEY})
    create_tables(tmp_path / "warehouse.duckdb", (*ENDPOINTS.values(), payments))

    with duckdb.connect(tmp_path / "warehouse.duckdb") as con:
        load_seeds(con, SqlSources.at(copied))
        record_as_of(con, validate_settings({"tenant": "acme"}), ())
        found = load_models(SqlSources.at(copied))
        create_views(con, found)
        con.execute(
            "insert into raw.payments (id, amount, _dlt_valid_from, _dlt_valid_to) values"
            " ('1', 5, '2026-01-01', '2026-01-02'), ('1', 7, '2026-01-02', null)"
        )
        amounts = con.execute("select payment_id, payment_amount from staging.payments").fetchall()
        for model in found.models:
            if model.name.startswith("payments"):
                con.execute(model.query).fetchall()

    assert amounts == [("1", 7)]


@pytest.fixture
def own(synced: Synced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy of the tenant, in a project folder of the user's own."""
    shutil.copytree(synced.settings.data_dir, tmp_path / "data")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    return synced.settings.model_copy(update={"data_dir": tmp_path / "data"})


def test_the_example_of_ones_own(own: Settings, tmp_path: Path) -> None:
    """The ten lines of sql/custom/README.md work in a project folder, as they are written."""
    text = (sql_folder() / "custom" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```sql[^\n]*\n(.*?)```", text, re.DOTALL)
    (asked,) = re.findall(r'p4books query "(.*)"', text)
    (tmp_path / "sql" / "custom").mkdir(parents=True)
    (tmp_path / "sql" / "custom" / "top_customers.sql").write_text(example)

    published, found = publish_report(own)

    assert found.left_out == []
    with duckdb.connect(published, read_only=True) as con:
        top = con.execute(asked).fetchall()
        nets = "select sum(net) from custom.top_customers"
        wanted = (
            "select sum(invoice_subtotal) from core.fct_invoice"
            " where is_live and document_on > (select as_of_on - 90 from core.as_of)"
        )
        assert con.execute(nets).fetchall() == con.execute(wanted).fetchall()
    assert 0 < len(top) <= 10
    assert len(example.splitlines()) == 10
