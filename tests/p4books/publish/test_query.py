"""Read-only queries against the published file and its catalogue."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from p4books.errors import NotPublished, PublishedFileUnreadable, QueryFailed
from p4books.publish.query import (
    CatalogColumn,
    CatalogEntry,
    choose_models,
    find_model,
    list_columns,
    list_models,
    open_published,
    run_query,
)

Connection = duckdb.DuckDBPyConnection
Files = Callable[..., Path]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file with two tables, and other files beside it."""
    folder = tmp_path_factory.mktemp("published")
    path = folder / "acme.duckdb"
    with duckdb.connect(path) as con:
        con.execute(
            "create table sale as select 1 as sale_id, 12.30::decimal(18, 2) as net,"
            " timestamptz '2026-03-31T10:00:00Z' as sold_at"
        )
        con.execute("create schema reporting")
        con.execute("create table reporting.ar_aging as select 1 as one")
    (folder / "secret.csv").write_text("key\nsecret\n")
    with duckdb.connect(folder / "other.duckdb") as con:
        con.execute("create table secret (key text)")
    return path


def test_columns_and_rows(published: Path) -> None:
    """A query returns columns and rows, with exact decimals and timestamps in UTC."""
    columns, rows = run_query(published, "from sale")

    assert columns == ["sale_id", "net", "sold_at"]
    assert rows == [(1, Decimal("12.30"), datetime(2026, 3, 31, 10, tzinfo=UTC))]
    assert str(rows[0][1]) == "12.30"


def test_no_rows(published: Path) -> None:
    """A query without rows still has its columns."""
    assert run_query(published, "select net from sale where false") == (["net"], [])


def test_not_published(tmp_path: Path) -> None:
    """Before the first publication the error says so, and no file is created."""
    with pytest.raises(NotPublished, match=r"acme\.duckdb does not exist yet"):
        run_query(tmp_path / "acme.duckdb", "select 1")

    assert not (tmp_path / "acme.duckdb").exists()


def test_file_that_is_not_a_database(tmp_path: Path) -> None:
    """A file that is not a database is reported."""
    (tmp_path / "acme.duckdb").write_bytes(b"strange" * 1000)

    with pytest.raises(PublishedFileUnreadable, match=r"acme\.duckdb cannot be opened"):
        run_query(tmp_path / "acme.duckdb", "select 1")


FORBIDDEN = [
    "drop table sale",
    "insert into sale values (2, 2, null)",
    "update sale set net = 0",
    "create table mine (id integer)",
    "create view mine as select 1",
    "from read_csv('{folder}/secret.csv')",
    "from '{folder}/secret.csv'",
    "from read_text('{folder}/secret.csv')",
    "from glob('{folder}/*')",
    "attach '{folder}/other.duckdb' as other",
    "copy sale to '{folder}/out.csv'",
    "export database '{folder}/out'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set memory_limit = '1GB'",
    "reset lock_configuration",
    "create secret s (type s3)",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_forbidden_statements(published: Path, sql: str) -> None:
    """A query changes nothing, and reaches no other file, extension or setting."""
    before = {path.name: path.read_bytes() for path in published.parent.iterdir()}

    with pytest.raises(QueryFailed, match="The query failed: "):
        run_query(published, sql.format(folder=published.parent))

    assert {path.name: path.read_bytes() for path in published.parent.iterdir()} == before


def test_unknown_column(published: Path) -> None:
    """The error has DuckDB's suggestions."""
    with pytest.raises(QueryFailed, match=r"(?s)nett.*Candidate bindings.*net"):
        run_query(published, "select nett from sale")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("from sales", 'Did you mean "sale"'),
        ("from reporting.aging", 'Did you mean "ar_aging"'),
        (
            "from custom.ar_agin",
            "Unknown table 'custom.ar_agin'. Did you mean 'reporting.ar_aging'?",
        ),
        ("from custom.xyz", "Unknown table 'custom.xyz'. `p4books models` lists them."),
    ],
)
def test_unknown_table(published: Path, sql: str, message: str) -> None:
    """The nearest table is suggested, by p4books if DuckDB suggests none."""
    with pytest.raises(QueryFailed) as caught:
        run_query(published, sql)

    assert message in str(caught.value)


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 'é;'; from sale", ";; from sale"])
def test_several_statements(published: Path, sql: str) -> None:
    """Of several statements none is run."""
    with pytest.raises(QueryFailed, match="Only one statement per query; nothing was run"):
        run_query(published, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as one;",
        "select 1 as one;; -- a; b",
        "/* ; */ select 1 as one where ';' = ';' -- ;",
        "from (pivot (select 1 as one, 'a' as b) on b using sum(one)) select 1 as one",
    ],
)
def test_one_statement(published: Path, sql: str) -> None:
    """Semicolons at the end, in a string or in a comment do not start a second statement."""
    assert run_query(published, sql) == (["one"], [(1,)])


def test_pivot(published: Path) -> None:
    """A pivot, which DuckDB splits into two statements, is one."""
    columns, rows = run_query(published, "pivot sale on sale_id using sum(net)")

    assert columns[-1] == "1"
    assert rows[0][-1] == Decimal("12.30")


def test_failure_after_the_first_rows(published: Path) -> None:
    """A row that cannot be computed after thousands of others is an error."""
    sql = "select if(i = 900_000, error('no such rate'), i) from range(1_000_000) as r (i)"

    with pytest.raises(QueryFailed, match=r"before its last row: .*(no such rate|be computed\.)$"):
        run_query(published, sql)


def test_two_readers(published: Path) -> None:
    """Two readers in one process do not disturb each other."""
    with open_published(published) as one, open_published(published) as other:
        one.execute("from sale")
        other.execute("from sale")

        assert len(one.fetchall()) == len(other.fetchall()) == 1


def test_reader_keeps_the_old_file(published: Path, tmp_path: Path) -> None:
    """A reader goes on with the file it opened; the next one reads the new file."""
    published = Path(shutil.copy(published, tmp_path))
    with open_published(published) as reader:
        reader.execute("select count(*) from sale")
        with duckdb.connect(tmp_path / "new.duckdb") as con:
            con.execute("create table sale as select 2 as sale_id")
        (tmp_path / "new.duckdb").replace(published)

        assert reader.execute("select sale_id from sale").fetchall() == [(1,)]
    assert run_query(published, "from sale") == (["sale_id"], [(2,)])


VENDORS = """-- One row per vendor.
-- key: vendor_id
-- order: balance desc
-- question: Who are they?
-- query: from staging.vendors
select id as vendor_id, balance, name as "the name" from raw.vendors where _dlt_valid_to is null"""


@pytest.fixture(scope="module")
def con(publish_shared: Files) -> Iterator[Connection]:
    """A published file with four models; `odd` is in two layers."""
    file = publish_shared(
        'balance,What we owe.\nstaging.vendors.vendor_id,"Its id, as text."\n',
        staging__vendors=VENDORS,
        staging__odd="-- One row.\nselect 1 as one",
        custom__odd="-- One row.\nselect 2 as one union all select 1",
        reporting__top_vendors="-- One row per vendor.\nfrom staging.vendors",
    )
    with open_published(file) as con:
        yield con


def test_list_models(con: Connection) -> None:
    """The models are listed layer by layer, each with its headers and number of rows."""
    models = list_models(con)

    assert [model.full_name for model in models] == [
        "staging.odd",
        "staging.vendors",
        "reporting.top_vendors",
        "custom.odd",
    ]
    assert models[1] == CatalogEntry(
        layer="staging",
        model="vendors",
        grain="One row per vendor.",
        key="vendor_id",
        sorted_by="balance desc",
        question="Who are they?",
        query="from staging.vendors",
        reads="raw.vendors",
        rows=2,
    )


def test_list_columns(con: Connection) -> None:
    """Columns have their type, and their meaning if it is known, in their order."""
    assert list_columns(con, find_model(list_models(con), "vendors")) == [
        CatalogColumn("vendor_id", "VARCHAR", "Its id, as text."),
        CatalogColumn("balance", "DECIMAL(18,2)", "What we owe."),
        CatalogColumn("the name", "VARCHAR", ""),
    ]


@pytest.mark.parametrize(
    ("words", "models"),
    [
        (["vendors"], ["staging.vendors"]),
        (["Staging.Vendors", "top-vendors"], ["staging.vendors", "reporting.top_vendors"]),
        (["staging"], ["staging.odd", "staging.vendors"]),
        (["vendors", "staging", "vendors"], ["staging.vendors", "staging.odd"]),
        (["custom.odd"], ["custom.odd"]),
    ],
)
def test_choose_models(con: Connection, words: list[str], models: list[str]) -> None:
    """A word is a model, with or without its layer, or a layer; each model is chosen once."""
    assert [model.full_name for model in choose_models(list_models(con), words)] == models


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("vendor", "Unknown model 'vendor'. Did you mean 'vendors'?"),
        ("staging.vendor", "Unknown model 'staging.vendor'. Did you mean 'staging.vendors'?"),
        ("xyz", "Unknown model 'xyz'. `p4books models` lists them."),
        ("odd", "odd is the name of two models; write staging.odd or custom.odd."),
    ],
)
def test_unknown_models(con: Connection, word: str, message: str) -> None:
    """A word for no model or for two is an error that suggests one."""
    with pytest.raises(QueryFailed) as caught:
        choose_models(list_models(con), [word])

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("vendors", [("2", "0.20"), ("1", "12.30")][::-1]),
        ("custom.odd", [("1",), ("2",)]),
    ],
)
def test_select(con: Connection, model: str, rows: list[tuple[str, ...]]) -> None:
    """The rows come in the order of the model; without one, still in a fixed order."""
    select = find_model(list_models(con), model).select()

    selected = con.execute(select).fetchall()

    assert [tuple(map(str, row[: len(rows[0])])) for row in selected] == rows


def test_ties_are_sorted_by_the_key() -> None:
    """Rows that are equal in the order of the model are sorted by its key."""
    model = CatalogEntry("custom", 'my "model', "", "a b, c", "balance desc", "", "", "", 0)

    assert model.select() == ('select * from custom."my ""model" order by balance desc, "a b", "c"')


def test_file_without_a_catalogue(tmp_path: Path) -> None:
    """A file of an older p4books is reported, with what to do."""
    duckdb.connect(tmp_path / "old.duckdb").close()

    with (
        open_published(tmp_path / "old.duckdb") as con,
        pytest.raises(QueryFailed, match=r"older p4books.* Run `p4books report`"),
    ):
        list_models(con)
