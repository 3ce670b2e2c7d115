"""Reading the lake: snapshots and times, groups, the commands, and what nobody may do."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from tests.command import run_here
from tests.lake.lake_books import LakeBooks, load_extension, make_lake_settings
from tests.postgres import PASSWORD, PostgresServer

from p4books.lake import LakeMissing, LakeTrouble, find_lake
from p4books.lake.attach import describe_attach
from p4books.lake.connection import attach_lake, open_lake_database, translate_errors
from p4books.lake.errors import NoLake
from p4books.lake.place import require_lake
from p4books.lake.read import open_lake, parse_at
from p4books.settings import Settings
from p4books.storage.postgres import connect_postgres


@pytest.fixture(scope="module")
def two(
    postgres: PostgresServer, small_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, LakeBooks]:
    """Two tenants with two snapshots each; the second has another type in a custom report."""
    folder, catalog = tmp_path_factory.mktemp("two"), postgres.make_catalog()
    books = {
        name: LakeBooks(make_lake_settings(folder, catalog, tenant=name), small_file)
        for name in ("north", "south")
    }
    for name, each in books.items():
        kind = "varchar" if name == "south" else "bigint"
        each.publish(
            CATALOGUE,
            f"create table custom.own as select 1::{kind} as x",
            f"update about set made_of = '{name}'",
        )
        each.write_number()
        each.publish("delete from core.sales where id >= 1000")
        each.write_number()
    return books


CATALOGUE = (
    "create table catalogue as select 'core' as layer, 'sales' as model, 'One row per sale.' as"
    " grain, 'id' as key, 'amount desc' as sorted_by, '' as question, '' as query, '' as reads,"
    " 5000::bigint as rows; create table catalogue_columns as select 'core' as layer, 'sales' as"
    " model, 'id' as column_name, 'ID' as label_en, 'ID' as label_es, '' as meaning_es"
)


PHRASE = "phrase-of-the-key"
CUT = "98765"


def find_catalog(books: LakeBooks) -> str:
    """Return the words by which libpq finds the catalog of a lake."""
    assert books.settings.lake is not None
    return books.settings.lake.catalog.get_secret_value()


def run_lake(
    two: dict[str, LakeBooks], *words: str, catalog: str | None = None
) -> tuple[int, str, str]:
    """Run a command with the settings of the two tenants and their group."""
    settings = two["north"].settings
    lake = settings.lake
    assert lake is not None
    catalog = catalog or f"postgres:{find_catalog(two['north'])}"
    environment = {
        "SOURCES__P4BOOKS__DATA_DIR": str(settings.data_dir),
        "SOURCES__P4BOOKS__LAKE__CATALOG": catalog,
        "SOURCES__P4BOOKS__LAKE__STORAGE": str(lake.storage),
        "SOURCES__P4BOOKS__TENANTS__NORTH__LANGUAGE": "es",
        "SOURCES__P4BOOKS__TENANTS__SOUTH__LANGUAGE": "es",
        "SOURCES__P4BOOKS__GROUPS__ALL__TENANTS": "north, south",
    }
    done = run_here(words, settings.data_dir, environment)
    assert PASSWORD not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def test_query(two: dict[str, LakeBooks], tmp_path: Path) -> None:
    """A query reads the last snapshot, or one that is named; a model has its order."""
    query = ("query", "--lake", "--tenant", "north", "--json")
    sql = "select count(*) as n from core.large_sales"

    assert run_lake(two, *query, sql) == (0, '[\n  {\n    "n": 0\n  }\n]\n', "")
    assert json.loads(run_lake(two, *query, sql, "--at", "1")[1]) == [{"n": 454}]
    now = datetime.now(UTC).isoformat()
    assert json.loads(run_lake(two, *query, sql, "--at", now)[1]) == [{"n": 0}]
    rows = json.loads(run_lake(two, *query, "--model", "sales", "--limit", "2")[1])
    assert [row["id"] for row in rows] == [999, 998]
    file = tmp_path / "sales.parquet"
    code, _, said = run_lake(
        two, *query[:-1], "--model", "sales", "-o", str(file), "--at", "1", "--limit", "7"
    )
    assert (code, duckdb.sql(f"from '{file}'").fetchall()[-1][0]) == (0, 4993)
    assert said.endswith("sales.parquet: 7 rows.\n")


ONLY_READS = "A query of the lake only reads tables"
REFUSED = {
    "snapshot": (
        ["--at", "77"],
        "select 1",
        "has no snapshot 77. `p4books lake --tenant north` lists them.",
    ),
    "created": (
        ["--at", "0"],
        "from core.sales",
        "north has no snapshot 0 with tables in it. `p4books lake --tenant north` lists them.",
    ),
    "day": (["--at", "2020-01-01"], "select 1", "has no snapshot as early as 2020-01-01."),
    "no time": (["--at", "yesterday"], "select 1", "neither the number of a snapshot nor a day"),
    "two days": (["--as-of", "2026-03-31"], "select 1", "with --lake use --at."),
    "copy": ([], "copy (select 1) to 'x.csv'", ONLY_READS),
    "delete": ([], "delete from core.sales", ONLY_READS),
    "file": ([], "from read_text('/etc/hostname')", "file system operations are disabled"),
    "attach": ([], "select 1; attach 'x.duckdb'", ONLY_READS),
    "catalog": (
        [],
        "call postgres_execute('__ducklake_metadata_lake', 'create table x (a int)')",
        ONLY_READS,
    ),
    "catalog in a query": (
        [],
        "from main.\"Postgres_Query\" /* ( */ ('__ducklake_metadata_lake', 'select 1 as x')",
        ONLY_READS,
    ),
    "hidden": ([], "select 'ñ' from query('from ' || 'core.sales')", ONLY_READS),
    "secrets": ([], "from duckdb_secrets()", ONLY_READS),
    "model": ([], "from core.sale", 'Did you mean "sales"'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(two: dict[str, LakeBooks], case: str) -> None:
    """What is not there, or would change something, ends with 2 and one clear message."""
    options, sql, expected = REFUSED[case]

    code, out, said = run_lake(two, "query", "--lake", "--tenant", "north", sql, *options)

    assert (code, out) == (2, "")
    assert expected in said
    assert "Traceback" not in said


def test_group(two: dict[str, LakeBooks], monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake of a group has the rows of all its tenants, with `tenant` first."""
    query = ("query", "--lake", "--tenant", "group-all", "--json")
    code, out, said = run_lake(
        two, *query, "select tenant, count(*) as n from core.sales group by all order by all"
    )
    assert (code, json.loads(out)) == (
        0,
        [{"tenant": "north", "n": 1000}, {"tenant": "south", "n": 1000}],
    )
    assert "custom.own is left out: its column x has different types in two tenants." in said
    rows = json.loads(run_lake(two, *query, "--model", "sales", "--limit", "2")[1])
    assert [(row["tenant"], row["id"]) for row in rows] == [("north", 999), ("south", 999)]
    rows = json.loads(run_lake(two, *query, "select tenant, made_of from about order by all")[1])
    assert rows == [{"tenant": name, "made_of": name} for name in ("north", "south")]
    code, _, said = run_lake(two, *query, "select 1", "--at", "1")
    assert (code, "have numbers of their own; name a day" in said) == (2, True)
    code, _, said = run_lake(two, *query, "select 1", "--at", "2020-01-01")
    assert (
        code,
        "group-all has no snapshot as early as 2020-01-01. `p4books lake --tenant north` " in said,
    ) == (2, True)


def test_command(two: dict[str, LakeBooks]) -> None:
    """`p4books lake` lists the snapshots of a tenant, or measures the lakes of all."""
    code, out, _ = run_lake(two, "lake", "--tenant", "north")
    lines = out.splitlines()
    assert code == 0
    assert re.match(r"2 +20\S+ \S+ +Run 7, as of 2026-03-31 +core.sales", lines[1])
    assert re.search(r"core.as_of, core.sales, custom.own and 4 more *$", lines[2])
    assert re.match(r"3 snapshots; 2 files of 0.\d MB, and 0.\d MB in the catalog.", lines[4])
    code, out, _ = run_lake(two, "lake", "--all", "--json")
    tenants = json.loads(out)
    assert [each["size"]["snapshots"] for each in tenants] == [3, 3]
    newest = tenants[0]["snapshots"][0]
    assert (newest["snapshot"], newest["run"], newest["written_at"][-1]) == (2, 7, "Z")


def test_recipe(two: dict[str, LakeBooks]) -> None:
    """The SQL that `lake --attach` prints opens the lake in another DuckDB; it has no password.

    Extensions come from the wheels here, not from the web.
    """
    code, sql, _ = run_lake(two, "lake", "--attach", "--tenant", "north")
    assert code == 0

    with open_elsewhere(sql) as con:
        assert con.sql("select count(*) from core.sales").fetchall() == [(1000,)]
        at = con.sql("select count(*) from core.sales at (version => 1)")
        assert at.fetchall() == [(5000,)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            con.execute("delete from core.sales")


def test_recipe_of_a_group(two: dict[str, LakeBooks], tmp_path: Path) -> None:
    """The SQL of a group has a view of each table, in whatever database it is run."""
    code, sql, said = run_lake(two, "lake", "--attach", "--tenant", "group-all")
    assert code == 0
    assert "custom.own is left out: its column x has different types in two tenants." in said

    with open_elsewhere(sql, tmp_path / "mine.duckdb") as con:
        con.execute(find_views(sql))  # it may be run again
        counts = "select tenant, count(*) from core.sales group by all order by all"
        assert con.sql(counts).fetchall() == [("north", 1000), ("south", 1000)]
        assert con.sql("select count(*) from main.about").fetchall() == [(2,)]
    code, out, _ = run_lake(two, "lake", "--attach", "--tenant", "group-all", "--json")
    assert (code, json.loads(out)) == (0, {"tenant": "group-all", "sql": sql.rstrip()})
    assert run_lake(two, "lake", "--attach", "--all")[0] == 2
    for words in (("lake",), ("lake", "--upkeep")):
        code, out, said = run_lake(two, *words, "--tenant", "group-all")
        assert (code, out) == (2, "")
        assert "group-all is a group, and each of its tenants has a lake of its own." in said
        assert "Name one: --tenant north | south; `p4books lake --attach --tenant group-" in said


NAMES = ("memory", "system", "Temp")


def test_recipe_of_reserved_names(
    postgres: PostgresServer, small_file: Path, tmp_path: Path
) -> None:
    """A tenant that is called as a database of DuckDB itself is attached under another name."""
    catalog = postgres.make_catalog()
    books = [LakeBooks(make_lake_settings(tmp_path, catalog, tenant=n), small_file) for n in NAMES]
    for each in books:
        each.publish()
        each.write_number()
        with open_elsewhere(describe_attach(each.settings).sql) as con:
            assert con.sql("select count(*) from core.sales").fetchall() == [(5000,)]

    environment = {
        "SOURCES__P4BOOKS__DATA_DIR": str(tmp_path / "data"),
        "SOURCES__P4BOOKS__LAKE__CATALOG": f"postgres:{find_catalog(books[0])}",
        "SOURCES__P4BOOKS__LAKE__STORAGE": str(tmp_path / "lake"),
        "SOURCES__P4BOOKS__GROUPS__ALL__TENANTS": ", ".join(NAMES),
        **{f"SOURCES__P4BOOKS__TENANTS__{n.upper()}__LANGUAGE": "es" for n in NAMES},
    }
    done = run_here(("lake", "--attach", "--tenant", "group-all"), tmp_path, environment)
    with open_elsewhere(done.stdout) as con:
        counts = "select lower(tenant), count(*) from core.sales group by all order by all"
        assert con.sql(counts).fetchall() == [
            (n.lower(), 5000) for n in sorted(NAMES, key=str.lower)
        ]


def find_views(sql: str) -> str:
    """Return the statements that make schemas and views."""
    return "\n".join(line for line in sql.splitlines() if re.match("create (schema|or)", line))


@contextmanager
def open_elsewhere(sql: str, file: Path | str = ":memory:") -> Iterator[duckdb.DuckDBPyConnection]:
    """Run the SQL that opens a lake in another DuckDB, with the password in the environment."""
    script = re.sub(r"install (\w+);", load_extension, sql)
    with pytest.MonkeyPatch.context() as patch, duckdb.connect(file) as con:
        patch.setenv("PGPASSWORD", PASSWORD)
        con.execute(script)
        yield con


def test_secrets(two: dict[str, LakeBooks], postgres: PostgresServer) -> None:
    """No password is in what a query shows of its connection, nor in an error or a recipe.

    A password of digits alone is as good as another one.
    """
    postgres.execute("create role clerk superuser login password '12345'")
    words = conninfo_to_dict(find_catalog(two["north"]))
    address = f"postgresql://clerk:12345@127.0.0.1:{words['port']}/{words['dbname']}"
    address += f"?sslpassword={PHRASE}&oauth_client_secret={PHRASE}"

    def run(*command: str, catalog: str = address) -> tuple[int, str]:
        code, out, said = run_lake(two, *command, "--tenant", "north", catalog=catalog)
        assert not re.search(rf"{PHRASE}|12345|{CUT}", out + said)
        return code, out + said

    code, shown = run("query", "--lake", "--json", "select path from duckdb_databases()")
    assert (code, json.loads(shown)[0]) == (0, {"path": "postgres:"})
    assert run("query", "--lake", "select count(*) as n from core.sales")[0] == 0
    assert "user=clerk" in run("lake", "--attach")[1]
    for old, new in (
        ("12345@", f"{CUT}@"),
        ("?", "?sslmode=require&"),
        ("?", "?sslkey=/nowhere&sslcert=/nowhere&sslmode=require&"),
    ):
        code, shown = run("query", "--lake", "select 1", catalog=address.replace(old, new))
        assert (code, "cannot be used" in shown) == (1, True)
        with pytest.raises(LakeTrouble) as raised:
            attach_catalog(two["north"], address.replace(old, new))
        assert not re.search(rf"{PHRASE}|12345|{CUT}", str(raised.value))


def attach_catalog(books: LakeBooks, catalog: str) -> None:
    """Attach a lake without having asked its catalog before."""
    place = replace(require_lake(books.settings), catalog=SecretStr(catalog))
    spill = books.settings.data_dir / "spill"
    with translate_errors(place, ""), open_lake_database([place], spill, "200MB") as con:
        attach_lake(con, place, "lake", {})


def test_missing(tmp_path: Path, catalog: SecretStr, small_file: Path) -> None:
    """A lake that no run has written yet, or that the settings do not name, is an error."""
    books = LakeBooks(make_lake_settings(tmp_path, catalog), small_file)

    with pytest.raises(LakeMissing, match="has no snapshot yet"):
        books.query("select 1")
    bare = Settings(tenant="acme", data_dir=tmp_path)
    assert find_lake(bare) is None
    with pytest.raises(NoLake, match="Tenant acme has no lake"), open_lake(bare):
        pass


def test_no_rights(two: dict[str, LakeBooks], postgres: PostgresServer) -> None:
    """Who may not read a lake is told so, with the statements that grant it; a group omits it."""
    postgres.execute(f"create role \"the-clerk\" login password '{PASSWORD}'")
    catalog = f"postgres:{find_catalog(two['north'])} user=the-clerk"
    query = (
        "query",
        "--lake",
        "--format",
        "csv",
        "select count(*) as n from core.sales",
        "--tenant",
    )
    sentence = "The user the-clerk of Postgres may not read the lake of tenant north. Nothing was "
    for words in ((*query, "north"), (*query, "group-all"), ("lake", "--tenant", "north")):
        code, out, said = run_lake(two, *words, catalog=catalog)
        assert (code, out, said.startswith(sentence)) == (2, "", True), said
        assert "p4books sync" not in said
    grants = said.partition(" with: ")[2]
    with connect_postgres(SecretStr(find_catalog(two["north"])), "") as connection:
        connection.execute(grants.encode())

    assert run_lake(two, *query, "north", catalog=catalog) == (0, "n\n1000\n", "")
    code, out, said = run_lake(two, *query, "group-all", catalog=catalog)
    assert (code, out) == (0, "n\n1000\n")
    assert "south is left out: The user the-clerk of Postgres may not read the lake" in said


def test_times() -> None:
    """A day is its last instant in the tenant's zone, and so is a minute or a second."""

    def read(word: str) -> str:
        choice = parse_at(word, "America/Panama")
        assert choice is not None
        return choice.value

    assert read("2026-10-31") == "'2026-11-01 04:59:59.999999+00:00'"
    assert read("2026-10-31T18:00") == "'2026-10-31 23:00:59.999999+00:00'"
    assert read("2026-10-31T18Z") == "'2026-10-31 18:59:59.999999+00:00'"
    assert read("2026-10-31 18:00:07-05") == "'2026-10-31 23:00:07.999999+00:00'"
    assert read("2026-10-31T18:00:07.861Z") == "'2026-10-31 18:00:07.861999+00:00'"
    assert read("20261031T180007.861234Z") == "'2026-10-31 18:00:07.861234+00:00'"
    assert parse_at(None, "America/Panama") is None


def test_names(catalog: SecretStr, tmp_path: Path) -> None:
    """Spellings of a tenant share a schema, no two tenants do, and Postgres cuts none off."""
    names = ["acme", "Acme", "a" * 63, "a" * 62 + "b", "a" * 50]
    places = [require_lake(make_lake_settings(tmp_path, catalog, tenant=name)) for name in names]
    schemas = [place.schema for place in places]

    assert schemas[0] == schemas[1] == "p4books_acme"
    assert places[0].data == places[1].data == f"{tmp_path}/lake/acme/"
    assert len(set(schemas)) == 4
    assert max(map(len, schemas)) <= 63
