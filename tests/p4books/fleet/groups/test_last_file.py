"""Groups that are made from their last file: they are what they are from scratch."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.fleet.groups.group_file import GroupFile
from p4books.fleet.groups.last_file import LastFile, read_tenants
from p4books.fleet.groups.members import find_member
from p4books.fleet.groups.publish import publish_group, publish_while_due
from p4books.settings import load_settings
from p4books.storage.database import open_database

GROUP = "data/group-caribe.duckdb"
NAMES = ("north", "south", "east", "west")
_ROWS = {  # as is compared: but for instants, and for the paths in messages
    "main.about": "select * exclude (published_at)",
    "main.tenants": "select * replace (why_not is null as why_not)",
}


def _publish(root: Path, files: dict[str, Path]) -> Path:
    tenants = "".join(f"[sources.p4books.tenants.{name}]\napi_key = 'k'\n" for name in files)
    group = f"[sources.p4books.groups.caribe]\ntenants = {list(files)}\n"
    (root / ".dlt").mkdir(parents=True, exist_ok=True)
    (root / ".dlt/secrets.toml").write_text(tenants + group)
    publish_group(load_settings("group-caribe", root, need_key=False), root)
    return root / GROUP


def _link(root: Path, names: dict[str, Path]) -> dict[str, Path]:
    for name, file in names.items():
        (root / f"data/{name}.duckdb").parent.mkdir(parents=True, exist_ok=True)
        (root / f"data/{name}.duckdb").unlink(missing_ok=True)
        shutil.copyfile(file, root / f"data/{name}.duckdb")
    return names


def _find_differences(one: Path, other: Path) -> list[str]:
    """Name the tables of two files whose columns or rows differ."""
    columns = (
        "select schema_name || '.' || table_name, list((column_name, data_type, comment)"
        " order by column_index) from duckdb_columns() where database_name = '{}' group by 1"
    )
    with duckdb.connect() as con:
        con.execute(f"attach '{one}' as one (read_only); attach '{other}' as two (read_only)")
        ours, theirs = (dict(con.execute(columns.format(x)).fetchall()) for x in ("one", "two"))
        found = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
        for name in ours.keys() & theirs.keys():
            rows = _ROWS.get(name, "select *")
            for first, second in (("one", "two"), ("two", "one")):
                sql = f"{rows} from {first}.{name} except all {rows} from {second}.{name}"
                found += [name for _ in con.execute(sql).fetchall()]
    return found


def _change(file: Path, sql: str) -> None:
    with duckdb.connect(file) as con:
        con.execute(sql)


def _damage(file: Path) -> None:
    with file.open("r+b") as content:
        content.seek(file.stat().st_size // 4)
        content.write(bytes(file.stat().st_size // 2))


CHANGES: tuple[Callable[[Path], None], ...] = (
    lambda file: _change(file, "update reporting.ar_aging set balance = balance + 1"),
    lambda file: _change(file, "delete from core.fct_invoice where hash(invoice_id) % 2 = 0"),
    lambda file: _change(file, "alter table reporting.dso drop column is_month_over"),
    lambda file: _change(file, "drop table reporting.sales_daily"),
    lambda file: _change(
        file, "create schema custom; create table custom.own as select 1 as a, 2.50 as b"
    ),
    lambda file: _change(file, "create schema custom; create table custom.own as select 'x' as a"),
    lambda file: _change(file, "update catalogue set title_en = 'Other words'"),
    _damage,
    Path.unlink,
)


@pytest.mark.parametrize("seed", [0, 2])
def test_random_changes(small_files: dict[str, Path], tmp_path: Path, seed: int) -> None:
    """Whatever becomes of its tenants, a group from the last file is that from scratch."""
    chosen = random.Random(seed)  # noqa: S311 - no secret
    whole = [small_files["north"], small_files["south"], small_files["empty"]]
    root = tmp_path / "kept"
    _link(root, {name: whole[place % 2] for place, name in enumerate(NAMES)})
    included = list(NAMES)
    for step in range(4):
        for name in chosen.sample(NAMES[1:], chosen.randint(0, 2)):
            _link(root, {name: chosen.choice(whole)})
            if chosen.random() < 0.8:
                chosen.choice(CHANGES)(root / f"data/{name}.duckdb")
        if chosen.random() < 0.4:
            included = chosen.sample(NAMES, 4)[: chosen.randint(2, 4)]
            included = [*{"north": None, **dict.fromkeys(included)}]
        files = {name: root / f"data/{name}.duckdb" for name in included}
        scratch = tmp_path / f"scratch-{step}"
        for name, file in files.items():
            (scratch / "data").mkdir(parents=True, exist_ok=True)
            if file.exists():
                shutil.copyfile(file, scratch / f"data/{name}.duckdb")
        assert _find_differences(_publish(root, files), _publish(scratch, files)) == []


def test_unchanged_tenants_are_not_read(small_files: dict[str, Path], tmp_path: Path) -> None:
    """Of tenants that did not change, only the first of a layout is opened, and no rows read."""
    files = {"north": small_files["north"], "south": small_files["south"]}
    last = _publish(tmp_path, _link(tmp_path, files))
    members = [find_member("north", files["north"]), find_member("south", tmp_path / "nowhere")]
    with open_database() as con:
        con.execute("attach ':memory:' as published")
        group = GroupFile(con)
        group.add(members, LastFile(last, read_tenants(last)))
        group.check()
        sql = "select tenant, count(*) from {}.core.fct_invoice group by 1 order by 1"
        ours = con.execute(sql.format("published")).fetchall()
        con.execute(f"attach '{last}' as last (read_only)")
        assert ours == con.execute(sql.format("last")).fetchall()
        assert [tenant for tenant, _ in ours] == ["north", "south"]


def test_damaged_last_file(small_files: dict[str, Path], tmp_path: Path) -> None:
    """What another program wrote into the last file, or broke in it, is in no later one."""
    files = {"north": small_files["north"], "south": small_files["south"]}
    file = _publish(tmp_path, _link(tmp_path, files))
    with duckdb.connect(file, read_only=True) as con:
        rows = con.execute("select count(*) from core.fct_invoice").fetchone()
    harms: tuple[Callable[[Path], None], ...] = (CHANGES[1], _damage)
    for harm in harms:
        file.chmod(0o600)
        harm(file)
        (done,) = publish_while_due("group-caribe", tmp_path)
        assert done.faults == ()
        with duckdb.connect(file, read_only=True) as con:
            assert con.execute("select count(*) from core.fct_invoice").fetchone() == rows
