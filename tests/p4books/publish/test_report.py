"""How are the reports made without asking the API?"""

import gzip
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from tests.staging_sync import STAGING, sync

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    AlreadyRunning,
    BrokenSql,
    CheckFailed,
    DiskTrouble,
    NoPicture,
    WarehouseDamaged,
    WarehouseTooNew,
)
from p4books.publish.publish import is_publish_due, publish_report
from p4books.settings import Settings
from p4books.storage.files import tenant_lock
from p4books.transform.models import SqlSources, sql_folder
from p4books_sandbox import Sandbox

Row = tuple[Any, ...]

HERE = Path(__file__).parent
FIRST, CHANGED = "2020-03-01 17:00:00Z", "2020-03-03 17:00:00Z"  # noon in Panama
BEFORE, AFTER = date(2020, 3, 2), date(2020, 3, 3)


@pytest.fixture(scope="module")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after one sync of a sandbox that is gone since."""
    folder = tmp_path_factory.mktemp("first") / "data"
    with pytest.MonkeyPatch.context() as patch, Sandbox(invoices=30, limit=0) as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
        key, address = SecretStr(sandbox.key), sandbox.base_url
        given: dict[str, Any] = {"api_key": key, "base_url": address, "data_dir": folder}
        summary = sync(Settings(tenant="acme", requests_per_window=100_000, **given))
    assert (summary.published, summary.faults) == (True, [])
    return folder


@pytest.fixture
def settings(first_copy: Path, tmp_path: Path) -> Settings:
    """Settings of a tenant that was synced once: without a key, and nobody answers."""
    shutil.copytree(first_copy, tmp_path / "data")
    return Settings(tenant="acme", base_url="http://127.0.0.1:9", data_dir=tmp_path / "data")


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    """The SQL of the clean tables and of the as-of, to be edited: with it a report is quick."""
    folder = Path(shutil.copytree(STAGING, tmp_path / "edited"))
    (folder / "core").mkdir()
    shutil.copy(sql_folder() / "core" / "as_of.sql", folder / "core")
    return folder


@pytest.fixture
def aged(settings: Settings) -> Settings:
    """Let all of it have been read on 1 March 2020, and two rows have changed on 3 March.

    Invoice 3 was voided then, and vendor 4 deleted.
    """
    with duckdb.connect(settings.warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"update raw.history set since = '{FIRST}'")
        for name in ENDPOINTS:
            con.execute(f"update raw.{name} set _dlt_valid_from = '{FIRST}'")
        con.execute(
            "insert into raw.invoices select * replace ('Void' as status, 'x' as row_hash,"
            f" '{CHANGED}'::timestamptz as _dlt_valid_from) from raw.invoices where id = '3'"
        )
        con.execute(
            f"update raw.invoices set _dlt_valid_to = '{CHANGED}'"
            " where id = '3' and status <> 'Void'"
        )
        con.execute(f"update raw.vendors set _dlt_valid_to = '{CHANGED}' where id = '4'")
    return settings


def ask(file: Path, query: str) -> list[Row]:
    with duckdb.connect(file, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(query).fetchall()


def picture(file: Path) -> dict[str, list[Row]]:
    """Give the rows of every table but the one that tells when the file was made."""
    names = ask(file, "select schema_name || '.' || table_name from duckdb_tables()")
    found = {name: ask(file, f"from {name} order by all") for (name,) in names}
    return {name: rows for name, rows in found.items() if name != "main.about"}


def files(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.data_dir.iterdir())


def test_after_an_edit(settings: Settings, sql: Path) -> None:
    """An edited model is published anew, from what is held: the API is not asked for it."""
    warehouse = settings.warehouse
    before, held = settings.published.stat().st_ino, warehouse.read_bytes()
    (sql / "reporting").mkdir()
    (sql / "reporting" / "mine.sql").write_text("-- One row.\nselect 7 as seven\n")

    published, found = publish_report(settings, sql=sql)

    assert published == settings.published
    assert "reporting.mine" in [model.full for model in found.models]
    assert ask(published, "from reporting.mine") == [(7,)]
    assert ask(published, "select count(*) from staging.invoices") == [(30,)]
    assert published.stat().st_ino != before
    assert published.stat().st_mode & 0o777 == 0o640
    assert warehouse.read_bytes() == held
    assert files(settings) == [".private", "acme.duckdb"]
    assert not list(settings.private.glob("work*"))


def test_without_an_edit(settings: Settings) -> None:
    """Made anew from the same rows, every table holds the same; the next sync makes none."""
    publish_report(settings)
    before = picture(settings.published)

    publish_report(settings)

    assert len(before) > 20
    assert picture(settings.published) == before
    assert not is_publish_due(settings.warehouse, settings, SqlSources.at())


def test_as_of_a_day(aged: Settings, sql: Path) -> None:
    """A day of the past is a file of its own, in which the books stand as at its end."""
    before = aged.published.read_bytes()

    then, _ = publish_report(aged, BEFORE, sql)
    later, _ = publish_report(aged, AFTER, sql)

    assert (then.name, later.name) == ("acme-asof-2020-03-02.duckdb", "acme-asof-2020-03-03.duckdb")
    voided = "select invoice_status = 'Void' from staging.invoices where invoice_id = '3'"
    gone = "select count(*) from staging.vendors where vendor_id = '4'"
    assert (ask(then, voided), ask(then, gone)) == ([(False,)], [(1,)])
    assert (ask(later, voided), ask(later, gone)) == ([(True,)], [(0,)])
    noted = "select as_of_on, as_of_at from"
    end = datetime(2020, 3, 3, 4, 59, 59, 999_999, tzinfo=UTC)
    assert ask(then, f"{noted} about") == ask(then, f"{noted} core.as_of") == [(BEFORE, end)]
    assert aged.published.read_bytes() == before
    assert files(aged) == [".private", "acme-asof-2020-03-02.duckdb", later.name, "acme.duckdb"]


def test_the_same_for_ever(aged: Settings) -> None:
    """A day made twice is the same, table by table and row by row, whatever came in between."""
    first = picture(publish_report(aged, BEFORE)[0])
    with duckdb.connect(aged.private / "warehouse.duckdb") as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            "insert into raw.vendors (id, name, _dlt_valid_from)"
            " values ('999', 'Later', '2020-03-09 17:00:00Z')"
        )
        con.execute("update raw.customers set _dlt_valid_to = '2020-03-09 17:00:00Z'")
        con.execute("update raw.seen set verified_at = '2020-03-09 17:00:00Z'")

    second = picture(publish_report(aged, BEFORE)[0])

    assert len(first) > 20
    for name, rows in first.items():
        assert second[name] == rows, name


@pytest.mark.parametrize("day", [date(2020, 2, 29), date(2199, 1, 1)])
def test_a_day_that_cannot_be_shown(aged: Settings, day: date, sql: Path) -> None:
    """A day outside the history makes no file."""
    with pytest.raises(NoPicture, match=f"can't be shown as of {day}"):
        publish_report(aged, day, sql)

    assert files(aged) == [".private", "acme.duckdb"]


def test_one_of_the_users_own(settings: Settings, sql: Path) -> None:
    """A broken one of the user's own is left out and returned; a sound one is there."""
    (sql / "custom").mkdir(exist_ok=True)
    (sql / "custom" / "sound.sql").write_text("-- One row.\nselect 7 as seven")
    (sql / "custom" / "broken.sql").write_text("-- One row.\nselect nothing\nfrom core.as_of")

    published, found = publish_report(settings, sql=sql)

    (fault,) = found.left_out
    assert f"{sql / 'custom' / 'broken.sql'}, line 2: " in fault.where
    made = "select model from catalogue where layer = 'custom'"
    assert ask(published, made) == [("sound",)]


def break_model(sql: Path) -> None:
    (sql / "staging" / "vendors.sql").write_text("-- One row.\nselect nothing from raw.vendors")


def fail_check(sql: Path) -> None:
    (sql / "checks").mkdir(exist_ok=True)
    (sql / "checks" / "nothing_is_sold.sql").write_text("select * from staging.invoices")


def spoil_seed(sql: Path) -> None:
    (sql / "seeds" / "tax_rates.csv").write_text("tax_code,rate\n")


@pytest.mark.parametrize("day", [None, BEFORE], ids=["now", "as of a day"])
@pytest.mark.parametrize(
    ("spoil", "error"),
    [(break_model, BrokenSql), (fail_check, CheckFailed), (spoil_seed, BrokenSql)],
    ids=["model", "check", "seed"],
)
def test_nothing_is_published(
    aged: Settings, sql: Path, spoil: Any, error: type[Exception], day: date | None
) -> None:
    """Where one of ours, a check or a seed is wrong, the last file stays and no other is made."""
    before = aged.published.read_bytes()
    spoil(sql)

    with pytest.raises(error):
        publish_report(aged, day, sql)

    assert aged.published.read_bytes() == before
    assert files(aged) == [".private", "acme.duckdb"]
    assert not list(aged.private.glob("work*"))


def test_beside_a_sync(aged: Settings, sql: Path) -> None:
    """While a sync is going on a day of the past can be made, and the present can't."""
    with tenant_lock(aged):
        made, _ = publish_report(aged, BEFORE, sql)
        with pytest.raises(AlreadyRunning):
            publish_report(aged, sql=sql)

    assert ask(made, "select count(*) from staging.invoices") == [(30,)]


def test_beside_another(aged: Settings, sql: Path) -> None:
    """Two days are not made at once, for their files are large; the present is no obstacle."""
    with tenant_lock(aged, "report"):
        published, _ = publish_report(aged, sql=sql)
        with pytest.raises(AlreadyRunning):
            publish_report(aged, BEFORE, sql)

    assert published == aged.published


def test_what_a_dead_one_left(aged: Settings, sql: Path) -> None:
    """What a dead run left half made is cleared away and used for nothing."""
    work = aged.private / "work-report"
    work.mkdir()
    (work / "warehouse.duckdb").write_bytes(b"half")
    (work / "warehouse.duckdb.wal").write_bytes(b"half")

    publish_report(aged, BEFORE, sql)

    assert not work.exists()


def test_before_the_first_sync(tmp_path: Path, sql: Path) -> None:
    """Without a warehouse there is nothing to show, and no file is made of it."""
    settings = Settings(tenant="acme", data_dir=tmp_path / "data")

    for day in (None, BEFORE):
        with pytest.raises(NoPicture, match=r"Nothing is held yet. Run `p4books sync` first."):
            publish_report(settings, day, sql)

    assert files(settings) == [".private"]


def test_a_damaged_warehouse(settings: Settings, sql: Path) -> None:
    """A damaged warehouse is told in a sentence; what was published stays."""
    before = settings.published.read_bytes()
    warehouse = settings.warehouse
    warehouse.write_bytes(warehouse.read_bytes()[:100_000])

    with pytest.raises(WarehouseDamaged, match="generations"):
        publish_report(settings, sql=sql)

    assert settings.published.read_bytes() == before


def test_an_older_warehouse(tmp_path: Path) -> None:
    """A warehouse of an older format is shown as it is, and stays as it is."""
    settings = Settings(tenant="acme", data_dir=tmp_path / "data")
    settings.private.mkdir(parents=True)
    warehouse = settings.warehouse
    with (
        gzip.open(HERE.parent / "load" / "format-1.duckdb.gz") as packed,
        warehouse.open("wb") as file,
    ):
        shutil.copyfileobj(packed, file)
    before = warehouse.read_bytes()

    published, _ = publish_report(settings)

    assert ask(published, "select count(*) from staging.products") == [(200,)]
    assert ask(published, "select history_since is not null from core.as_of") == [(True,)]
    assert warehouse.read_bytes() == before


def test_a_warehouse_that_lacks_a_column(settings: Settings, sql: Path) -> None:
    """A warehouse of a p4books that knew a field less has it in the reports, without values."""
    with duckdb.connect(settings.warehouse) as con:
        con.execute("alter table raw.products drop column unit_of_measure")

    published, _ = publish_report(settings, sql=sql)

    found = "select count(*), count(unit_of_measure) from staging.products"
    assert ask(published, found) == [(200, 0)]


def test_a_newer_warehouse(settings: Settings, sql: Path) -> None:
    """A warehouse of a newer p4books is told in a sentence; what was published stays."""
    with duckdb.connect(settings.warehouse) as con:
        con.execute("update raw.p4books_format set format = 99")
    before = settings.published.read_bytes()

    with pytest.raises(WarehouseTooNew, match="format 99"):
        publish_report(settings, sql=sql)

    assert settings.published.read_bytes() == before


def test_a_place_that_cannot_be_written(settings: Settings, sql: Path) -> None:
    """Where there is no room to work, it is told as trouble with the disk."""
    (settings.private / "work-run").write_text("in the way")

    with pytest.raises(DiskTrouble, match="work-run cannot be written"):
        publish_report(settings, sql=sql)
