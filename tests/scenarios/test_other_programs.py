"""Other programs that write into the published file, remove it or keep it open, and later runs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.command import Completed, run_here
from tests.other_program import kill_after_commit, open_program, read_elsewhere, write_and_close
from tests.staging_sync import VENDORS, sync, sync_vendors

from p4books.errors import KeyRefused, P4BooksError, Refused, SettingsError
from p4books.publish.publish import publish_report
from p4books.settings import ENV_PREFIX, Settings
from p4books.storage.run_log import SyncSummary
from p4books_sandbox import Fault, Sandbox

NAME = "select vendor_name from staging.vendors where vendor_id = '1'"


@pytest.fixture
def synced(settings: Settings) -> Settings:
    """Settings of a tenant that was synced once."""
    assert sync_vendors(settings).published
    return settings


def overwrite(file: Path, content: bytes) -> None:
    file.chmod(0o640)
    file.write_bytes(content)


def describe(summary: SyncSummary) -> tuple[bool, bool, list[P4BooksError]]:
    return summary.loaded, summary.published, summary.faults


def test_runs_without_a_change(synced: Settings) -> None:
    """What another program did is undone and said by the next run, although nothing changed."""
    first = read_elsewhere(synced.published, NAME)
    for damage, said in (
        (kill_after_commit, "had changes of another program"),
        (write_and_close, "was changed or replaced after it was published"),
        (Path.unlink, "was missing"),
    ):
        damage(synced.published)

        summary = sync_vendors(synced)

        assert describe(summary) == (False, True, [])
        assert re.search(f"acme.duckdb {said}.* It was published again", summary.notes[-1])
        assert read_elsewhere(synced.published, NAME) == first
    published = read_elsewhere(synced.published, "select published_at from about")

    summary = sync_vendors(synced.model_copy(update={"published_mode": 0o400}))

    assert describe(summary) == (False, False, [])  # a new mode needs no new build
    assert synced.published.stat().st_mode & 0o777 == 0o400
    assert read_elsewhere(synced.published, "select published_at from about") == published


def test_program_that_stays_open(synced: Settings, sandbox: Sandbox) -> None:
    """A sync publishes although another program has the file open, and again what it spoils later.

    The program goes on writing into the file that it opened, and its log is beside the new one.
    """
    with open_program(synced.published) as program:
        program.tell("create view mine as select 1 as one")
        sandbox.books["vendors"].replace(1, name="new name")
        changed = sync_vendors(synced)
        names = [read_elsewhere(synced.published, NAME)]
        program.tell("checkpoint")
        program.tell("create view yours as select 1 as one")
        log = synced.published.with_name("acme.duckdb.wal")
        assert log.exists()
        quiet = sync_vendors(synced)
        names.append(read_elsewhere(synced.published, NAME))
        program.tell("close")

    assert (describe(changed), describe(quiet)) == ((True, True, []), (False, True, []))
    assert f"(process {program.number})" in changed.notes[-1]
    assert names == ["new name", "new name"]


def test_file_restored_without_p4_books(synced: Settings, sandbox: Sandbox) -> None:
    """The published file is restored even if P4 Books can't be read."""
    first = read_elsewhere(synced.published, NAME)
    kill_after_commit(synced.published)

    with pytest.raises(KeyRefused):
        sync_vendors(Settings(**{**vars(synced), "api_key": "wrong"}))

    assert read_elsewhere(synced.published, NAME) == first
    write_and_close(synced.published)
    sandbox.faults.stage(Fault("status", status=422, endpoint="vendors", times=None))

    summary = sync_vendors(synced)

    assert [type(fault) for fault in summary.faults] == [Refused]
    assert read_elsewhere(synced.published, "select made_of from about") != "theirs"


def test_wrong_group(settings: Settings, sandbox: Sandbox) -> None:
    """A group that does not exist ends a run before any request."""
    with pytest.raises(SettingsError, match="there is no group 'no such'"):
        sync(settings.model_copy(update={"published_group": "no such"}))

    assert sandbox.requests == []


def test_folder_in_the_way(settings: Settings) -> None:
    """If a folder is in the place of the file, all is stored, and published once it is gone."""
    settings.published.mkdir(parents=True)

    blocked = sync_vendors(settings)
    settings.published.rmdir()
    later = sync_vendors(settings)

    assert (blocked.loaded, blocked.published) == (True, False)
    assert [type(fault).__name__ for fault in blocked.faults] == ["PublishedFileBlocked"]
    assert describe(later) == (False, True, [])


@pytest.fixture(scope="module")
def vendors_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a tenant that was synced once, to be copied."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch, Sandbox(empty=True, limit=0) as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder))
        sandbox.books["vendors"].insert({"name": "first"})
        settings = Settings(
            tenant="acme",
            api_key=SecretStr(sandbox.key),
            base_url=sandbox.base_url,
            data_dir=folder / "data",
            requests_per_window=100_000,
        )
        assert sync_vendors(settings).published
    return folder / "data"


@pytest.fixture
def copied(vendors_copy: Path, tmp_path: Path) -> Settings:
    """Settings of a tenant that was synced once, which needs no P4 Books any more."""
    shutil.copytree(vendors_copy, tmp_path / "data")
    return Settings(tenant="acme", data_dir=tmp_path / "data")


def run(copied: Settings, *words: str) -> Completed:
    return run_here(words, copied.data_dir.parent, {f"{ENV_PREFIX}TENANT": "acme"})


def test_commands_with_a_file_in_use(copied: Settings) -> None:
    """Commands name the program that has the file open, and what to do, which helps.

    `status` still shows what the run log knows.
    """
    with open_program(copied.published) as program:
        holder = rf"acme.duckdb is open for writing in python[\d.]* \(process {program.number}\)"
        refused = [run(copied, *words.split()) for words in ("query 1", "export vendors", "models")]
        status, as_json = run(copied, "status"), run(copied, "status", "--json")
        publish_report(copied, sql=VENDORS)
        after = run(copied, "query", "select 1 as one")

    for done in (*refused, status):
        assert done.returncode == 1
        assert re.search(f"{holder}, so .* run `p4books report`, which", done.stderr)
        assert len(done.stderr.splitlines()) == 1
    assert all(done.stdout == "" for done in refused)
    assert re.search(r"(?m)^vendors +1 +whole ", status.stdout)
    assert "in the last run" in status.stdout
    assert re.search(rf'"problem": ".*{holder}', as_json.stdout)
    assert '"published_at": null' in as_json.stdout
    assert (after.returncode, after.stdout.split()) == (0, ["one", "1"])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda file: overwrite(file, file.read_bytes()[:20_000]),
            "cannot be opened .* Run `p4books report`",
        ),
        (lambda file: overwrite(file, b"mine"), "cannot be opened .* Run `p4books report`"),
        (Path.unlink, "is missing. Run `p4books report` to publish it again"),
    ],
    ids=["cut", "not a database", "removed"],
)
def test_status_of_a_damaged_file(
    damage: Callable[[Path], object], said: str, copied: Settings
) -> None:
    """A file that can't be opened is reported by `status`, with what to do, next to all else."""
    damage(copied.published)

    done = run(copied, "status")

    assert done.returncode == 1
    assert re.search(said, done.stderr)
    assert re.search(r"(?m)^vendors +1 +whole ", done.stdout)
