"""Publishing of groups: what is in the file, what is left out, and when it is made again."""

import json
import os
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.command import run_here

from p4books.errors import NoPicture, P4BooksError
from p4books.fleet.groups.group_file import GroupDiffers, GroupFile, GroupTypesDiffer
from p4books.fleet.groups.members import find_member
from p4books.fleet.groups.publish import (
    find_members,
    is_group_due,
    publish_changed_groups,
    publish_group,
    publish_while_due,
)
from p4books.fleet.groups.status import read_group_status
from p4books.publish.query import list_columns, list_models, open_published
from p4books.settings import Settings, load_settings
from p4books.storage.database import open_database
from p4books.storage.files import tenant_lock
from p4books.storage.run_log import EndpointRun, RunLog

Connection = duckdb.DuckDBPyConnection

OF_ALL = ("collections_worklist", "rank")  # which is counted over all tenants


def _settings(root: Path) -> Settings:
    return load_settings("group-caribe", root, need_key=False)


def _change(file: Path, sql: str) -> None:
    """Change a published file as another version of p4books would have made it."""
    copy = file.with_name("copy")
    shutil.copyfile(file, copy)
    with duckdb.connect(copy) as con:
        con.execute(sql)
    copy.replace(file)


def _read(root: Path, sql: str) -> list[tuple[object, ...]]:
    with open_published(root / "data/group-caribe.duckdb") as con:
        return con.execute(sql).fetchall()


def test_every_table_is_that_of_the_tenants(
    group: Connection, members: dict[str, Connection]
) -> None:
    """Each table has the rows of all tenants, under their names, and no others."""
    models = list_models(group)
    assert {model.layer for model in models} == {"core", "reporting"}
    for model in models:
        columns = [column.name for column in list_columns(group, model)]
        assert columns[0] == "tenant"
        assert columns.count("tenant") == 1
        own = [each for each in columns[1:] if (model.model, each) != OF_ALL]
        names = ", ".join(f'"{name}"' for name in own)
        found = 0
        for tenant, con in members.items():
            theirs = con.execute(f"select {names} from {model.table}").fetchall()
            ours = group.execute(
                f"select {names} from {model.table} where tenant = ?", [tenant]
            ).fetchall()
            assert sorted(map(str, ours)) == sorted(map(str, theirs)), model.full_name
            found += len(theirs)
        assert model.rows == found
        keys = group.execute(f"select {model.key} from {model.table}").fetchall()
        assert model.key.split(", ")[0] == "tenant"
        assert len(set(keys)) == len(keys), model.full_name


def test_what_the_file_says_about_itself(group: Connection) -> None:
    """The file has its own `about`, its tenants', and words for the new column in two languages."""
    about = group.execute("select tenant, as_of_on, timezone, models from about").fetchone()
    assert about is not None
    assert about[0] == "group-caribe"
    assert str(about[1]) == "2026-06-30"
    assert group.execute("select tenant, why_not from tenants order by 1").fetchall() == [
        ("empty", None),
        ("north", None),
        ("south", None),
    ]
    aging = next(model for model in list_models(group) if model.model == "ar_aging")
    tenant, *_ = list_columns(group, aging)
    assert (tenant.label("en"), tenant.label("es")) == ("Company", "Empresa")
    assert tenant.describe("es").startswith("La empresa")
    assert {row[0] for row in group.execute("select tenant from core.today").fetchall()} == {
        *("empty", "north", "south")
    }


def test_nothing_changed(root: Path) -> None:
    """What is due is published once; then only the group of a tenant whose file is another."""
    (done,) = publish_changed_groups(root)
    assert done.published is not None
    file = root / "data/group-caribe.duckdb"
    before = file.stat()
    assert publish_changed_groups(root) == []
    assert publish_changed_groups(root, ["south"]) == []
    assert file.stat() == before

    shutil.copyfile(root / "data/north.duckdb", root / "data/south.duckdb")
    assert publish_changed_groups(root, ["elsewhere"]) == []
    (done,) = publish_changed_groups(root, ["SOUTH"])
    assert done.published is not None
    rows = "select count(*) from core.fct_invoice where tenant ="
    assert _read(root, f"{rows} 'south'") == _read(root, f"{rows} 'north'")

    file.unlink()
    (done,) = publish_changed_groups(root)
    assert file.exists()


def test_tenants_without_a_file_that_can_be_read(root: Path) -> None:
    """A missing or damaged file is left out, and said; a group of nothing is refused."""
    (root / "data/empty.duckdb").unlink()
    size = (root / "data/south.duckdb").stat().st_size
    with (root / "data/south.duckdb").open("r+b") as content:
        content.seek(size // 4)
        content.write(bytes(size // 2))

    done = publish_group(_settings(root), root)

    assert [each.tenant for each in done.left_out] == ["south", "empty"]
    assert done.summary == "1 of 3 tenants"
    assert _read(root, "select tenant from tenants where why_not is not null order by 1") == [
        ("empty",),
        ("south",),
    ]
    assert _read(root, "select distinct tenant from core.fct_invoice") == [("north",)]
    status = read_group_status(_settings(root), root=root)
    assert not status.ok
    assert len(status.problems) == 2
    assert publish_changed_groups(root) == []  # nor is it made again and again

    (root / "data/north.duckdb").write_bytes(b"no database")
    with pytest.raises(NoPicture, match="No tenant of group-caribe has a published file"):
        publish_group(_settings(root), root)
    assert _read(root, "select distinct tenant from core.fct_invoice") == [("north",)]


def test_files_of_other_versions(root: Path) -> None:
    """A column or table that a tenant lacks is empty for it, and a table is named."""
    _change(
        root / "data/south.duckdb",
        "alter table reporting.dso drop column is_month_over; drop table reporting.ar_aging;"
        " alter table reporting.dso add column newest integer default 7",
    )

    done = publish_group(_settings(root), root)

    (note,) = done.notes
    assert note.startswith("south has no reporting.ar_aging")
    rows = "select distinct tenant, is_month_over is null, newest from reporting.dso order by 1"
    assert _read(root, rows) == [("north", False, None), ("south", True, 7)]
    assert _read(root, "select missing_tables from tenants where tenant = 'south'") == [
        ("reporting.ar_aging",)
    ]


def test_types_that_differ(root: Path) -> None:
    """Two types of one column stop the group, but for a report of the user's."""
    publish_group(_settings(root), root)
    file = root / "data/group-caribe.duckdb"
    before = file.read_bytes()
    _change(
        root / "data/south.duckdb",
        "alter table reporting.dso alter column dso type double",
    )
    with pytest.raises(GroupTypesDiffer, match=r"dso\.dso is DECIMAL\(18,2\) in north and DOUBLE"):
        publish_group(_settings(root), root)
    (outcome,) = publish_changed_groups(root)
    assert isinstance(outcome.faults[0], GroupTypesDiffer)
    assert file.read_bytes() == before


def test_columns_that_differ_in_case(root: Path) -> None:
    """They are one column, as for DuckDB, and `Tenant` is `tenant`."""
    own = (
        "create schema if not exists custom;"
        " create table custom.fine as select 1.50::decimal(18, 2) as {};"
        " create table custom.mine as select 'x' as Tenant;"
        " insert into catalogue by name select 'custom' as layer, 'fine' as model,"
        " '{}' as key, '{}' as totals;"
        " insert into catalogue_columns by name"
        " select 'custom' as layer, 'fine' as model, '{}' as column_name"
    )
    for tenant, spelling in (("north", "Total"), ("south", "total")):
        _change(root / f"data/{tenant}.duckdb", own.format(*[spelling] * 4))

    done = publish_group(_settings(root), root)

    assert _read(root, "from custom.fine order by tenant") == [
        ("north", Decimal("1.50")),
        ("south", Decimal("1.50")),
    ]
    assert _read(root, "select column_name from catalogue_columns where model = 'fine'") == [
        ("tenant",),
        ("Total",),
    ]
    assert any("custom.mine is left out: it has a column tenant" in note for note in done.notes)


def test_reports_of_the_user(root: Path) -> None:
    """Custom reports are in the group, but for one with a column `tenant` or with other types."""
    own = (
        "create schema if not exists custom; create table custom.fine as select 1 as a;"
        " create table custom.mine as select 'x' as tenant;"
        " create table custom.mixed as select {} as a"
    )
    _change(root / "data/north.duckdb", own.format("1"))
    _change(root / "data/south.duckdb", own.format("'text'"))

    done = publish_group(_settings(root), root)

    assert _read(root, "from custom.fine order by tenant") == [("north", 1), ("south", 1)]
    assert len(done.notes) == 3
    assert any("custom.mine is left out: it has a column tenant" in note for note in done.notes)
    assert any("custom.mixed.a is INTEGER in north and VARCHAR" in note for note in done.notes)
    assert _read(root, "select table_name from duckdb_tables() where schema_name = 'custom'") == [
        ("fine",)
    ]


@pytest.mark.parametrize(
    ("sql", "difference"),
    [
        (
            "update published.reporting.ar_aging set balance = 7 where tenant = 'north'",
            r"reporting\.ar_aging of north in USD: balance is",
        ),
        (
            "delete from published.core.fct_invoice where tenant = 'south' and is_live",
            r"core\.fct_invoice of south in .*: rows is",
        ),
        (
            "update published.reporting.sales_daily set tenant = 'north'",
            r"reporting\.sales_daily of north",
        ),
    ],
)
def test_sums_that_differ(small_files: dict[str, Path], sql: str, difference: str) -> None:
    """Another amount, a row less, or a row of another tenant stops the group, and is named."""
    with open_database() as con:
        con.execute("attach ':memory:' as published")
        group = GroupFile(con)
        group.add([find_member(name, small_files[name]) for name in ("north", "south")])
        group.check()
        con.execute(sql)
        with pytest.raises(GroupDiffers, match=difference):
            group.check()


def test_two_at_once(root: Path) -> None:
    """While another process makes the file, it is left to that; nothing fails."""
    with tenant_lock(_settings(root)):
        assert publish_changed_groups(root) == []
    assert not (root / "data/group-caribe.duckdb").exists()
    (done,) = publish_changed_groups(root)
    assert done.faults == ()


def test_change_while_the_file_is_made(root: Path) -> None:
    """A tenant that is published meanwhile, and left it to this process, is in the file."""
    settings, published = _settings(root), []

    def publish_south(_: object, event: str, function: object) -> None:
        if event == "c_call" and function is os.replace:  # the file is made, and put into place
            sys.setprofile(None)
            shutil.copyfile(root / "data/north.duckdb", root / "data/copy")
            published.append((root / "data/copy").replace(root / "data/south.duckdb"))

    sys.setprofile(publish_south)
    try:
        (outcome,) = publish_while_due(settings.tenant, root)
    finally:
        sys.setprofile(None)
    assert (len(published), outcome.faults) == (1, ())
    assert not is_group_due(settings, find_members(settings, root))
    rows = "select count(*) from core.fct_invoice where tenant ="
    assert _read(root, f"{rows} 'south'") == _read(root, f"{rows} 'north'")


def test_quiet_tenants(root: Path) -> None:
    """What a tenant's later runs found unchanged makes its figures in the group newer; no other."""
    settings, now = _settings(root), time.time()
    publish_group(settings, root)
    for tenant in settings.members[:2]:
        own = load_settings(tenant, root, need_key=False)
        own.private.mkdir(parents=True)
        log = RunLog(own.run_log)
        run = log.begin_run()
        for name in own.endpoints:
            read = EndpointRun(name, "full", "done", now, now, complete=True, current_to=now)
            log.record_endpoint_runs(run, read)
        log.end_run(run, "done")

    status = read_group_status(settings, timedelta(hours=1), root)

    assert status.problems == (f"The figures of {settings.members[2]} are older than 60 minutes.",)
    assert [each.figures_at for each in status.tenants if each.tenant in settings.members[:2]] == [
        datetime.fromtimestamp(now, UTC)
    ] * 2


def test_invalid_groups(root: Path) -> None:
    """A group that is wrong stands in the way of no other; settings that are wrong are a fault."""
    with (root / ".dlt/secrets.toml").open("a") as file:
        file.write("[sources.p4books.groups.bad]\ntenants = ['nobody']\n")
    (outcome,) = publish_changed_groups(root)
    assert (outcome.tenant, outcome.faults) == ("group-caribe", ())
    (root / ".dlt/config.toml").write_text("[")
    (outcome,) = publish_changed_groups(root)
    assert isinstance(outcome.faults[0], P4BooksError)


def test_commands(root: Path) -> None:
    """A group is read as a tenant; what needs P4 Books or one company says what to name."""

    def run(*words: str) -> tuple[int, str, str]:
        done = run_here([*words, "--tenant", "group-caribe"], root, {})
        return done.returncode, done.stdout, done.stderr

    code, out, err = run("query", "select 1")
    assert (code, out) == (1, "")
    assert "Run `p4books report --tenant group-caribe` first" in err
    code, out, err = run("report")
    assert (code, err) == (0, "")
    assert out.startswith("Published data/group-caribe.duckdb from all 3 tenants: ")
    code, out, err = run("status", "--json")
    status = json.loads(out)
    assert (code, status["ok"], len(status["tenants"])) == (0, True, 3)
    assert status["tenants"][0]["figures_at"].endswith("Z")
    assert run("status", "--max-age", "1h")[0] == 1
    assert "tenant  currency" in run("query", "select tenant, currency from reporting.ar_aging")[1]
    assert run("export", "ar_aging", "--format", "csv")[0] == 0
    (root / "data/south.duckdb").unlink()
    gone = "south is in the group, but will not be in its next file: it has no published file"
    assert gone in run("status")[1]
    for refused in (
        ["sync"],
        ["check"],
        ["runs"],
        ["schedule", "--kind", "cron"],
        ["backup", "--to", "backups"],
        ["restore"],
        ["pushes"],
        ["adopt", "customers.x"],
        ["push", "customers", "x.csv", "--dry-run"],
        ["statement", "--overdue"],
        ["report", "--as-of", "2026-06-30"],
    ):
        code, out, err = run(*refused)
        assert (code, out) == (2, ""), refused
        assert "group" in err
        assert "Traceback" not in err


def test_whose_messages(root: Path) -> None:
    """What is said of a group after all tenants has its name before it, once."""
    with (root / ".dlt/secrets.toml").open("a") as file:
        file.write("[sources.p4books.groups.zero]\ntenants = ['north', 'empty']\n")
    _change(root / "data/south.duckdb", "alter table reporting.dso alter column dso type double")
    (root / "data/empty.duckdb").unlink()

    messages = run_here(["report", "--all"], root, {}).stderr.splitlines()

    of_groups = [line[20:] for line in messages if "group-" in line]
    differing, published, left_out = of_groups
    assert differing.startswith("group-caribe: reporting.dso.dso is DECIMAL(18,2) in north")
    assert published == "group-zero: Published group-zero from 1 of 2 tenants."
    assert left_out == "group-zero: empty is left out: it has no published file yet."
