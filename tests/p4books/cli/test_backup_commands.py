"""The commands backup and restore, on the synced shop."""

import json
import os
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from fsspec.registry import _registry
from tests.command import Completed, Run, run_here
from tests.p4books.cli.conftest import Environment, assert_one_sentence, get_error

from p4books.settings import ENV_PREFIX
from p4books_sandbox import Sandbox

NOBODY = 65534  # a user who is not the one of the tests

Row = tuple[object, ...]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of the test's backups."""
    return tmp_path / "out"


@pytest.fixture
def private(synced: Path) -> Path:
    """The private folder of the shop."""
    return synced / ".private" / "shop"


def history(warehouse: Path) -> list[Row]:
    """Return every version of every vendor."""
    with duckdb.connect(warehouse, read_only=True) as con:
        return con.execute("from raw.vendors order by id, _dlt_valid_from").fetchall()


def rename_vendor(sandbox: Sandbox, name: str) -> None:
    sandbox.books["vendors"].replace(1, name=name)


def rename_vendor_in(warehouse: Path) -> None:
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.vendors set name = 'Renamed'")


def list_names(p4books: Run, out: Path, kind: str) -> list[str]:
    listed = json.loads(p4books("restore", "--from", str(out), "--json").stdout)
    return [each["name"] for each in listed if each["kind"] == kind]


def push_vendor(
    p4books: Run, folder: Path, *codes: str, options: tuple[str, ...] = ()
) -> Completed:
    file = folder / "vendors.csv"
    file.write_text("code,name\n" + "".join(f"{code},Vendor {code}\n" for code in codes))
    return p4books("push", "vendors", str(file), "--json", *options)


def count_vendors(sandbox: Sandbox, code: str) -> int:
    return sum(record.get("code") == code for record in sandbox.books["vendors"].records())


def test_back_and_forth(p4books: Run, private: Path, sandbox: Sandbox, out: Path) -> None:
    """A backup is made once per change, listed, restored; what it replaces can be restored, too."""
    before = history(private / "warehouse.duckdb")
    first = json.loads(p4books("backup", "--to", str(out), "--json").stdout)
    again = p4books("backup", "--to", str(out))
    assert first["is_new"]
    assert "nothing changed since the backup" in again.stdout
    rename_vendor(sandbox, "Renamed")
    assert p4books("sync", "vendors").returncode == 0
    after = history(private / "warehouse.duckdb")
    assert before != after
    second = json.loads(p4books("backup", "--to", str(out), "--json").stdout)
    assert list_names(p4books, out, "backup") == [second["name"], first["name"]]

    done = p4books("restore", first["name"], "--from", str(out))

    assert (done.returncode, done.stderr) == (
        0,
        "The warehouse that was there is kept as a generation.\n",
    )
    assert history(private / "warehouse.duckdb") == before
    replaced = list_names(p4books, out, "generation")[0]
    assert p4books("restore", replaced).returncode == 0
    assert history(private / "warehouse.duckdb") == after
    assert p4books("restore", str(out / "shop" / first["name"])).returncode == 0
    synced = p4books("sync", "vendors")
    assert "An earlier warehouse was put back" in synced.stderr
    assert (
        "Renamed"
        in p4books("query", "select vendor_name from staging.vendors where vendor_id = '1'").stdout
    )


def test_another_machine(
    p4books: Run, private: Path, sandbox: Sandbox, out: Path, tmp_path: Path
) -> None:
    """On another machine the history and the ledger are as they were, and a sync goes on."""
    push_vendor(p4books, tmp_path, "P-1")
    before = history(private / "warehouse.duckdb")
    assert p4books("backup", "--to", str(out)).returncode == 0
    shutil.rmtree(tmp_path / "data")

    done = p4books("restore", "newest", backup_to=str(out))
    assert done.returncode == 0, done.stderr
    assert "lacks what was pushed after" in done.stderr
    assert history(private / "warehouse.duckdb") == before
    synced = p4books("sync")

    assert (synced.returncode, "Published" in synced.stdout) == (0, True), synced.stderr
    assert "put back" not in synced.stderr  # its log of runs came along
    assert "1" in p4books("pushes").stdout
    assert len(json.loads(p4books("runs", "--json").stdout)) == 2


def test_ledger_with_a_gap(
    p4books: Run, private: Path, sandbox: Sandbox, out: Path, tmp_path: Path
) -> None:
    """What was pushed after the backup is found and not sent again; other records wait for a word.

    `--ledger-complete` is that word.
    """
    push_vendor(p4books, tmp_path, "P-1")
    assert p4books("backup", "--to", str(out)).returncode == 0
    push_vendor(p4books, tmp_path, "P-1", "P-2")
    shutil.rmtree(private)
    assert p4books("restore", "newest", "--from", str(out)).returncode == 0
    assert p4books("sync", "vendors").returncode == 0  # P-2 is in the books, unknown to the ledger

    done = push_vendor(p4books, tmp_path, "P-1", "P-2", "P-3")

    report = json.loads(done.stdout)
    assert (report["created"], report["unknown"], report["bad"]) == (1, 1, 0)
    assert "restored from a backup" in done.stderr
    assert [count_vendors(sandbox, f"P-{number}") for number in (1, 2, 3)] == [1, 1, 0]
    done = push_vendor(p4books, tmp_path, "P-1", "P-2", "P-3", options=("--ledger-complete",))
    assert done.returncode == 0, done.stderr
    assert push_vendor(p4books, tmp_path, "P-4").returncode == 0
    assert [count_vendors(sandbox, f"P-{number}") for number in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_backup_from_before_the_first_push(
    p4books: Run, private: Path, sandbox: Sandbox, out: Path, tmp_path: Path
) -> None:
    """A new machine that has synced already does not know what was pushed after the backup."""
    assert p4books("backup", "--to", str(out)).returncode == 0
    push_vendor(p4books, tmp_path, "P-1")
    shutil.rmtree(tmp_path / "data")
    assert p4books("sync", "vendors").returncode == 0
    assert p4books("restore", "newest", "--from", str(out)).returncode == 0

    push_vendor(p4books, tmp_path, "P-1")

    assert count_vendors(sandbox, "P-1") == 1


def test_backup_of_the_future(p4books: Run, private: Path, out: Path) -> None:
    """What was backed up while the clock was ahead is not what `newest` restores."""
    made = json.loads(p4books("backup", "--to", str(out), "--json").stdout)
    ahead = out / "shop" / "20990101T000000000000Z"
    shutil.copytree(out / "shop" / made["name"], ahead)
    manifest = json.loads((ahead / "manifest.json").read_text())
    manifest["instant"] = "2099-01-01T00:00:00Z"
    (ahead / "manifest.json").write_text(json.dumps(manifest))

    done = json.loads(p4books("restore", "newest", "--from", str(out), "--json").stdout)

    assert done["name"] == made["name"]


def test_present_ledger_stays(
    p4books: Run, private: Path, sandbox: Sandbox, out: Path, tmp_path: Path
) -> None:
    """A ledger that knows more than the backup stays as it is, and forgets nothing."""
    push_vendor(p4books, tmp_path, "P-1")
    assert p4books("backup", "--to", str(out)).returncode == 0
    push_vendor(p4books, tmp_path, "P-2")

    assert p4books("restore", "newest", "--from", str(out)).returncode == 0

    with closing(sqlite3.connect(private / "ledger.sqlite")) as ledger:
        assert ledger.execute("select code from record order by code").fetchall() == [
            *[("P-1",), ("P-2",)],
        ]
        assert ledger.execute("select count(*) from gap").fetchone() == (0,)


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        ("flip", ("is damaged", "warehouse.duckdb is not as it was written")),
        ("cut", ("is damaged", "warehouse.duckdb is missing or has another size")),
        ("manifest", ("is damaged", "manifest.json cannot be read")),
        ("newer", ("made by p4books 99.0", "Install that version")),
        ("other address", ("https://other.p4books.com/api/v1", "--same-books")),
        ("other tenant", ("of tenant other",)),
    ],
)
def test_bad_backup(
    damage: str, parts: tuple[str, ...], p4books: Run, private: Path, out: Path
) -> None:
    """A backup that cannot be restored changes nothing, and one sentence says why."""
    made = json.loads(p4books("backup", "--to", str(out), "--json").stdout)
    folder = Path(made["place"])
    spoil(folder, damage)
    before = (private / "warehouse.duckdb").stat().st_mtime_ns

    done = p4books("restore", made["name"], "--from", str(out))

    assert done.returncode in {1, 2}
    assert_one_sentence(done, *parts)
    assert done.stderr.count("The backup ") == 1
    assert (private / "warehouse.duckdb").stat().st_mtime_ns == before
    assert not (private / "restoring").exists()
    assert not (private / "restoring.new").exists()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("cut", "warehouse.duckdb is missing or has another size"),
        ("manifest", "its manifest.json cannot be read"),
        ("newer", "it was made by p4books 99.0, which is newer than this one"),
    ],
)
def test_no_good_backup(damage: str, why: str, p4books: Run, private: Path, out: Path) -> None:
    """If no backup can be restored, the newest is named, and how to list them where they are."""
    assert private.exists()
    made = json.loads(p4books("backup", "--to", str(out), "--json").stdout)
    folder = Path(made["place"])
    shutil.copytree(folder, folder.with_name("20250101T000000000000Z"))
    spoil(folder, damage)

    done = p4books("restore", "newest", "--from", str(out), "--tenant", "shop")

    assert done.returncode == 1
    assert_one_sentence(
        done,
        f"No backup can be restored; the newest, {made['name']}, is unusable: {why}. ",
        f"`p4books restore --from {out} --tenant shop` lists the others",
    )
    listed = p4books("restore", "--from", str(out)).stderr
    assert f"{made['name']}: {why}\n" in listed


def spoil(folder: Path, damage: str) -> None:
    """Damage a backup, or make it one of other books."""
    warehouse, manifest = folder / "warehouse.duckdb", folder / "manifest.json"
    values = json.loads(manifest.read_text())
    if damage == "flip":
        data = bytearray(warehouse.read_bytes())
        data[len(data) // 2] ^= 1
        warehouse.write_bytes(data)
    elif damage == "cut":
        warehouse.write_bytes(warehouse.read_bytes()[:-1])
    elif damage == "manifest":
        manifest.write_text("{")
    else:
        changes: dict[str, dict[str, object]] = {
            "newer": {"format": 99, "p4books_version": "99.0"},
            "other address": {"addresses": ["https://other.p4books.com/api/v1"]},
            "other tenant": {"tenant": "other"},
        }
        manifest.write_text(json.dumps({**values, **changes[damage]}))


def test_interrupted_restore(p4books: Run, private: Path, out: Path) -> None:
    """While files of a restore wait to be put in place, nothing runs; the next restore ends it."""
    before = history(private / "warehouse.duckdb")
    assert p4books("backup", "--to", str(out)).returncode == 0
    rename_vendor_in(private / "warehouse.duckdb")
    (private / "restoring").mkdir()
    (backup,) = (out / "shop").iterdir()
    shutil.copy(backup / "warehouse.duckdb", private / "restoring")
    (private / "restoring" / "restore.json").write_text(
        json.dumps({"name": backup.name, "kind": "backup", "instant": None, "rows": 1})
    )

    for words in (["sync"], ["report"], ["backup", "--to", str(out)]):
        done = p4books(*words)
        assert done.returncode == 1
        assert_one_sentence(done, "Run `p4books restore` to finish it")
    assert "Run `p4books restore` to finish it" in p4books("status").stderr
    done = p4books("restore")

    assert done.stdout.startswith(f"Finished restoring the backup {backup.name}")
    assert history(private / "warehouse.duckdb") == before
    assert p4books("backup", "--to", str(out)).returncode == 0


def test_lost_warehouse(p4books: Run, private: Path) -> None:
    """The command that the error of a lost warehouse names puts it back."""
    warehouse = private / "warehouse.duckdb"
    before = history(warehouse)
    (private / "generations").mkdir()
    warehouse.rename(private / "generations" / "warehouse-20261124T021504123456Z.duckdb")

    lost = p4books("sync")
    assert lost.returncode == 1
    command = lost.stderr.split("`p4books ")[1].split("`")[0]

    assert p4books(*command.split()).returncode == 0
    assert history(warehouse) == before


def test_nothing_to_back_up(p4books: Run, tmp_path: Path) -> None:
    """A tenant without a warehouse, and a place that nobody gave, are one sentence each."""
    assert_one_sentence(p4books("backup", "--to", "out"), "There is nothing to back up")
    assert_one_sentence(p4books("backup"), "--to FOLDER", "backup_to")
    assert "no backup of shop" in p4books("restore").stdout
    assert_one_sentence(p4books("restore", "newest"), "There is no backup and no generation newest")
    assert not (tmp_path / "out").exists()


def test_no_tenant_at_all(tmp_path: Path) -> None:
    """`--all` without tenants is an error; a backup can be restored before there are settings."""
    done = run_here(["backup", "--all", "--to", "out"], tmp_path, {})
    listed = run_here(["restore", "--tenant", "shop", "--from", "."], tmp_path, {})

    assert_one_sentence(done, "--all found no tenant in the settings. Nothing was done")
    assert (done.returncode, listed.returncode) == (2, 0)
    assert listed.stdout == f"There is no generation and no backup of shop in {tmp_path}.\n"


def test_bad_words(p4books: Run, private: Path, out: Path) -> None:
    """Places and names that are none are one sentence each, and nothing is written anywhere."""
    for words, part in (
        (["backup", "--to", ""], "it is empty"),
        (["backup", "--to", "s3://"], "must be like s3://BUCKET/FOLDER"),
        (["backup", "--to", "s3:/x"], "with two slashes after the colon"),
        (["restore", "newest", "--from", "s3:x"], "with two slashes after the colon"),
        (["restore", "s3:/x/shop/20260101T000000000000Z"], "with two slashes after the colon"),
        (
            ["backup", "--to", "x", "--all", "--tenant", "shop"],
            "--all and --tenant exclude each other",
        ),
        (["restore", "--tenant", "nobody"], "Unknown tenant 'nobody'"),
        (["backup", "--tenant", "nobody", "--to", "x"], "Unknown tenant 'nobody'"),
        (["restore", "newest", "--from", "nowhere"], "There is no folder"),
        (["restore", "missing/folder"], "There is no backup and no generation"),
        (["restore", "20260101T000000000000Z"], "There is no backup and no generation"),
    ):
        done = p4books(*words)
        assert done.returncode == 2
        assert_one_sentence(done, part)
    (private / "ledger.sqlite").write_bytes(b"junk" * 2000)
    done = p4books("backup", "--to", str(out))
    assert_one_sentence(done, "ledger.sqlite cannot be read", "No backup was made")
    assert not out.exists()


def test_damaged_ledger(p4books: Run, private: Path, out: Path, tmp_path: Path) -> None:
    """A ledger that cannot be read is replaced by that of the backup, and kept."""
    push_vendor(p4books, tmp_path, "P-1")
    assert p4books("backup", "--to", str(out)).returncode == 0
    (private / "ledger.sqlite").write_bytes(b"junk" * 2000)

    done = p4books("restore", "newest", "--from", str(out))

    assert done.returncode == 0
    assert "ledger.sqlite that was there is kept in" in done.stderr
    assert "lacks what was pushed after" in done.stderr
    (kept,) = (private / "replaced").glob("*/ledger.sqlite")
    assert kept.read_bytes() == b"junk" * 2000
    assert len(json.loads(p4books("pushes", "--json").stdout)) == 1


def test_no_secret_in_a_url(p4books: Run) -> None:
    """A URL with a password is refused, and not repeated."""
    for done in (
        p4books("backup", "--to", "s3://me:pass-word@bucket/x"),
        p4books("backup", backup_to="s3://me:pass-word@bucket/x"),
        p4books("restore", "s3://me:pass-word@bucket/x/y"),
    ):
        assert done.returncode == 2
        assert_one_sentence(done, "the URL must not contain a user")
        assert "pass-word" not in done.stderr


def test_all_without_a_place(
    p4books: Run, private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If none of the tenants can be backed up for want of a place or a package, it ends with 2."""
    assert private.exists()
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        "[sources.p4books.tenants.north]\n[sources.p4books.tenants.shop]\n"
    )
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)  # once it was imported

    nowhere = p4books("backup", "--all")
    without_package = p4books("backup", "--all", "--to", "s3://bucket")

    assert nowhere.returncode == 2
    assert nowhere.stderr.count("Where should the backup go? Nothing was done.") == 2
    assert "pip install 'p4books[backup]'" in get_error(without_package, 2)


def test_all_tenants(p4books: Run, private: Path, out: Path, tmp_path: Path) -> None:
    """`--all` backs up each tenant; one that cannot be backed up stops no other."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        "[sources.p4books.tenants.empty]\n[sources.p4books.tenants.shop]\n"
    )

    done = p4books("backup", "--all", "--to", str(out))

    assert done.returncode == 1
    assert "shop: " in done.stdout
    assert " empty: " in done.stderr
    assert "tenant empty has no warehouse yet. Run `p4books sync --tenant empty`" in done.stderr


def test_age_of_the_last_backup(p4books: Run, private: Path, out: Path) -> None:
    """`status` shows when the last backup in `backup_to` was, also of one that found no change."""

    def show(place: Path) -> str:
        lines = p4books("status", backup_to=str(place)).stdout.splitlines()
        return next(line for line in lines if line.startswith("Backup: "))

    assert show(out) == f"Backup: this machine knows of none in {out}. `p4books backup` makes one."
    for _ in range(2):
        (private / "backup.json").unlink(missing_ok=True)
        assert p4books("backup", backup_to=str(out)).returncode == 0
        assert re.fullmatch(rf"Backup: .* seconds? ago \(.*\), in {out}\.", show(out))
    assert "knows of none" in show(out / "other")
    assert "Backup: " not in p4books("status").stdout


def test_keep_rules_delete(p4books: Run, private: Path, sandbox: Sandbox, out: Path) -> None:
    """Backups that no rule keeps are deleted after the next one; damaged and foreign files stay."""
    (out / "shop" / "20200101T000000000000Z").mkdir(parents=True)
    note = out / "shop" / "20200101T000000000000Z" / "note.txt"
    note.write_text("mine")
    names = []
    for number in range(3):
        with duckdb.connect(private / "warehouse.duckdb") as con:
            con.execute(f"create table raw.change_{number} (i integer)")
        done = p4books("backup", "--to", str(out), "--json", backup_keep="2 newest")
        names.append(json.loads(done.stdout)["name"])

    assert json.loads(done.stdout)["deleted"] == names[:1]
    assert list_names(p4books, out, "backup") == [names[2], names[1]]
    assert note.read_text() == "mine"
    assert not (out / "shop" / names[0]).exists()


def test_another_user(p4books: Run, private: Path, environment: Environment, out: Path) -> None:
    """Another user of another machine restores with a home, a folder and an id of their own."""
    before = history(private / "warehouse.duckdb")
    assert p4books("backup", "--to", str(out)).returncode == 0
    assert p4books("restore", "newest", "--from", str(out)).returncode == 0  # imports what it needs
    home = Path("/tmp") / f"p4books-{out.parent.name}"  # noqa: S108 - others may not enter pytest's
    shutil.copytree(out, home / "backups")
    try:
        for path in (home, *home.rglob("*")):
            shutil.chown(path, NOBODY, NOBODY)
        words = ["restore", "newest", "--from", "backups"]
        settings = {"HOME": str(home), f"{ENV_PREFIX}DATA_DIR": "books"}
        assert run_as_nobody(words, home, {**environment, **settings}) == 0
        restored = home / "books" / ".private" / "shop" / "warehouse.duckdb"
        assert restored.stat().st_uid == NOBODY
        assert history(restored) == before
    finally:
        shutil.rmtree(home)


def run_as_nobody(words: list[str], folder: Path, environment: Environment) -> int:
    """Run a command of which all is imported, in a process of another user; return its code."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            done = run_here(words, folder, environment)
            os.write(1, f"{done.stdout}{done.stderr}".encode())
            os._exit(done.returncode)
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
