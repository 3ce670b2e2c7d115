"""Is every model described, and does it keep what is said of it?"""

import csv
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from tests import catalogue

from p4books.publish.publish import publish_report
from p4books.settings import Settings
from p4books.sync import sync
from p4books.transform.models import CUSTOM, Model, SqlSources, load_models, sql_folder
from p4books_sandbox import Sandbox

Connection = duckdb.DuckDBPyConnection
FOUND = [each for each in load_models(SqlSources.at()).models if each.layer != CUSTOM]
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
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A tenant that was synced with a sandbox of a few hundred documents."""
    folder = tmp_path_factory.mktemp("synced")
    books = Sandbox(invoices=300, limit=0, last_day=date.today())  # noqa: DTZ011 - about today
    with pytest.MonkeyPatch.context() as patch, books as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("DLT_PROJECT_DIR", str(folder))
        key, address = SecretStr(sandbox.key), sandbox.base_url
        given: dict[str, Any] = {"api_key": key, "base_url": address, "data_dir": folder / "data"}
        settings = Settings(tenant="acme", requests_per_window=100_000, **given)
        summary = sync(settings)
        assert (summary.faults, summary.published) == ([], True)
        yield settings


@pytest.fixture(scope="module")
def books(synced: Settings) -> Iterator[Connection]:
    """A connection to what was published of it."""
    with duckdb.connect(synced.published, read_only=True) as con:
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
    """The key of a model tells the rows of copied books apart, and is nowhere empty."""
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


def test_the_catalogue_is_not_stale(nothing: Connection) -> None:
    """sql/README.md is what `make docs` writes of the models as they are."""
    assert catalogue.README.read_text(encoding="utf-8") == catalogue.render(nothing), (
        "run `make docs`"
    )


def test_every_report_has_its_place() -> None:
    """Each report stands in one part of the catalogue, so that each drawing stays readable."""
    placed = [name for names in catalogue.PARTS.values() for name in names]

    assert {each.name for each in FOUND if each.layer == "reporting"} <= set(placed)
    assert len(placed) == len(set(placed))


def test_the_drawings_are_plain() -> None:
    """Each line of a drawing is an arrow between two nodes with plain names."""
    text = catalogue.README.read_text(encoding="utf-8")
    drawings = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    node = r"[a-z0-9_]+(\[[a-z0-9_.]+\])?"

    assert len(drawings) >= 3
    for drawing in drawings:
        first, *arrows = drawing.splitlines()
        assert first == "flowchart LR"
        assert [line for line in arrows if not re.fullmatch(rf"    {node} --> {node}", line)] == []
        assert len(arrows) <= 60


def test_every_link_leads_somewhere() -> None:
    """The table of contents leads to headings that are there."""
    text = catalogue.README.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}

    links = re.findall(r"\]\(#([^)]*)\)", text)

    assert len(links) > len(FOUND)
    assert set(links) <= anchors


@pytest.fixture
def own(synced: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy of the tenant, in a project folder of the user's own."""
    shutil.copytree(synced.data_dir, tmp_path / "data")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    return synced.model_copy(update={"data_dir": tmp_path / "data"})


def test_the_example_of_ones_own(own: Settings, tmp_path: Path) -> None:
    """The ten lines of sql/custom/README.md work in a project folder, as they are written."""
    text = (sql_folder() / "custom" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
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
