"""Definitions for Dagster: what a run reports, skips and tries again; names that are odd or wrong.

The one module that imports Dagster, which takes a second.
"""

import json
import re
import runpy
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.definitions.freshness import CronFreshnessPolicy
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from tests.command import run_process

import p4books.dagster.example
from p4books.cli.app import app
from p4books.dagster import P4Books, build_definitions
from p4books.dagster.example.__main__ import COMMAND, clear_example, load_example
from p4books.dagster.failures import translate_error
from p4books.dagster.lake import build_lake
from p4books.dagster.tenant import TenantAssets, build_freshness_policy, choose_cron
from p4books.errors import (
    AlreadyRunning,
    BadAnswer,
    CheckFailed,
    KeyRefused,
    Refused,
    SettingsError,
    Unreachable,
)
from p4books.settings import ENV_PREFIX, Lake, Settings, load_settings
from p4books.storage.files import tenant_lock
from p4books.storage.lake_place import find_lake
from p4books.storage.run_log import CheckRecord, LakeRecord, RunLog
from p4books.transform.models import sql_folder
from p4books_sandbox import Sandbox

CHECKS = {file.stem for file in (sql_folder() / "checks").glob("*.sql")}
_SCHEDULES = {
    "sync_north_1": "America/Costa_Rica",
    "sync_south": "America/Panama",
    "sync_keyless": None,
}
EXAMPLE = Path(p4books.dagster.example.__path__[0])
README = EXAMPLE.parent / "README.md"


@dataclass
class Firm:
    """Two tenants on one sandbox, of which one has a wrong key, and one without any; a group."""

    folder: Path
    sandbox: Sandbox
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    @property
    def sent(self) -> Path:
        """What the channels of the alerts got."""
        return self.folder / "sent.json"

    def run(self, tenant: str = "north-1") -> "Result":
        """Run the job of a tenant in this process."""
        job = self.definitions.resolve_job_def(f"sync_{TenantAssets(tenant).identifier}")
        done = job.execute_in_process(instance=self.instance, raise_on_error=False)
        return Result(done, [event for event in done.all_events if event.is_step_event])

    def settings(self, tenant: str = "north-1") -> Settings:
        """Return the settings of a tenant."""
        return load_settings(tenant, self.folder, need_key=False)


@dataclass
class Result:
    """A run, and the events of its steps."""

    done: dg.ExecuteInProcessResult
    events: list[Any]

    def find(self, kind: str) -> list[Any]:
        """Return the events of a type."""
        return [event for event in self.events if event.event_type_value == kind]

    @property
    def materialized(self) -> dict[str, Mapping[str, Any]]:
        """The assets that were reported, and their metadata."""
        found = [
            event.step_materialization_data.materialization
            for event in self.find("ASSET_MATERIALIZATION")
        ]
        return {
            each.asset_key.to_user_string(): {
                name: getattr(value, "value", value) for name, value in each.metadata.items()
            }
            for each in found
        }

    @property
    def checked(self) -> dict[str, bool]:
        """The checks that were reported, and whether they passed."""
        found = [event.asset_check_evaluation_data for event in self.find("ASSET_CHECK_EVALUATION")]
        return {each.check_name: each.passed for each in found}

    @property
    def errors(self) -> str:
        """What the steps that failed say."""
        return "\n".join(str(event.step_failure_data) for event in self.find("STEP_FAILURE"))


@pytest.fixture(scope="module")
def made_firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """A firm without any run yet."""
    folder = tmp_path_factory.mktemp("firm")
    with Sandbox(invoices=30, limit=0) as sandbox, pytest.MonkeyPatch.context() as patch:
        (folder / ".dlt").mkdir()
        (folder / ".dlt" / "secrets.toml").write_text(
            f"""
            [sources.p4books]
            base_url = "{sandbox.base_url}"
            requests_per_window = 100000
            notify = [{{ kind = "command", run = ["tee", "-a", "{folder}/sent.json"] }}]
            [sources.p4books.tenants.north-1]
            api_key = "{sandbox.key}"
            timezone = "America/Costa_Rica"
            [sources.p4books.tenants.south]
            api_key = "wrong-and-secret"
            [sources.p4books.tenants.keyless]
            [sources.p4books.groups.all]
            tenants = ["north-1", "south"]
            """
        )
        patch.setenv("DLT_PROJECT_DIR", str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        definitions = build_definitions(folder, running=True)
        yield Firm(folder, sandbox, definitions, dg.DagsterInstance.ephemeral())


@pytest.fixture
def firm(made_firm: Firm, monkeypatch: pytest.MonkeyPatch) -> Firm:
    """The firm, whose folder is that of the settings."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(made_firm.folder))
    return made_firm


def test_run_reports_changes(firm: Firm) -> None:
    """A run reports the models and checks that changed, of which it builds none a second time."""
    first = firm.run()
    assert first.done.success
    file = firm.settings().published
    with duckdb.connect(file, read_only=True) as con:
        query = "select 'north-1/' || layer || '/' || model, rows from catalogue"
        rows = dict(con.execute(query).fetchall())
    expected = {"north-1/raw", "north-1/published", "group-all/published"}
    assert first.materialized.keys() == rows.keys() | expected
    assert {name: first.materialized[name]["dagster/row_count"] for name in rows} == rows
    assert first.checked == dict.fromkeys(CHECKS | {"complete"}, True)
    assert first.materialized["north-1/raw"]["requests"] == len(firm.sandbox.requests)

    assert firm.run().materialized.keys() == expected  # a quiet run

    firm.sandbox.books["vendors"].replace(2, name="Another")
    changed = firm.run()
    assert {"north-1/staging/vendors", "north-1/core/dim_vendor"} < changed.materialized.keys()
    unchanged = {"north-1/staging/invoices_history", "north-1/core/dim_product"}
    assert changed.materialized.keys().isdisjoint(unchanged)
    assert len(changed.materialized) < len(rows)
    assert {"complete"} < changed.checked.keys() < first.checked.keys()


def test_run_in_progress_is_skipped(firm: Firm) -> None:
    """A run that meets another one of its tenant succeeds, and reports nothing."""
    before = len(firm.sandbox.requests)
    settings = firm.settings()
    settings.private.mkdir(parents=True, exist_ok=True)
    with tenant_lock(settings):
        result = firm.run()
    assert result.done.success
    assert not result.materialized
    assert not result.checked
    assert {event.step_key for event in result.find("STEP_SKIPPED")} == {
        *("north_1__complete", "north_1__published", "group_all__published")
    }
    assert len(firm.sandbox.requests) == before


def test_list_refused(firm: Firm) -> None:
    """If a list cannot be read, the rest is reported, and the run fails and says which."""
    firm.sandbox.forbid("vendors")
    result = firm.run()
    firm.sandbox.permit("vendors")
    assert not result.done.success
    assert "north-1/published" in result.materialized
    assert result.checked["complete"] is False
    assert "vendors: the API key is not allowed to read this list (403)" in result.errors


def test_nothing_read(firm: Firm) -> None:
    """If no list can be read, the warehouse is not reported as fresh."""
    firm.sandbox.forbid(*firm.sandbox.books)
    result = firm.run()
    firm.sandbox.permit(*firm.sandbox.books)
    assert not result.materialized
    assert "the API key is not allowed to read this list (403)" in result.errors


def test_failed_check(firm: Firm) -> None:
    """A check that failed when p4books ran it is reported as failed, with what it found."""
    settings, name = firm.settings(), "ar_aging_equals_the_open_items"
    record = CheckRecord(2e9, "Ar aging equals the open items: 1 row contradicts it")
    RunLog(settings.run_log).save_failed_check(name.replace("_", " "), record)
    result = firm.run()
    assert result.checked == {"complete": True, name: False}


def test_wrong_key(firm: Firm) -> None:
    """A key that is refused is not tried again; the channels know, and nothing shows the key."""
    firm.sent.unlink(missing_ok=True)
    result = firm.run("south")
    assert not result.done.success
    assert "P4 Books rejected the API key of tenant south (401)." in result.errors
    assert not result.find("STEP_UP_FOR_RETRY")
    assert json.loads(firm.sent.read_text())["changes"][0]["alert"] == "key_refused"
    with warnings.catch_warnings(action="ignore"):  # of what Dagster itself uses
        snapshot = RepositorySnap.from_def(firm.definitions.get_repository_def())
    definitions = serialize_value(snapshot)
    assert "north-1" in definitions
    assert "wrong-and-secret" not in definitions + str(result.done.all_events)


def test_broken_tenant(firm: Firm) -> None:
    """A tenant whose settings are wrong says so when it is run, and stops no other."""
    result = firm.run("keyless")
    assert not result.done.success
    assert "The API key of keyless is missing." in result.errors


def test_other_failure_is_sent(firm: Firm) -> None:
    """What fails outside of the sync is sent over the channels of the alerts as well."""
    (sensor,) = firm.definitions.sensors or ()
    blocked = firm.settings("group-all").published
    blocked.unlink(missing_ok=True)
    blocked.mkdir(parents=True)
    result = firm.run()
    blocked.rmdir()
    assert not result.done.success
    firm.sent.unlink(missing_ok=True)  # what the sync has sent
    (failure,) = (e for e in result.done.all_events if e.event_type_value == "PIPELINE_FAILURE")
    context = dg.build_run_status_sensor_context(
        sensor.name, failure, firm.instance, result.done.dagster_run
    )
    sensor(context.for_run_failure())
    assert "group_all__published failed." in firm.sent.read_text()


@pytest.mark.parametrize(
    ("error", "is_repeated"),
    [
        (Unreachable("invoices", "host", "no route", "Check it."), True),
        (BadAnswer("invoices", 1, "status 503"), True),
        (Refused("invoices", 1, 429), True),
        (Refused("invoices", 1, 422), False),
        (KeyRefused("acme"), False),
        (CheckFailed("sums agree", 1, ["id: 1"]), False),
    ],
)
def test_retries(error: Exception, is_repeated: bool) -> None:
    """What may be over soon is tried again three times; what a person must mend is not."""
    *earlier, last = [translate_error(error, attempt) for attempt in range(1, 5)]
    for minutes, outcome in zip((1, 3, 7), earlier, strict=True):
        assert isinstance(outcome, dg.RetryRequested) is is_repeated
        if isinstance(outcome, dg.RetryRequested):
            assert abs((outcome.seconds_to_wait or 0) / 60 - minutes) <= 1
    assert isinstance(last, dg.Failure)
    assert (last.description, last.allow_retries) == (str(error), False)


def test_unexpected_error_shows_no_data() -> None:
    """What another program says of an error may have data, so that only its kind is shown."""
    failure = translate_error(ValueError("Ana Pérez owes 12.00"), 1)
    assert isinstance(failure, dg.Failure)
    assert failure.description == "Unexpected error (ValueError)."


def test_stop() -> None:
    """Work that is interrupted is asked to stop as from the command line, and ends at once."""
    code = """if True:
        import signal, threading, time
        from p4books.dagster.stop import run_stoppable
        from p4books.storage.interrupt import is_stop_requested, track_event

        event = track_event(threading.Event())
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        started = time.monotonic()
        try:
            run_stoppable(lambda: event.wait(60))
        except KeyboardInterrupt:
            print(is_stop_requested(), time.monotonic() - started < 10)
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_odd_names() -> None:
    """Every tenant has a name that Dagster takes, and no two have the same."""
    names = ["a-b", "a_b", "a b", "a--b", "7", "dict", "Ñandú", "x" * 300, "", "../etc", "a/b"]
    found = {TenantAssets(name).identifier for name in names}
    assert len(found) == len(names)
    for name in found:
        dg.AssetSpec("asset", group_name=name)
        dg.define_asset_job(f"sync_{name}", tags={"tenant": name})


@pytest.mark.parametrize(
    ("minutes", "cron", "every"),
    [
        (0.2, "* * * * *", 1),
        (7, r"\d-59/6 \* \* \* \*", 6),
        (15, r"\d+-59/15 \* \* \* \*", 15),
        (1440, r"\d+ \d \* \* \*", 1440),
        (100_000, r"\d+ \d \* \* 0", 10_080),
    ],
)
def test_interval(minutes: float, cron: str, every: int) -> None:
    """The schedule is that of `sync_interval`, and figures are old after two of them."""
    settings = Settings(tenant="acme", sync_interval=minutes, timezone="America/Bogota")
    found, interval = choose_cron(settings)
    assert re.fullmatch(cron.replace("* * * * *", r"\* \* \* \* \*"), found)
    assert interval == timedelta(minutes=every)
    policy = build_freshness_policy(settings)
    assert isinstance(policy, CronFreshnessPolicy)
    assert (policy.deadline_cron, policy.timezone) == (found, "America/Bogota")
    assert policy.lower_bound_delta == interval


def test_schedule_is_in_the_zone_of_the_tenant(firm: Firm) -> None:
    """Each tenant has a schedule in its own time zone, and runs of a key are in its pool."""
    repository = firm.definitions.get_repository_def()
    zones = {name: repository.get_schedule_def(name).execution_timezone for name in _SCHEDULES}
    assert zones == _SCHEDULES
    steps = [repository.get_job(name).all_node_defs for name in ("sync_north_1", "sync_south")]
    pools = {pool for each in chain(*steps) for pool in each.pools}
    assert len(pools) == 2
    assert firm.sandbox.key not in str(pools)


def test_component(firm: Firm) -> None:
    """The component has the attributes of the function, for a defs.yaml."""
    component = P4Books(tenants=["north-1"], models=False)
    definitions = dg.build_defs_for_component(component)
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    assert {key.to_user_string() for key in keys} == {"north-1/raw", "north-1/published"}


@pytest.mark.parametrize("case", ["current", "behind", "elsewhere"])
def test_lake(firm: Firm, tmp_path: Path, case: str) -> None:
    """The last snapshot of the lake is reported if it has all of the published file."""
    lake = Lake(SecretStr("host=localhost password=hidden"), str(tmp_path))
    settings = firm.settings().model_copy(update={"lake": lake})
    place = find_lake(settings)
    assert place
    if not settings.published.exists():
        firm.run()
    log = RunLog(settings.run_log)
    record = log.load_published()
    assert record
    digest = "another" if case == "behind" else record.digest
    written = "another" if case == "elsewhere" else place.identity
    log.save_lake(LakeRecord(digest, written, 7))
    done = dg.materialize([build_lake(settings)], instance=firm.instance)
    found = Result(done, [event for event in done.all_events if event.is_step_event]).materialized
    assert [each["snapshot"] for each in found.values()] == ([7] if case == "current" else [])


def test_no_tenant(tmp_path: Path) -> None:
    """Settings without any tenant are an error with a remedy."""
    with pytest.raises(SettingsError, match="The settings name no tenant"):
        build_definitions(tmp_path)


def test_unknown_tenant(firm: Firm) -> None:
    """A tenant that is misspelled is an error that names a similar one."""
    with pytest.raises(SettingsError, match=r"Unknown tenant 'nort-1'\. Did you mean 'north-1'\?"):
        build_definitions(firm.folder, ["nort-1"])


@pytest.mark.parametrize("group", ["groups = 3", 'groups.all.tenants = ["nobody"]'])
def test_broken_groups(group: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Groups whose settings are wrong have no assets; their tenants have."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        f'[sources.p4books]\n{group}\n[sources.p4books.tenants.north]\napi_key = "key"\n'
    )
    definitions = build_definitions(tmp_path, models=False)
    assert len(definitions.resolve_asset_graph().get_all_asset_keys()) == 2
    assert "assets: " in caplog.text


def test_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The definitions of the example are valid, and so is what Dagster is to do with them."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(EXAMPLE))
    definitions = runpy.run_path(str(EXAMPLE / "definitions.py"))["defs"]()
    dg.Definitions.validate_loadable(definitions)
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql://p4books@localhost/dagster")
    storages = []
    for file in sorted((EXAMPLE / "instances").glob("*.yaml")):
        shutil.copy(file, tmp_path / "dagster.yaml")
        instance = InstanceRef.from_dir(str(tmp_path))
        assert "concurrency" in instance.settings
        storages.append(instance.storage_data.class_name if instance.storage_data else "")
    assert storages == ["DagsterSqliteStorage", "DagsterPostgresStorage"]


def test_example_deletes_only_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example deletes its own files, whatever folder the environment has for real books."""
    example, real = tmp_path / "example", tmp_path / "real"
    shutil.copytree(EXAMPLE / ".dlt", example / ".dlt")
    for folder in (real, example / "data"):
        folder.mkdir()
        (folder / "north.duckdb").touch()
    monkeypatch.setenv(f"{ENV_PREFIX}DATA_DIR", str(real))
    monkeypatch.setenv(f"{ENV_PREFIX}tenants__north__data_dir", str(real))
    tenants = load_example(example)
    assert {each.data_dir for each in tenants} == {example / "data"}
    assert load_settings("north", example).data_dir == example / "data"  # in what it starts, too
    clear_example(example)
    assert (real / "north.duckdb").exists()
    assert not (example / "data").exists()

    (example / "data").symlink_to(real)
    with pytest.raises(SettingsError, match="The example has books of sandboxes, but its data_dir"):
        load_example(example)


def test_driver_of_postgres() -> None:
    """SQLAlchemy takes the driver that dagster-postgres needs."""
    assert make_url("postgresql://localhost").get_dialect().driver == "psycopg2"


def test_recipes() -> None:
    """What the README shows of other programs is Python, and its command is one of ours."""
    text = README.read_text()
    blocks = re.findall(r"^```python \S+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        compile(block, README.name, "exec")
    commands = [re.findall(r"p4books\W+(sync)\W+?(--tenant)", block) for block in blocks]
    for name, option in chain(*commands):
        assert option in {word for each in app.commands[name].params for word in each.opts}
    assert [len(each) for each in commands] == [0, 1, 1]
    assert str(AlreadyRunning.exit_code) in blocks[1]
    assert str(AlreadyRunning.exit_code) in blocks[2]


def test_no_warning_of_the_example(tmp_path: Path) -> None:
    """`make dagster` prints no warning, which the command that it starts does by itself."""
    environment = {"DAGSTER_HOME": str(tmp_path / "none")}  # so that it ends at once
    at = COMMAND.index("-W")
    commands = (COMMAND, COMMAND[:at] + COMMAND[at + 2 :])
    done, bare = (run_process(each, tmp_path, environment) for each in commands)

    for each in (done, bare):
        assert '/none" is not a directory' in each.stderr
    assert ("Warning" in done.stderr, "SupersessionWarning" in bare.stderr) == (False, True)
