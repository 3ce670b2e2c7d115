"""Snapshots of the lake: what they hold, what they cost, and what stops them."""

import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from tests.lake.cut_catalog import CutCatalog
from tests.lake.lake_books import LakeBooks, make_lake_settings
from tests.postgres import PASSWORD, PostgresServer
from tests.s3 import SECRET, S3Server

from p4books.lake import LakeTrouble, open_lake
from p4books.lake.errors import (
    LakeConflict,
    LakeDiffers,
    LakeLost,
    LakeMoved,
    LakeOccupied,
    LakeUncertain,
)
from p4books.lake.place import require_lake
from p4books.lake.snapshots import load_data_path, move_empty_lake
from p4books.storage.postgres import PostgresTrouble, connect_postgres

TENANT = "west-9"  # a schema of this name is quoted in SQL


def test_all_models(tmp_path: Path, catalog: SecretStr, fixed_file: Path) -> None:
    """The lake has every table and view of the built-in models, row by row, as it is in the file.

    What DuckDB only writes otherwise, such as the names that a view excludes, is no change.
    """
    books = LakeBooks(make_lake_settings(tmp_path, catalog), fixed_file)
    books.publish()
    books.write_number()
    books.publish("update reporting.ar_aging set balance = balance + 0.01 where days_1_30 > 0")
    snapshot = books.write()

    assert snapshot is not None
    assert snapshot.changed == ("reporting.ar_aging",)
    assert books.find_differences() == []


def test_snapshots(books: LakeBooks) -> None:
    """A snapshot has the rows that changed, also equal ones, and what is no longer published.

    It says which run wrote it, as of when the books are, and what changed.
    """
    books.publish("create table custom.a as select 1 as x")
    assert books.write_number() == 1
    files = books.count_files()

    books.publish(
        "update core.sales set amount = amount + 0.01 where id % 1000 = 7",
        "delete from core.sales where id = 4999",
        "insert into core.sales values (1, 'USD', 1.10), (1, 'USD', 1.10), (6000, null, null)",
        "update about set as_of_on = '2026-04-01'",
        "drop view core.large_sales",
        "drop table custom.a",
    )
    snapshot = books.write()

    changed = ["core.large_sales", "core.sales", "custom.a", "main.about"]
    assert snapshot is not None
    assert sorted(snapshot.changed) == changed
    assert books.find_differences() == []
    assert books.count_files() == files  # so few rows are in the catalog
    assert books.query("select count(*) from core.large_sales", "1") == [(454,)]
    with open_lake(books.settings) as lake:
        count, total = lake.con.sql("select count(*), sum(amount) from core.sales").fetchall()[0]
        author, message, text = lake.con.sql(
            "select author, commit_message, commit_extra_info from snapshots()"
            " where snapshot_id = 2"
        ).fetchall()[0]
    assert (count, total) == (5002, Decimal("13741753.35"))
    assert (author, message) == ("p4books", "Run 7, as of 2026-04-01")
    extra = json.loads(text)
    assert (extra["run"], extra["as_of_on"]) == (7, "2026-04-01")
    assert sorted(extra["changed"]) == changed


def test_nothing_new(books: LakeBooks, postgres: PostgresServer, tmp_path: Path) -> None:
    """A file that the lake has already makes no snapshot, even if nobody remembers that.

    A lake that is not there any more is written again, although the file did not change.
    """
    books.publish()
    books.write_number()
    assert books.write() is None

    books.settings.run_log.unlink()
    books.publish()
    snapshot = books.write()
    assert snapshot is not None
    assert (snapshot.number, snapshot.changed) == (None, ())
    assert books.write() is None

    shared = make_lake_settings(tmp_path, postgres.make_catalog())
    with pytest.raises(LakeOccupied, match="which another catalog may need"):
        LakeBooks(shared, books.source).write()  # the files are those of the first catalog
    elsewhere = make_lake_settings(tmp_path, postgres.make_catalog(), str(tmp_path / "other"))
    again = LakeBooks(elsewhere, books.source)
    assert again.write_number() == 1
    assert again.find_differences() == []


def test_other_columns(books: LakeBooks) -> None:
    """A table with other columns or types is made again, and so are views with another SQL."""
    books.publish("create table custom.a as select 1 as x, 'a' as y")
    books.write_number()
    books.publish(
        "create or replace table custom.a as select 1::bigint as x, true as z",
        "create view custom.c as select x from custom.a",
        "create view custom.b as select x + 1 as x from custom.c",
        "comment on table custom.a is 'One row.'",
    )
    books.write_number()

    assert books.find_differences() == []
    assert books.query("select comment from duckdb_tables() where table_name = 'a'") == [
        ("One row.",)
    ]
    books.publish("drop view custom.b", "create table custom.b as select 3 as x")
    books.write_number()
    assert books.find_differences() == []


EXACT = {
    "hugeint": "99999999999999999999999999999999999999::hugeint",
    "too huge": "170141183460469231731687303715884105727::hugeint",
    "uhugeint": "340282366920938463463374607431768211455::uhugeint",
    "enum": "'a'::enum('a', 'b')",
    "array": "[1, 2]::integer[2]",
    "interval": "interval '-1 month'",
    "time with zone": "timetz '10:00:00+01'",
    "bits": "'0101'::bit",
    "union": "union_value(a := 1)",
    "list of huge": "[170141183460469231731687303715884105727::hugeint]",
    "decimal": "-9999999999999999.99::decimal(18, 2)",
    "long decimal": "1234567890123456789012345678.0123456789::decimal(38, 10)",
    "double": "1e-320::double",
    "not a number": "'nan'::double",
    "text": "'a' || chr(0) || '😀 ''\"\\n'",
    "empty text": "''",
    "endless": "timestamptz 'infinity'",
    "nanoseconds": "timestamp_ns '2026-01-01 00:00:00.123456789'",
    "before Christ": "date '0044-03-15 (BC)'",
    "bytes": "'\\x00\\xFF'::blob",
    "json": "'{\"a\": 1.0}'::json",
    "struct": "{'a b': 1, 'c': [{'x': 0.10::decimal(18, 2)}]}",
}


def test_types(books: LakeBooks) -> None:
    """Whatever type a custom model has, the lake shows the same values, few rows or many.

    A view whose columns have other types there is a table. A table with a column that the catalog
    cannot have is left out, with a note.
    """
    columns = ", ".join(f'{value} as "{name}"' for name, value in EXACT.items())
    books.publish(
        f"create table custom.few as select {columns}",
        f"create table custom.many as select {columns}, range as id from range(200)",
        "create view custom.view as select sum(id) as huge from custom.many",
        "create table custom.odd as select 1 as xmin, 2 as Row_Id",
        'create table custom.even as select 1 as rowid, 2 as "a ""b", 3 as ñ, 4 as "select"',
    )
    snapshot = books.write()

    assert snapshot is not None
    assert snapshot.notes == (
        "custom.odd is not in the lake, where no column may be called xmin and Row_Id.",
    )
    texts = ", ".join(f'"{name}"::varchar' for name in EXACT)
    expected = books.query(f"select {texts} from (select {columns})")
    assert books.query(f"select {texts} from custom.few") == expected
    assert books.query(f"select distinct {texts} from custom.many") == expected
    assert books.query("select huge, typeof(huge) from custom.view") == [
        (Decimal(19900), "DECIMAL(38,0)")
    ]
    books.publish("update custom.even set rowid = 5, ñ = 6", "delete from custom.many where id = 7")
    snapshot = books.write()
    assert snapshot is not None
    assert sorted(snapshot.changed) == ["custom.even", "custom.many", "custom.view"]
    assert books.find_differences() == ["custom.odd"]


def test_two_machines(tmp_path: Path, catalog: SecretStr, small_file: Path) -> None:
    """The lease is asked for after the first read: a run that lost it then writes nothing.

    What another run commits after that question is a conflict, so that it can't be undone.
    """
    first, second = (
        LakeBooks(make_lake_settings(tmp_path / name, catalog, str(tmp_path / "lake")), small_file)
        for name in "ab"
    )
    for each in (first, second):
        each.publish()
    first.write_number()
    second.publish("update about set as_of_on = '2026-04-02'")
    first.publish("update about set as_of_on = '2026-04-03'")

    with pytest.raises(LakeLost, match="Another machine has taken over tenant acme"):
        second.write(is_mine=lambda: False)

    def let_other_write() -> bool:
        first.write_number()
        return True

    with pytest.raises(LakeConflict, match="at the same time"):
        second.write(is_mine=let_other_write)
    assert first.query("select as_of_on::varchar from about") == [("2026-04-03",)]
    assert first.find_differences() == []
    second.write_number()  # as its next run would
    assert second.find_differences() == []
    first.write_number()  # an older state, also if it has nothing new, does not take it for its own
    assert first.find_differences() == []


def test_catalog_away(books: LakeBooks, postgres: PostgresServer) -> None:
    """Without Postgres a run fails with a sentence that shows no password; the next one writes."""
    books.publish()
    books.write_number()
    books.publish("update about set as_of_on = '2026-04-02'")
    postgres.kill()
    try:
        with pytest.raises((PostgresTrouble, LakeTrouble)) as raised:
            books.write()
    finally:
        postgres.start()

    assert PASSWORD not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)
    books.write_number()
    assert books.find_differences() == []


def test_s3(
    s3: str, s3_server: S3Server, tmp_path: Path, catalog: SecretStr, small_file: Path
) -> None:
    """The files may be in an S3, with the login of the environment; without it a run fails."""
    books = LakeBooks(make_lake_settings(tmp_path, catalog, s3), small_file)
    books.publish()
    books.write_number()
    assert books.find_differences() == []

    books.publish("update core.sales set amount = 0")
    s3_server.stop()
    try:
        with pytest.raises(LakeTrouble) as raised:
            books.write()
    finally:
        s3_server.start()
    assert SECRET not in str(raised.value)
    books.write_number()
    assert books.find_differences() == []
    with open_lake(books.settings) as lake:
        assert SECRET not in str(lake.con.execute("from duckdb_secrets()").fetchall())
        assert PASSWORD not in str(lake.con.execute("from duckdb_databases()").fetchall())


def test_files_on_disk(books: LakeBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """New files and their folders are on disk before the catalog names them, others are not asked.

    A machine may lose its power right after the commit.
    """
    synced: list[str] = []

    def sync(handle: int) -> None:
        synced.append(os.path.realpath(f"/proc/self/fd/{handle}"))

    books.publish()
    books.write_number()
    books.publish("update core.sales set amount = amount + 1")
    known = set(Path(require_lake(books.settings).data).rglob("*.parquet"))
    monkeypatch.setattr(os, "fsync", sync)
    books.write_number()
    new = set(Path(require_lake(books.settings).data).rglob("*.parquet")) - known

    assert new
    assert {str(path) for path in (*new, *(file.parent for file in new))} <= set(synced)
    storage = str(books.settings.lake.storage) if books.settings.lake else ""
    assert storage not in synced  # it has nothing new, and what is above may not be readable
    assert not {str(path) for path in known} & set(synced)


def test_postgres_dies_meanwhile(books: LakeBooks, postgres: PostgresServer) -> None:
    """A Postgres that dies within the transaction costs the snapshot, and not the process."""
    books.publish()

    def die() -> bool:
        postgres.kill()
        return True

    try:
        with pytest.raises(LakeTrouble, match="the next run writes what is missing") as caught:
            books.write(is_mine=die)
    finally:
        postgres.start()

    assert PASSWORD not in str(caught.value)
    assert books.write_number() == 1
    assert books.find_differences() == []


class Miscounting:
    """A connection to DuckDB that counts a row too few as deleted from a table of the lake."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def __getattr__(self, name: str) -> Any:
        """Return what the connection itself has."""
        return getattr(self._con, name)

    def execute(self, sql: str, *values: object) -> Any:
        """Execute a statement."""
        result = self._con.execute(sql, *values)
        if not re.match(r'delete from lake\."?core"?\."?sales', sql):
            return result
        (count,) = result.fetchone() or (0,)
        return self._con.execute(f"select {count - 1}")


def test_other_number_of_rows(books: LakeBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot is not committed if a table would not have as many rows as the file."""
    books.publish()
    books.write_number()
    books.publish("delete from core.sales where id = 7", "update about set made_of = 'other'")
    connect = duckdb.connect
    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", lambda *a, **k: Miscounting(connect(*a, **k)))
        with pytest.raises(LakeDiffers, match=r"5,000 rows of core\.sales instead of 4,999"):
            books.write()

    assert books.query("select count(*), any_value(made_of) from core.sales, about") == [
        (5000, "made of")
    ]
    books.write_number()
    assert books.find_differences() == []


def test_lost_answer(books: LakeBooks, cut_catalog: CutCatalog) -> None:
    """A snapshot whose commit Postgres never confirmed can be read, and the next run goes on."""
    books.publish()
    books.write_number()
    books.publish("update core.sales set amount = amount + 1")
    broken = LakeBooks(cut_catalog.change_settings(books.settings), books.source)

    with pytest.raises(LakeUncertain, match="Either all of it is there or nothing"):
        broken.write(is_mine=cut_catalog.arm)

    assert books.find_differences() == []
    assert books.write() is not None  # which finds that nothing is missing
    books.publish("update core.sales set amount = 0 where id = 3")
    books.write_number()
    assert books.find_differences() == []


def test_wrong_storage_at_first(tmp_path: Path, catalog: SecretStr, small_file: Path) -> None:
    """A lake that was created while `storage` was wrong takes the one that is right later."""
    right = create_in_wrong_storage(tmp_path, catalog, small_file)

    assert right.write_number() == 1
    assert right.find_differences() == []


def test_wrong_storage_with_files(tmp_path: Path, catalog: SecretStr, small_file: Path) -> None:
    """A lake without tables does not go where files of another catalog may be."""
    (tmp_path / "lake" / TENANT / "core").mkdir(parents=True)
    (tmp_path / "lake" / TENANT / "core" / "theirs.parquet").touch()
    right = create_in_wrong_storage(tmp_path, catalog, small_file)

    with pytest.raises(LakeOccupied, match=f"there are files in {tmp_path}/lake/{TENANT}/, which"):
        right.write()


def create_in_wrong_storage(folder: Path, catalog: SecretStr, file: Path) -> LakeBooks:
    """Create a lake while `storage` is a file; return the books with a folder as `storage`."""
    (folder / "file").touch()
    wrong, right = (
        LakeBooks(make_lake_settings(folder, catalog, str(folder / name), TENANT), file)
        for name in ("file", "lake")
    )
    wrong.publish()
    with pytest.raises(LakeTrouble):
        wrong.write()
    return right


def test_moved(tmp_path: Path, catalog: SecretStr, small_file: Path) -> None:
    """A lake with tables stays where it is; the error has the statement to use after a move."""
    before, after = (
        LakeBooks(make_lake_settings(tmp_path, catalog, str(tmp_path / name), TENANT), small_file)
        for name in ("one", "two")
    )
    before.publish()
    before.write_number()
    before.publish("update core.sales set amount = 0")

    with pytest.raises(LakeMoved, match=f"are in {tmp_path}/one/{TENANT}/, but") as raised:
        after.write()
    move_empty_lake(require_lake(after.settings), "Nothing.")
    assert load_data_path(require_lake(after.settings), "Nothing.") == f"{tmp_path}/one/{TENANT}/"
    (tmp_path / "one").rename(tmp_path / "two")
    statement = str(raised.value).partition("of the catalog: ")[2]
    with connect_postgres(catalog, "Nothing.") as connection:
        connection.execute(statement.encode())

    assert after.write_number() == 2
    assert after.find_differences() == []
