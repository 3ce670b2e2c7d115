"""Building, checking and replacing the published file."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import write_sql

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    AlreadyRunning,
    BrokenSeed,
    BrokenSql,
    CheckFailed,
    DiskTrouble,
    NoPicture,
    OutOfMemory,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    WarehouseDamaged,
    WarehouseTooNew,
    describe_left_out,
)
from p4books.load.schema import create_tables
from p4books.publish.publish import (
    About,
    PublishTarget,
    build_published_file,
    is_publish_due,
    publish_report,
    publish_warehouse,
)
from p4books.publish.published_file import inspect_published, read_about
from p4books.settings import Settings
from p4books.storage.database import BLOCK_SIZE, borrow_reader
from p4books.storage.files import scratch_dir, tenant_lock
from p4books.storage.run_log import EndpointRun, PublishedRecord, RunLog
from p4books.transform.build import create_views
from p4books.transform.changes import take_fingerprint
from p4books.transform.inputs import ModelInputs
from p4books.transform.models import SqlSources, load_models, sql_folder

Files = Callable[..., Path]
Publish = Callable[[Path], Path]
Row = tuple[Any, ...]

HERE = Path(__file__).parent
HISTORY = "-- One row per version of a vendor, or ''two''.\nfrom raw.vendors"
VENDORS = """-- One row per vendor.
select
    id as vendor_id,
    name as vendor_name,
    _dlt_valid_from as valid_from,
    balance
from staging.vendors_history
where _dlt_valid_to is null"""
PUBLISHED_AT = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


def build(warehouse: Path, root: Path, folder: Path) -> Path:
    """Build the views in a warehouse and publish them in a folder."""
    with duckdb.connect(warehouse) as con:
        models = load_models(SqlSources.at(root))
        create_views(con, models)
    (folder / "work").mkdir(exist_ok=True)
    file = folder / "acme.duckdb"
    checks = sorted((root / "checks").glob("*.sql"))
    about: About = {"made_of": "m", "published_at": PUBLISHED_AT}
    build_published_file(
        warehouse, models, PublishTarget(folder / "work", file, 0o640, about, checks)
    )
    return file


def query(file: Path, sql: str) -> list[Row]:
    with duckdb.connect(file, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(sql).fetchall()


def query_catalogue(file: Path, columns: str) -> list[Row]:
    return query(file, f"select {columns} from catalogue order by layer, model")


@pytest.fixture(scope="module")
def shared(vendors_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a warehouse and its published file with two models, only to be read."""
    folder = tmp_path_factory.mktemp("shared")
    root = write_sql(folder / "sql", staging__vendors_history=HISTORY, staging__vendors=VENDORS)
    build(Path(shutil.copy(vendors_warehouse, folder)), root, folder)
    return folder


@pytest.fixture
def publish(warehouse: Path, tmp_path: Path) -> Publish:
    """Build the views in the test's warehouse and publish them."""
    return lambda root: build(warehouse, root, tmp_path)


@pytest.fixture
def root(sql: Files) -> Path:
    """The SQL of two models."""
    return sql(staging__vendors_history=HISTORY, staging__vendors=VENDORS)


@pytest.mark.parametrize("model", ["staging.vendors_history", "staging.vendors"])
def test_tables_equal_views(shared: Path, model: str) -> None:
    """A table has the rows of its view, value by value, in columns of the same types."""
    published, warehouse = shared / "acme.duckdb", shared / "warehouse.duckdb"

    rows = query(published, f"select * from {model} order by all")

    assert rows
    assert rows == query(warehouse, f"select * from {model} order by all")
    assert query(published, f"describe {model}") == query(warehouse, f"describe {model}")


def test_tables_have_comments(shared: Path) -> None:
    """The file has tables with their grain as comment, and no views."""
    published = shared / "acme.duckdb"

    tables = "select schema_name, table_name, comment from duckdb_tables() order by all"
    assert query(published, tables) == [
        ("main", "about", "One row: what this file is and when it was made."),
        ("main", "catalogue", "One row per model in this file."),
        (
            *("main", "catalogue_columns"),
            "One row per column of a model in this file: its names and meanings.",
        ),
        (
            *("main", "catalogue_sections"),
            "One row per section of the reports and per layer, in their order.",
        ),
        (
            *("main", "catalogue_values"),
            "One row per column and word that models put into it: its names.",
        ),
        ("staging", "vendors", "One row per vendor."),
        ("staging", "vendors_history", "One row per version of a vendor, or ''two''."),
    ]
    assert query(published, "select count(*) from duckdb_views() where not internal") == [(0,)]


def test_about(shared: Path) -> None:
    """The row of `about` has what the target says, and the numbers of models and rows."""
    assert query(shared / "acme.duckdb", "from about") == [("m", PUBLISHED_AT, 2, 5)]
    assert read_about(shared / "acme.duckdb") == ("m", PUBLISHED_AT)


def test_file(shared: Path) -> None:
    """It opens in DuckDB 1.4, is in small blocks, has the requested mode, and is alone."""
    published = shared / "acme.duckdb"

    version = "select tags['storage_version'] from duckdb_databases() where not internal"
    assert query(published, version) == [("v1.4.0+",)]
    assert query(published, "select block_size from pragma_database_size()") == [(BLOCK_SIZE,)]
    assert published.stat().st_mode & 0o777 == 0o640
    assert [path for path in (shared / "work").rglob("*") if path.is_file()] == []
    assert [path.name for path in shared.glob("*.wal")] == []


def test_too_little_memory(warehouse: Path, sql: Files, tmp_path: Path) -> None:
    """A model that needs too much memory is not reported as a problem of the disk."""
    root = sql(staging__long="-- One row.\nselect repeat('x', 40_000_000) as text")
    models = load_models(SqlSources.at(root))
    file = tmp_path / "acme.duckdb"

    with pytest.raises(OutOfMemory, match="ran out of memory"):
        build_published_file(warehouse, models, PublishTarget(tmp_path, file, 0o640), memory="32MB")

    assert not file.exists()


def test_readers_keep_the_old_file(publish: Publish, root: Path, warehouse: Path) -> None:
    """A reader goes on with the file it opened; the next one opens the new file."""
    published = publish(root)
    with duckdb.connect(warehouse) as con:
        con.execute("delete from raw.vendors where id = '1'")
    with duckdb.connect(published, read_only=True) as reader:
        reader.execute("select count(*) from staging.vendors")

        publish(root)

        assert reader.execute("select count(*) from staging.vendors").fetchall() == [(2,)]
    assert query(published, "select count(*) from staging.vendors") == [(1,)]


FAILING = {
    "cast": "cast(name as integer)",
    "error": "error('no such rate')",
    "overflow": "cast(balance * 1e17::decimal(18, 0) as decimal(18, 2))",
    "out of range": "127::tinyint + length(name)::tinyint",
    "subquery": "(select name from raw.vendors)",
}


@pytest.mark.parametrize("case", FAILING)
def test_failing_model(publish: Publish, sql: Files, tmp_path: Path, case: str) -> None:
    """A view that can be created but not computed is reported; the old file is unchanged."""
    (tmp_path / "acme.duckdb").write_bytes(b"old")
    root = sql(staging__zero=f"-- One row.\nselect {FAILING[case]} as x\nfrom raw.vendors")

    with pytest.raises(BrokenSql, match=r"zero\.sql, line \d+: .*published file is unchanged"):
        publish(root)

    assert (tmp_path / "acme.duckdb").read_bytes() == b"old"


def test_catalogue(publish: Publish, sql: Files) -> None:
    """The catalogue has the headers of each model, what it reads, and its number of rows."""
    root = sql(
        staging__vendors_history=HISTORY,
        core__vendors="-- One row per vendor.\n-- key: vendor_id\n-- order: balance desc\n"
        "-- question: Whom do we owe?\n-- query: from core.vendors\n" + VENDORS.partition("\n")[2],
        custom__empty="-- One row per nothing.\n-- key: n\nselect 1 as n where false",
    )

    published = publish(root)

    columns = "layer, model, grain, key, sorted_by, question, query, reads, rows"
    assert query_catalogue(published, columns) == [
        (
            *("core", "vendors", "One row per vendor.", "vendor_id", "balance desc"),
            *("Whom do we owe?", "from core.vendors", "staging.vendors_history", 2),
        ),
        ("custom", "empty", "One row per nothing.", "n", "n", "", "", "", 0),
        (
            *("staging", "vendors_history", "One row per version of a vendor, or ''two''."),
            *("", "", "", "", "raw.vendors", 3),
        ),
    ]


def test_unpublished_models(publish: Publish, sql: Files) -> None:
    """A model with `published: no` can be read by others and is not in the file."""
    root = sql(
        staging__vendors="-- One row per vendor.\nfrom raw.vendors",
        core__a="-- One row.\n-- published: no\nselect * from staging.vendors",
        core__b="-- One row.\n-- published: no\nselect * from core.a join raw.seen on true",
        reporting__c="-- One row.\nselect count(*) as vendors from core.a",
        reporting__d="-- One row.\nselect * from core.b join core.a on true",
        custom__e="-- One row.\n-- published: no\nselect vendors from core.a, reporting.c",
    )

    published = publish(root)

    assert query(published, "from reporting.c") == [(3,)]
    assert query(published, "select count(*) from duckdb_views() where not internal") == [(0,)]
    assert query(published, "select model, reads from catalogue order by model") == [
        ("c", "staging.vendors"),
        ("d", "raw.seen, staging.vendors"),
        ("e", "reporting.c, staging.vendors"),
        ("vendors", "raw.vendors"),
    ]
    assert query(published, "select models from about") == [(4,)]


def test_failing_custom_model(publish: Publish, root: Path, sql: Files) -> None:
    """A failing custom model is left out of file and catalogue; all others are published."""
    sql(custom__failing="-- One row.\nselect vendor_name::date as x from staging.vendors")
    sql(custom__whole="-- One row.\nselect * from staging.vendors")

    published = publish(root)

    models = [("custom", "whole"), ("staging", "vendors"), ("staging", "vendors_history")]
    assert query_catalogue(published, "layer, model") == models
    assert query(published, "select models, rows from about") == [(3, 7)]
    assert query(published, "select count(*) from custom.whole") == [(2,)]


def test_failing_check(publish: Publish, root: Path, sql: Files, tmp_path: Path) -> None:
    """If a check or a key fails nothing is published, and the old file is unchanged."""
    (tmp_path / "acme.duckdb").write_bytes(b"old")
    sql(checks__no_vendor="select vendor_id, balance from staging.vendors")
    with pytest.raises(CheckFailed, match=r"(?s)`no vendor` failed: 2 rows .*\n- vendor_id: "):
        publish(root)
    sql(checks__no_vendor="-- Fine.\nselect 1 where false")
    sql(staging__vendors_history=HISTORY.replace("\n", "\n-- key: id\n"))

    with pytest.raises(CheckFailed, match=r"staging\.vendors_history has one row per id"):
        publish(root)

    assert (tmp_path / "acme.duckdb").read_bytes() == b"old"


def test_checks_read_the_new_tables(publish: Publish, root: Path, sql: Files) -> None:
    """A check reads the tables that are about to be published, not the views beneath."""
    sql(checks__same="select * from published.staging.vendors where vendor_id is null")

    assert query(publish(root), "select count(*) from staging.vendors") == [(2,)]


def test_target_that_cannot_be_replaced(publish: Publish, root: Path, tmp_path: Path) -> None:
    """A folder in the place of the published file is named, and stays."""
    (tmp_path / "acme.duckdb").mkdir()

    with pytest.raises(PublishedFileBlocked, match=r"acme\.duckdb is a folder, so .*Move it else"):
        publish(root)


def test_leftover_of_a_killed_run(publish: Publish, root: Path, tmp_path: Path) -> None:
    """A half-written file of a killed run is replaced."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "published.duckdb").write_bytes(b"half")

    assert query(publish(root), "select count(*) from staging.vendors") == [(2,)]


def test_fingerprint_of_other_files(tmp_path: Path) -> None:
    """A missing file and a file that p4books did not write have no fingerprint."""
    strange = tmp_path / "strange.duckdb"
    strange.write_bytes(b"strange" * 1000)
    with duckdb.connect(tmp_path / "other.duckdb") as con:
        con.execute("create table about (made_by text)")

    assert read_about(tmp_path / "other.duckdb") == (None, None)
    with pytest.raises(PublishedFileUnreadable, match="not a valid DuckDB"):
        read_about(strange)


COPIED, CHANGED = "2020-03-01 17:00:00Z", "2020-03-03 17:00:00Z"  # noon in Panama
SYNCED = datetime(2020, 3, 5, 17, tzinfo=UTC).timestamp()
BEFORE, AFTER = date(2020, 3, 2), date(2020, 3, 3)
VOIDED = "select status = 'Void' from staging.invoices where id = '3'"
FOURTH_VENDOR = "select count(*) from staging.vendors where id = '4'"


def write_report_sql(folder: Path) -> Path:
    """Write a few models, so that a report is quick; core.as_of is the project's own."""
    root = write_sql(
        folder,
        staging__invoices="-- One row.\nselect * from raw.invoices where _dlt_valid_to is null",
        staging__products="-- One row.\nselect id, unit_of_measure from raw.products"
        " where _dlt_valid_to is null",
        staging__vendors="-- One row.\nselect * from raw.vendors where _dlt_valid_to is null",
        core__seen="-- One row.\nselect * from raw.seen",
        core__as_of=(sql_folder() / "core" / "as_of.sql").read_text(encoding="utf-8"),
    )
    shutil.copytree(sql_folder() / "seeds", root / "seeds")
    return root


@pytest.fixture
def report_sql(tmp_path: Path) -> Path:
    """The SQL of a few models, to be edited."""
    return write_report_sql(tmp_path / "edited")


@pytest.fixture(scope="module")
def published_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a tenant, copied on 1 March 2020, last synced on the 5th, and published.

    On 3 March invoice 3 was voided and vendor 4 deleted.
    """
    folder = tmp_path_factory.mktemp("published")
    settings = Settings(tenant="acme", data_dir=folder / "data")
    settings.private.mkdir(parents=True)
    create_tables(settings.warehouse, tuple(ENDPOINTS.values()))
    with duckdb.connect(settings.warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        for name in ENDPOINTS:
            con.execute(f"insert into raw.history values ('{name}', '{COPIED}')")
            con.execute(
                f"insert into raw.{name} (id, _dlt_valid_from)"
                f" select i::varchar, '{COPIED}'::timestamptz from range(1, 6) as _(i)"
            )
        con.execute(
            "insert into raw.invoices (id, status, _dlt_valid_from)"
            f" values ('3', 'Void', '{CHANGED}')"
        )
        con.execute(
            f"update raw.invoices set status = 'Sent', _dlt_valid_to = '{CHANGED}'"
            " where id = '3' and status is null"
        )
        con.execute(f"update raw.vendors set _dlt_valid_to = '{CHANGED}' where id = '4'")
    log = RunLog(settings.run_log)
    log.record_endpoint_runs(
        log.begin_run(), EndpointRun("vendors", "whole", "done", SYNCED, SYNCED, SYNCED)
    )
    publish_report(settings, sql=write_report_sql(folder / "sql"))
    return settings.data_dir


@pytest.fixture
def settings(published_data: Path, tmp_path: Path) -> Settings:
    """Settings of a copy of that tenant, without a key and with an API that does not answer."""
    shutil.copytree(published_data, tmp_path / "data")
    return Settings(tenant="acme", base_url="http://127.0.0.1:9", data_dir=tmp_path / "data")


def read_tables(file: Path) -> dict[str, list[Row]]:
    """Return the rows of every table except `about`, which has the time of publication."""
    tables = query(file, "select schema_name || '.' || table_name from duckdb_tables()")
    rows = {name: query(file, f"from {name} order by all") for (name,) in tables}
    return {name: rows[name] for name in rows if name != "main.about"}


def list_data(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.data_dir.iterdir())


def test_report_after_an_edit(settings: Settings, report_sql: Path) -> None:
    """An edited model is published from the warehouse, which is unchanged, without the API."""
    inode, warehouse = settings.published.stat().st_ino, settings.warehouse.read_bytes()
    write_sql(report_sql, reporting__mine="-- One row.\nselect 7 as seven\n")

    published, models = publish_report(settings, sql=report_sql)

    assert published == settings.published
    assert "reporting.mine" in [model.full_name for model in models.models]
    assert query(published, "from reporting.mine") == [(7,)]
    assert query(published, "select count(*) from staging.invoices") == [(5,)]
    assert published.stat().st_ino != inode
    assert published.stat().st_mode & 0o777 == 0o440
    assert settings.warehouse.read_bytes() == warehouse
    assert list_data(settings) == [".private", "acme.duckdb"]
    assert not list(settings.private.glob("work*"))


def is_due(settings: Settings, sql: Path) -> bool:
    """Return whether the next sync would publish."""
    return is_publish_due(settings, SqlSources.at(sql), inspect_published(settings))


def test_report_without_an_edit(settings: Settings, report_sql: Path) -> None:
    """Published again from the same rows, every table is the same, and the next sync has none."""
    before = read_tables(settings.published)

    publish_report(settings, sql=report_sql)

    assert len(before) == 9
    assert read_tables(settings.published) == before
    assert not is_due(settings, report_sql)


BROKEN_LATE = {
    "column": ("select customer_id, nosuch from staging.invoices", "nosuch"),
    "cast": ("select 'x'::integer as customer_id", "Conversion Error"),
    "key": ("select unnest([1, 1]) as customer_id", "has one row per customer_id"),
    "pivot": (
        "from (pivot staging.invoices on status using sum(nosuch) group by id)",
        "nosuch",
    ),
    "pivot key": (
        "select 1 as customer_id from (pivot staging.invoices on status using max(id) group by id)",
        "has one row per customer_id",
    ),
}


@pytest.mark.parametrize("case", BROKEN_LATE)
def test_broken_report_before_a_good_one(settings: Settings, report_sql: Path, case: str) -> None:
    """A custom report that fails is left out, whichever comes after it."""
    text, why = BROKEN_LATE[case]
    header = "-- One row per customer.\n-- key: customer_id\n"
    write_sql(
        report_sql,
        custom__a=f"{header}{text}",
        custom__b=f"{header}select distinct id as customer_id from staging.invoices",
    )

    published, models = publish_report(settings, sql=report_sql)

    assert query(published, "select count(*) from custom.b") == [(5,)]
    (error,) = models.left_out
    assert why in str(error)


def kept(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "kept from" in message]


def test_report_keeps_tables(
    settings: Settings, report_sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Tables are kept if the file is as this program published it from this SQL.

    The log says of no model and no check that it changed, but of a custom one, which is built anew.
    """
    caplog.set_level("INFO")
    write_sql(
        report_sql,
        custom__mine="-- One row.\nselect 1 as one",
        checks__all_is_sold="select * from staging.invoices where false",
    )
    publish_report(settings, sql=report_sql)
    log = RunLog(settings.run_log)
    before, checks = log.load_build(), log.load_checks()

    publish_report(settings, sql=report_sql)

    assert kept(caplog) == ["5 tables kept from the last published file"]
    assert before.keys() > {"staging.invoices", "custom.mine"}
    assert log.load_build() == {**before, "custom.mine": log.load_build()["custom.mine"]}
    assert log.load_build()["custom.mine"] > before["custom.mine"]
    assert log.load_checks() == checks
    assert {claim: check.finding for claim, check in checks.items()} == {"all is sold": ""}


def test_report_remembers_its_tables(settings: Settings, report_sql: Path) -> None:
    """After updates it is known, as far as anything is, what the tables in the file have."""
    publish_report(settings, sql=report_sql)
    known = [load_fingerprints(settings)]
    for number in "123":
        with duckdb.connect(settings.warehouse) as con:
            con.execute("update raw.invoices set _dlt_valid_to = now() where id = ?", [number])
        publish_report(settings, sql=report_sql)
        known.append(load_fingerprints(settings))

    assert known[0] == {}
    assert len({*map(str, known)}) == len(known)
    with borrow_reader(settings.published) as con:
        assert known[-1] == {name: take_fingerprint(con, name) for name in known[-1]}


def load_fingerprints(settings: Settings) -> dict[str, str]:
    """Return the fingerprints of the tables in the published file that are known."""
    record = RunLog(settings.run_log).load_published()
    assert record
    found = json.loads(record.inputs)
    return {name: text for name, text in found.items() if not name.startswith("raw.")}


def test_report_reads_views_in_an_update(
    settings: Settings, report_sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A report has the rows of views when the file is updated, which then has as many views."""
    caplog.set_level("INFO")
    number = "select count(*) as number from staging.invoices"
    write_sql(
        report_sql,
        core__hidden=f"-- One row.\n-- published: no\n{number}",
        core__shown=f"-- One row.\n-- published: view\n{number}",
        custom__both="-- One row.\nselect * from core.hidden union all from core.shown",
    )
    publish_report(settings, sql=report_sql)

    published, _ = publish_report(settings, sql=report_sql)

    assert kept(caplog) == ["5 tables kept from the last published file"]
    assert query(published, "from custom.both") == [(5,), (5,)]
    views = "select view_name from duckdb_views() where not internal and schema_name = 'core'"
    assert query(published, views) == [("shown",)]


OTHER_SETTINGS = {
    "another time zone": {"timezone": "America/Bogota"},
    "another tax date": {"tax_date": "posting"},
}
FROM_SCRATCH: dict[str, Callable[[Settings, Path], object]] = {
    **dict.fromkeys(["as asked", *OTHER_SETTINGS], lambda _settings, _sql: None),
    "another macro": lambda _settings, sql: (sql / "macros.sql").write_text(
        "create macro one() as 1;"
    ),
    "written by another program": lambda settings, _sql: write_into(settings.published),
    "forgotten": lambda settings, _sql: RunLog(settings.run_log).save_published(
        PublishedRecord("", "", "")
    ),
}


def write_into(file: Path) -> None:
    file.chmod(0o600)
    with duckdb.connect(file) as con:
        con.execute("delete from staging.invoices")


@pytest.mark.parametrize("case", FROM_SCRATCH)
def test_report_from_scratch(
    settings: Settings, report_sql: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is kept if the file or what made it is another one, or if that is asked for."""
    publish_report(settings, sql=report_sql)
    before = read_tables(settings.published)
    FROM_SCRATCH[case](settings, report_sql)
    changed = settings.model_copy(update=OTHER_SETTINGS.get(case, {}))
    caplog.set_level("INFO")

    publish_report(changed, sql=report_sql, rebuild=case == "as asked")

    assert kept(caplog) == []
    assert read_tables(settings.published).keys() == before.keys()
    assert read_tables(settings.published)["staging.invoices"] == before["staging.invoices"]


def test_update_that_fails(
    settings: Settings, report_sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If an update fails, all is built from scratch, and the log says why."""
    (report_sql / "core" / "invoices.sql").write_text(
        "-- One row.\n-- partition: no_such_column, id\nselect id from staging.invoices"
    )
    publish_report(settings, sql=report_sql)
    with duckdb.connect(settings.warehouse) as con:
        con.execute("update raw.invoices set _dlt_valid_to = now() where id = '1'")

    inputs = ModelInputs(settings, SqlSources.at(report_sql), ())
    with scratch_dir(settings.work) as scratch:
        found = inspect_published(settings)
        publish_warehouse(settings.warehouse, inputs, scratch, found, large=0)

    assert query(settings.published, "select count(*) from staging.invoices") == [(4,)]
    assert "built from scratch, since an update failed: " in caplog.text


def test_last_file_that_is_damaged(
    settings: Settings, report_sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A block that the disk lost in the last file does not keep the next one from being built."""
    publish_report(settings, sql=report_sql)
    blocks = "select max(block_id) from pragma_storage_info('catalogue')"
    ((block,),) = query(settings.published, blocks)
    content = bytearray(settings.published.read_bytes())
    content[3 * 4_096 + block * BLOCK_SIZE + 1_000] ^= 1  # after the headers of a file
    settings.published.chmod(0o600)
    settings.published.write_bytes(content)
    log = RunLog(settings.run_log)
    record = log.load_published()
    assert record
    log.save_published(replace(record, digest=hashlib.sha256(content).hexdigest()))
    with duckdb.connect(settings.warehouse) as con:
        con.execute("update raw.invoices set _dlt_valid_to = now() where id = '1'")

    published, _ = publish_report(settings, sql=report_sql)

    assert "built from scratch, since an update failed: " in caplog.text
    assert query(published, "select count(*) from staging.invoices") == [(4,)]


def test_file_that_is_half_empty(settings: Settings, report_sql: Path) -> None:
    """A file most of which is free is remembered as one of which nothing is kept."""
    size = report_sql.parent / "size.csv"
    rows = f"(from '{size}') as sizes (n), range(n) as numbers (i)"
    write_sql(report_sql, custom__large=f"-- One row.\nselect hash(i) as h from {rows}")
    log = RunLog(settings.run_log)
    kept = []
    for number in (2_000_000, 1, 1):
        size.write_text(f"n\n{number}\n")
        publish_report(settings, sql=report_sql, rebuild=number > 1)
        record = log.load_published()
        kept.append(record is not None and record.inputs != "")

    assert kept == [True, False, True]


def test_report_as_of_a_day(settings: Settings, report_sql: Path) -> None:
    """A past day is a separate file with the books as they were at its end."""
    before = settings.published.read_bytes()

    second, _ = publish_report(settings, BEFORE, report_sql)
    third, _ = publish_report(settings, AFTER, report_sql)

    assert (second.name, third.name) == (
        "acme-asof-2020-03-02.duckdb",
        "acme-asof-2020-03-03.duckdb",
    )
    assert (query(second, VOIDED), query(second, FOURTH_VENDOR)) == ([(False,)], [(1,)])
    assert (query(third, VOIDED), query(third, FOURTH_VENDOR)) == ([(True,)], [(0,)])
    as_of = "select as_of_on, as_of_at from"
    end = datetime(2020, 3, 3, 4, 59, 59, 999_999, tzinfo=UTC)
    assert query(second, f"{as_of} about") == [(BEFORE, end)]
    assert query(second, f"{as_of} core.as_of") == [(BEFORE, end)]
    assert settings.published.read_bytes() == before
    assert list_data(settings) == [".private", second.name, third.name, "acme.duckdb"]


def test_past_day_never_changes(settings: Settings, report_sql: Path) -> None:
    """A day published twice is the same, row by row, whatever was synced in between."""
    first = read_tables(publish_report(settings, BEFORE, report_sql)[0])
    with duckdb.connect(settings.warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            "insert into raw.vendors (id, name, _dlt_valid_from)"
            " values ('999', 'Later', '2020-03-09 17:00:00Z')"
        )
        con.execute("update raw.invoices set _dlt_valid_to = '2020-03-09 17:00:00Z'")
        con.execute("insert into raw.seen values ('vendors', '1', '2020-03-09 17:00:00Z')")

    second = read_tables(publish_report(settings, BEFORE, report_sql)[0])

    assert len(first) == 9
    assert second == first


@pytest.mark.parametrize("day", [date(2020, 2, 29), date(2199, 1, 1)])
def test_day_that_cannot_be_shown(settings: Settings, day: date, report_sql: Path) -> None:
    """A day outside the history makes no file."""
    with pytest.raises(NoPicture, match=f"cannot be shown as of {day}"):
        publish_report(settings, day, report_sql)

    assert list_data(settings) == [".private", "acme.duckdb"]


def test_report_with_a_broken_custom_model(settings: Settings, report_sql: Path) -> None:
    """A broken custom model is left out and returned; a valid one is published."""
    write_sql(
        report_sql,
        custom__valid="-- One row.\nselect 7 as seven",
        custom__broken="-- One row.\nselect nothing\nfrom core.as_of",
    )

    published, models = publish_report(settings, sql=report_sql)

    (error,) = models.left_out
    assert f"{report_sql / 'custom' / 'broken.sql'}, line 2: " in error.where
    custom = "select model from catalogue where layer = 'custom'"
    assert query(published, custom) == [("valid",)]


def test_users_table(
    settings: Settings, report_sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A custom report reads a CSV file; a change of it is published, also as of a past day, while
    all other tables are kept; the file itself is not published."""
    caplog.set_level("INFO")
    write_sql(
        report_sql, custom__mine="-- One row.\nselect sum(target) as target from seeds.targets"
    )
    for target, day in ((3, None), (5, None), (7, BEFORE)):
        (report_sql / "seeds" / "targets.csv").write_text(f"month_on,target\n2020-03-01,{target}\n")
        assert is_due(settings, report_sql)

        published, models = publish_report(settings, day, report_sql)

        assert models.left_out == []
        assert query(published, "from custom.mine") == [(target,)]
        assert query(published, "from duckdb_schemas() where schema_name = 'seeds'") == []
        assert is_due(settings, report_sql) == (day is not None)
    assert kept(caplog) == ["5 tables kept from the last published file"] * 2


def test_users_table_that_cannot_be_read(settings: Settings, report_sql: Path) -> None:
    """It is left out with the reports that read it, and all others are published."""
    write_sql(
        report_sql,
        custom__other="-- One row.\nselect count(*) as rates from seeds.tax_rates",
        custom__reader="-- One row.\nselect *\nfrom seeds.targets",
        custom__sum="-- One row.\nselect sum(sold) from seeds.sales",
    )
    (report_sql / "seeds" / "sales.csv").write_text('sold\n1\n"2,5"\n3\n')
    (report_sql / "seeds" / "targets.csv").write_text("target\n1\n1,2\n")

    published, models = publish_report(settings, sql=report_sql)

    table, reader, sums = models.left_out
    assert "targets.csv, line 3: it has 2 values for 1 column; quote" in table.where
    assert "This file was left out; everything else" in describe_left_out(table)
    assert "reader.sql, line 3: it reads seeds.targets, which was left out." in reader.where
    assert "sum.sql, line 2: Binder Error: No function matches" in sums.where
    assert "; sold is text because of '2,5' in sales.csv, line 3." in sums.where
    assert query(published, "select rates > 3 from custom.other") == [(True,)]


def test_changed_seed(
    settings: Settings, report_sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What reads a seed is built again when the seed changes; an invalid one is reported once."""
    rates = "-- One row per rate.\nselect tax_code, rate from raw.tax_rates"
    write_sql(report_sql, core__rates=rates)
    publish_report(settings, sql=report_sql)
    (report_sql / "seeds" / "tax_rates.csv").write_text(
        "tax_code,rate,valid_from,valid_to,source\nITBMS,0.08,,,\n"
    )

    published, _ = publish_report(settings, sql=report_sql)

    assert query(published, "from core.rates") == [("ITBMS", Decimal("0.08"))]
    assert not is_due(settings, report_sql)

    break_seed(report_sql)
    with pytest.raises(BrokenSeed, match=r"tax_rates\.csv, line 1"):
        publish_report(settings, sql=report_sql)
    assert "built from scratch" not in caplog.text


def break_model(sql: Path) -> None:
    write_sql(sql, staging__vendors="-- One row.\nselect nothing from raw.vendors")


def break_check(sql: Path) -> None:
    write_sql(sql, checks__nothing_is_sold="select * from staging.invoices")


def break_seed(sql: Path) -> None:
    (sql / "seeds" / "tax_rates.csv").write_text("tax_code,rate\n")


@pytest.mark.parametrize("day", [None, BEFORE], ids=["now", "as of a day"])
@pytest.mark.parametrize(
    ("spoil", "error"),
    [(break_model, BrokenSql), (break_check, CheckFailed), (break_seed, BrokenSql)],
    ids=["model", "check", "seed"],
)
def test_report_with_broken_sql(
    settings: Settings, report_sql: Path, spoil: Any, error: type[Exception], day: date | None
) -> None:
    """If a built-in model, a check or a seed is broken, no file is made or changed."""
    before = settings.published.read_bytes()
    spoil(report_sql)

    with pytest.raises(error):
        publish_report(settings, day, report_sql)

    assert settings.published.read_bytes() == before
    assert list_data(settings) == [".private", "acme.duckdb"]
    assert not list(settings.private.glob("work*"))
    checks = RunLog(settings.run_log).load_checks()
    failed = ["nothing is sold"] if error is CheckFailed and not day else []
    assert [claim for claim, check in checks.items() if check.finding] == failed


def test_report_during_a_sync(settings: Settings, report_sql: Path) -> None:
    """During a sync a past day can be published, the present cannot."""
    with tenant_lock(settings):
        published, _ = publish_report(settings, BEFORE, report_sql)
        with pytest.raises(AlreadyRunning):
            publish_report(settings, sql=report_sql)

    assert query(published, "select count(*) from staging.invoices") == [(5,)]


def test_report_during_another(settings: Settings, report_sql: Path) -> None:
    """Two past days are not published at the same time, the present and a past day are."""
    with tenant_lock(settings, "report"):
        published, _ = publish_report(settings, sql=report_sql)
        with pytest.raises(AlreadyRunning):
            publish_report(settings, BEFORE, report_sql)

    assert published == settings.published


def test_leftovers_of_a_killed_report(settings: Settings, report_sql: Path) -> None:
    """The files of a killed report are removed and not used."""
    work = settings.private / "work-report"
    work.mkdir()
    (work / "warehouse.duckdb").write_bytes(b"half")
    (work / "warehouse.duckdb.wal").write_bytes(b"half")

    publish_report(settings, BEFORE, report_sql)

    assert not work.exists()


@pytest.mark.parametrize("day", [None, BEFORE], ids=["now", "as of a day"])
def test_report_before_the_first_sync(tmp_path: Path, report_sql: Path, day: date | None) -> None:
    """Without a warehouse nothing is published."""
    settings = Settings(tenant="acme", data_dir=tmp_path / "data")

    with pytest.raises(NoPicture, match=r"Nothing has been copied yet. Run `p4books sync` first."):
        publish_report(settings, day, report_sql)

    assert list_data(settings) == [".private"]


def test_damaged_warehouse(settings: Settings, report_sql: Path) -> None:
    """A damaged warehouse is reported; the old file is unchanged."""
    before = settings.published.read_bytes()
    settings.warehouse.write_bytes(settings.warehouse.read_bytes()[:100_000])

    with pytest.raises(WarehouseDamaged, match="generations"):
        publish_report(settings, sql=report_sql)

    assert settings.published.read_bytes() == before


def test_older_warehouse(tmp_path: Path, report_sql: Path) -> None:
    """A warehouse of an older format can be published, and is unchanged."""
    settings = Settings(tenant="acme", data_dir=tmp_path / "data")
    settings.private.mkdir(parents=True)
    packed = HERE.parent / "load" / "format-1.duckdb.gz"
    settings.warehouse.write_bytes(gzip.decompress(packed.read_bytes()))
    before = settings.warehouse.read_bytes()

    published, _ = publish_report(settings, sql=report_sql)

    assert query(published, "select count(*) from staging.products") == [(200,)]
    assert query(published, "select history_since is not null from core.as_of") == [(True,)]
    assert settings.warehouse.read_bytes() == before


def test_warehouse_without_a_column(settings: Settings, report_sql: Path) -> None:
    """A column that an older p4books did not have is added, without values."""
    with duckdb.connect(settings.warehouse) as con:
        con.execute("alter table raw.products drop column unit_of_measure")

    published, _ = publish_report(settings, sql=report_sql)

    counts = "select count(*), count(unit_of_measure) from staging.products"
    assert query(published, counts) == [(5, 0)]


def test_newer_warehouse(settings: Settings, report_sql: Path) -> None:
    """A warehouse of a newer p4books is reported; the old file is unchanged."""
    with duckdb.connect(settings.warehouse) as con:
        con.execute("update raw.p4books_format set format = 99")
    before = settings.published.read_bytes()

    with pytest.raises(WarehouseTooNew, match="format 99"):
        publish_report(settings, sql=report_sql)

    assert settings.published.read_bytes() == before


def test_no_room_to_work(settings: Settings, report_sql: Path) -> None:
    """A scratch folder that cannot be created is reported as a problem of the disk."""
    (settings.private / "work-run").write_text("in the way")

    with pytest.raises(DiskTrouble, match="work-run cannot be written"):
        publish_report(settings, sql=report_sql)
