"""How is the published file asked?"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from p4books.errors import NotPublished, QueryFailed
from p4books.publish.query import open_published, run_query


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A published file with one table, and another file beside it."""
    path = tmp_path / "acme.duckdb"
    with duckdb.connect(path) as con:
        con.execute(
            "create table sale as select 1 as sale_id, 12.30::decimal(18, 2) as net,"
            " timestamptz '2026-03-31T10:00:00Z' as sold_at"
        )
    (tmp_path / "secret.csv").write_text("key\nsecret\n")
    with duckdb.connect(tmp_path / "other.duckdb") as con:
        con.execute("create table secret (key text)")
    return path


def test_fetch(published: Path) -> None:
    """A query gives columns and rows, decimals as decimals and instants in UTC."""
    columns, rows = run_query(published, "from sale")

    assert columns == ["sale_id", "net", "sold_at"]
    assert rows == [(1, Decimal("12.30"), datetime(2026, 3, 31, 10, tzinfo=UTC))]
    assert str(rows[0][1]) == "12.30"


def test_no_rows(published: Path) -> None:
    """A query without rows still tells its columns."""
    assert run_query(published, "select net from sale where false") == (["net"], [])


def test_not_published(tmp_path: Path) -> None:
    """Where nothing is published yet, it says so, and makes no file."""
    with pytest.raises(NotPublished, match=r"acme\.duckdb does not exist yet"):
        run_query(tmp_path / "acme.duckdb", "select 1")

    assert not (tmp_path / "acme.duckdb").exists()


def test_no_database(tmp_path: Path) -> None:
    """A file that is no database is told in a sentence."""
    (tmp_path / "acme.duckdb").write_bytes(b"strange" * 1000)

    with pytest.raises(QueryFailed, match=r"acme\.duckdb cannot be opened"):
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
def test_forbidden(published: Path, sql: str) -> None:
    """A query changes nothing, and reaches no other file, extension or setting."""
    before = {path.name: path.read_bytes() for path in published.parent.iterdir()}

    with pytest.raises(QueryFailed, match="The query was not run: "):
        run_query(published, sql.format(folder=published.parent))

    assert {path.name: path.read_bytes() for path in published.parent.iterdir()} == before


def test_what_is_wrong_with_a_query(published: Path) -> None:
    """A mistake is told with what DuckDB proposes."""
    with pytest.raises(QueryFailed, match=r"(?s)nett.*Candidate bindings.*net"):
        run_query(published, "select nett from sale")


@pytest.mark.parametrize(
    ("sql", "says"),
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
def test_a_table_that_is_not_there(published: Path, sql: str, says: str) -> None:
    """The nearest table is named: by DuckDB, or by us where DuckDB knows none."""
    with duckdb.connect(published) as con:
        con.execute("create schema reporting")
        con.execute("create table reporting.ar_aging as select 1 as one")

    with pytest.raises(QueryFailed) as caught:
        run_query(published, sql)

    assert says in str(caught.value)


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 'é;'; from sale", ";; from sale"])
def test_more_than_one_statement(published: Path, sql: str) -> None:
    """Of two statements none is run, and one sentence says so."""
    with pytest.raises(QueryFailed, match="more than one statement; nothing was run"):
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
    """Semicolons at the end, in a text or in a comment make no second statement."""
    assert run_query(published, sql) == (["one"], [(1,)])


def test_pivot(published: Path) -> None:
    """A pivot, which DuckDB takes apart into two statements, is one."""
    columns, rows = run_query(published, "pivot sale on sale_id using sum(net)")

    assert columns[-1] == "1"
    assert rows[0][-1] == Decimal("12.30")


def test_a_query_that_fails_on_its_way(published: Path) -> None:
    """A row that can't be computed, after thousands that could, is told."""
    sql = "select if(i = 900_000, error('no such rate'), i) from range(1_000_000) as r (i)"

    with pytest.raises(QueryFailed, match=r"answered to its end: .*(no such rate|be computed\.)$"):
        run_query(published, sql)


def test_two_at_a_time(published: Path) -> None:
    """Two readers in one process are in nobody's way."""
    with open_published(published) as one, open_published(published) as other:
        one.execute("from sale")
        other.execute("from sale")

        assert len(one.fetchall()) == len(other.fetchall()) == 1


def test_after_a_new_file(published: Path, tmp_path: Path) -> None:
    """A reader goes on with the old file; once it is closed, the new one is read."""
    with open_published(published) as reader:
        reader.execute("select count(*) from sale")
        with duckdb.connect(tmp_path / "new.duckdb") as con:
            con.execute("create table sale as select 2 as sale_id")
        (tmp_path / "new.duckdb").replace(published)

        assert reader.execute("select sale_id from sale").fetchall() == [(1,)]
    assert run_query(published, "from sale") == (["sale_id"], [(2,)])
