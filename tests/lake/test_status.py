"""What `status` shows of a lake and a home, without asking Postgres."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from tests.conftest import MakeSettings
from tests.lake.conftest import Machine
from tests.postgres import PASSWORD, PostgresServer
from tests.staging_sync import VENDORS, sync, sync_vendors

from p4books.cli.render_status import build_status_object, print_status
from p4books.errors import AlreadyRunning
from p4books.fleet.alerts.watch import watch_tenant
from p4books.home import hold_state, refresh_state
from p4books.home.errors import HomeMissing
from p4books.publish.exposition import TenantMetrics, format_exposition
from p4books.publish.health import judge_health
from p4books.publish.status import ProblemKind, TenantStatus, read_status
from p4books.settings import Lake, Settings
from p4books.storage.postgres import PostgresTrouble
from p4books.storage.run_log import RunLog
from p4books_sandbox import Sandbox


@pytest.fixture
def settings(
    make_settings: MakeSettings, sandbox: Sandbox, catalog: SecretStr, tmp_path: Path
) -> Settings:
    """A tenant with a lake and a home."""
    lake = Lake(catalog, str(tmp_path / "lake"))
    return make_settings(sandbox, home=str(tmp_path / "home"), lake=lake)


def show(status: TenantStatus, settings: Settings, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of the lake and the home."""
    print_status(status, judge_health(status), settings)
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if line.startswith(("Lake: ", "Home: "))]


def measure(status: TenantStatus, *prefixes: str) -> dict[str, float]:
    """Return the metrics with names that begin so, by default those of the lake and the home."""
    text = format_exposition([TenantMetrics("acme", status, judge_health(status))])
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    found = {s.name.removeprefix("p4books_"): s.value for s in samples}
    return {
        name: value
        for name, value in found.items()
        if name.startswith(prefixes or ("lake", "home"))
    }


def test_status(
    settings: Settings, postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last snapshot and state of this machine are known while Postgres is away."""
    before = read_status(settings)
    assert before.home is None
    assert measure(before) == {"lake_current": 0}
    sync_vendors(settings)
    postgres.kill()
    try:
        status = read_status(settings)
        lines = show(status, settings, capsys)
    finally:
        postgres.start()

    assert status.lake
    assert (status.lake.snapshot, status.lake.is_current) == (1, True)
    assert status.home
    assert (status.home.state, status.home.is_changed, status.home.is_held) == (1, False, False)
    for at in (status.lake.written_at, status.home.state_at):
        assert at
        assert datetime.now(UTC) - at < timedelta(minutes=1)
    assert lines[0].startswith("Lake: snapshot 1, ")
    assert lines[0].endswith(", America/Panama).")
    assert lines[1].startswith("Home: state 1, ")
    assert lines[1].endswith(". `p4books home` says whether another machine works with it.")
    assert read_status(settings) == status  # to look changes nothing
    metrics = measure(status)
    assert (metrics["lake_snapshot"], metrics["lake_current"], metrics["home_state"]) == (1, 1, 1)
    assert (metrics["home_held"], metrics["home_changed"]) == (0, 0)


def test_run_that_could_not_begin(
    settings: Settings, postgres: PostgresServer, machine: Machine, tmp_path: Path
) -> None:
    """A run that could not take the state is the last one that failed, until the next one begins.

    It is so for the status, the metrics and the alerts, and without Postgres.
    """
    sync_vendors(settings)
    other = machine("other")
    postgres.kill()
    try:
        for each in (settings, other):  # the second was never synced
            with pytest.raises(PostgresTrouble):
                sync_vendors(each)
        status = read_status(settings)
        firing = watch_tenant(settings).firing
        has_failed = [_has_failed(each) for each in (settings, other)]
    finally:
        postgres.start()

    health = judge_health(status)
    assert has_failed == [True, True]
    assert "the last run could not begin, " in health.sentence
    assert "Nothing was requested or changed." in health.sentence
    assert measure(status, "last_run")["last_run_success"] == 0
    last_run = build_status_object(status, health)["last_run"]
    assert (last_run["id"], last_run["outcome"]) == (None, "PostgresTrouble")
    assert [(each.firing.alert, each.firing.key) for each in firing] == [
        ("run_failed", "PostgresTrouble")
    ]
    assert PASSWORD not in settings.unlogged.read_text()

    sync_vendors(settings)
    assert not _has_failed(settings)
    assert not settings.unlogged.exists()
    assert not watch_tenant(settings).firing


def test_run_that_another_machine_did(machine: Machine, tmp_path: Path) -> None:
    """What could not begin here is over when the files of a later run elsewhere are here."""
    one, other = machine("one"), machine("other")
    sync_vendors(one)
    away = one.model_copy(update={"home": str(tmp_path / "home" / "unmounted")})
    with pytest.raises(HomeMissing):
        sync(away, ["vendors"], VENDORS, existing=True)
    with hold_state(one), pytest.raises(AlreadyRunning):  # that is no failure
        sync_vendors(other)
    assert [_has_failed(each) for each in (one, other)] == [True, False]

    sync_vendors(other)
    refresh_state(one)
    assert not _has_failed(one)


def _has_failed(settings: Settings) -> bool:
    problems = judge_health(read_status(settings)).problems
    return ProblemKind.RUN_FAILED in {problem.kind for problem in problems}


def _is_current(settings: Settings) -> bool:
    lake = read_status(settings).lake
    assert lake
    return lake.is_current


def test_behind(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """A lake that lacks something, files that are not put back, and a run are reported."""
    sync_vendors(settings)
    log = RunLog(settings.run_log)
    published = log.load_published()
    assert published
    log.save_published(replace(published, digest="another"))
    settings.spool.mkdir(exist_ok=True)
    (settings.spool / "page").write_bytes(b"new")

    status = read_status(settings)
    lines = show(status, settings, capsys)
    assert lines[0].endswith(" It lacks what was published since.")
    assert lines[1].endswith(" Files were changed here and not put back.")
    assert settings.lake
    for change in ({"storage": "/elsewhere"}, {"catalog": SecretStr("dbname=another")}):
        moved = settings.model_copy(update={"lake": replace(settings.lake, **change)})
        log.save_published(published)
        assert [_is_current(each) for each in (settings, moved)] == [True, False]
    with hold_state(settings, taking="never"):
        held = read_status(settings)
        assert held.home
        assert (held.home.is_held, held.home.is_changed) == (True, False)
        assert show(held, settings, capsys)[1].endswith(" This machine works with it now.")
    bare = settings.model_copy(update={"home": None, "lake": None})
    assert show(read_status(bare), bare, capsys) == []
