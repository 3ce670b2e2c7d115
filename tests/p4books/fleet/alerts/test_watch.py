"""Watching a tenant: runs and `watch` send what changed, once, and fail without harm."""

import json
import os
import signal
import subprocess
import threading

import pytest
from tests.command import P4BOOKS, Completed, Run, run_here
from tests.p4books.fleet.alerts.conftest import Receiver, Tenant

from p4books.errors import AlreadyRunning, DiskTrouble, KeyRefused, SettingsError, Unreachable
from p4books.fleet.alerts import notify_after_run
from p4books.fleet.alerts.watch import watch_tenant
from p4books.settings import ENV_PREFIX
from p4books.storage.files import tenant_lock
from p4books.storage.run_log import RunLog, SyncSummary

SECRET = "T0P-S3CRET"  # noqa: S105 - of no one


def webhook(receiver: Receiver, **options: object) -> dict[str, object]:
    """Return the setting of a webhook that leads to a receiver."""
    return {"kind": "webhook", "url": f"{receiver.address}/{SECRET}", **options}


def titles(receiver: Receiver) -> list[str]:
    """Return what was received, in order, and forget it."""
    got = [
        f"{change['state']} {change['alert']}"
        for method, _, body in receiver.requests
        if method == "POST"
        for change in json.loads(body)["changes"]
    ]
    receiver.requests.clear()
    return got


def test_after_runs(watched: Tenant, receiver: Receiver) -> None:
    """A failure is sent once, however many runs have it, and once more when it is over."""
    watched = watched.notify(webhook(receiver))
    sent = []
    for fault in (None, KeyRefused("acme"), KeyRefused("acme"), None, None):
        summary = watched.log_run(error=fault) if fault else watched.log_done()
        assert notify_after_run(watched.settings, summary, fault) == []
        sent.append(titles(receiver))

    assert sent == [[], ["new key_refused"], [], ["recovered key_refused"], []]


def test_without_the_setting(watched: Tenant) -> None:
    """A tenant without `notify` pays nothing: no file is made."""
    summary = SyncSummary("acme")

    assert notify_after_run(watched.settings, summary, KeyRefused("acme")) == []
    assert not watched.settings.data_dir.exists()


def test_other_run_in_progress(watched: Tenant, receiver: Receiver) -> None:
    """A run that met another one says nothing, not even with a ping."""
    ping = {"kind": "ping", "url": receiver.address, "fail": True}
    watched = watched.notify(webhook(receiver), ping)

    assert notify_after_run(watched.settings, SyncSummary("acme"), AlreadyRunning("acme")) == []
    assert receiver.requests == []


def test_pings(watched: Tenant, receiver: Receiver) -> None:
    """A ping follows each run that did all; one that failed is pinged where that is wanted."""
    pings: list[dict[str, object]] = [
        {"kind": "ping", "url": f"{receiver.address}/quiet"},
        {"kind": "ping", "url": f"{receiver.address}/loud", "fail": True},
    ]
    watched = watched.notify(*pings)
    notify_after_run(watched.settings, watched.log_done())
    good = {path for _, path, _ in receiver.requests}
    receiver.requests.clear()
    fault = Unreachable("invoices", "h", "no", "Wait.")
    notify_after_run(watched.settings, watched.log_run(fault))
    watch_tenant(watched.settings)

    assert good == {"/quiet", "/loud"}
    assert [path for _, path, _ in receiver.requests] == ["/loud/fail"]


def test_failing_channel(watched: Tenant, receiver: Receiver) -> None:
    """A channel that fails is a note, in the log of runs too, and is sent what it missed."""
    watched = watched.notify(webhook(receiver, name="ops"), api_key="key")
    receiver.answer = 500
    error = KeyRefused("acme")
    summary = watched.log_run(error=error)

    notes = notify_after_run(watched.settings, summary, error)
    receiver.answer = 200
    receiver.requests.clear()
    later = watch_tenant(watched.settings)

    (note,) = notes
    assert note.startswith(
        "Alerts were not sent over the channel ops: the server answered with 500. The next run"
    )
    run = RunLog(watched.settings.run_log).load_run(summary.run or 0)
    assert run
    assert run.messages[-1] == note
    assert titles(receiver) == ["new key_refused"]
    assert later.notes == []
    assert SECRET not in str(notes) + repr(run)


def test_failure_before_the_log(watched: Tenant, receiver: Receiver) -> None:
    """A run that could not even begin fires, and `watch` does not take it for over."""
    watched = watched.notify(webhook(receiver))
    watched.log_done()
    notify_after_run(watched.settings, SyncSummary("acme"), SettingsError("There is no group 'x'."))
    failed = titles(receiver)
    watch_tenant(watched.settings)
    still = titles(receiver)
    notify_after_run(watched.settings, watched.log_done())

    assert (failed, still) == (["new run_failed"], [])
    assert titles(receiver) == ["recovered run_failed"]


def test_two_at_once(watched: Tenant, receiver: Receiver) -> None:
    """Two evaluations at once send everything once."""
    watched = watched.notify(webhook(receiver))
    watched.log_run(error=KeyRefused("acme"))
    threads = [threading.Thread(target=watch_tenant, args=(watched.settings,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert titles(receiver) == ["new key_refused"]


def test_killed_between(watched: Tenant, receiver: Receiver) -> None:
    """A process that dies after sending and before recording it: it is sent again, as the same."""
    watched = watched.notify(webhook(receiver))
    watched.log_run(error=KeyRefused("acme"))
    environment = {
        f"{ENV_PREFIX}TENANT": "acme",
        f"{ENV_PREFIX}API_KEY": "key",
        f"{ENV_PREFIX}NOTIFY": json.dumps([webhook(receiver)]),
    }
    process = subprocess.Popen(
        [P4BOOKS, "watch"],
        cwd=watched.settings.data_dir.parent,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.DEVNULL,
    )
    receiver.hook = process.kill
    process.wait()
    receiver.hook = lambda: None
    watch_tenant(watched.settings)
    first, second = (json.loads(body)["changes"] for _, _, body in receiver.requests)

    assert process.returncode == -signal.SIGKILL
    assert first == second
    assert watch_tenant(watched.settings).firing[0].state == "ongoing"
    assert len(receiver.requests) == 2


def test_damaged_state(watched: Tenant, receiver: Receiver) -> None:
    """A damaged file of what was sent makes way for a new one: everything is sent once more."""
    watched = watched.notify(webhook(receiver))
    watched.log_run(error=KeyRefused("acme"))
    watch_tenant(watched.settings)
    titles(receiver)
    watched.settings.alert_log.write_bytes(b"not a database" * 1000)

    result = watch_tenant(watched.settings)

    assert "was damaged and is now alerts.damaged" in result.notes[0]
    assert titles(receiver) == ["new key_refused"]
    assert watch_tenant(watched.settings).notes == []


def test_state_that_cannot_be_written(watched: Tenant, receiver: Receiver) -> None:
    """Errors are sent although nothing can be remembered, as if the disk were full."""
    watched = watched.notify(webhook(receiver))
    watched.log_run(error=KeyRefused("acme"))
    watched.settings.alert_log.mkdir()

    result = watch_tenant(watched.settings)

    assert titles(receiver) == ["new key_refused"]
    assert "alerts.sqlite cannot be written" in result.notes[0]


def test_evaluation_that_fails(watched: Tenant, receiver: Receiver) -> None:
    """If nothing can be evaluated, that is a note, sent once, and no ping says that all is well."""
    ping = {"kind": "ping", "url": f"{receiver.address}/p", "fail": True}
    watched = watched.notify(webhook(receiver), ping)
    watched.log_run(error=KeyRefused("acme"))
    watch_tenant(watched.settings)
    titles(receiver)
    log = watched.settings.run_log.read_bytes()
    watched.settings.run_log.write_bytes(b"not a database" * 1000)
    (note,) = notify_after_run(watched.settings, SyncSummary("acme"))
    assert note.startswith("The alerts could not be evaluated: ")
    ((_, path, body),) = receiver.requests
    (change,) = json.loads(body)["changes"]
    assert (path, change["state"], change["alert"]) == (f"/{SECRET}", "new", "run_failed")
    assert "runs.sqlite" in change["detail"]

    receiver.requests.clear()
    assert isinstance(watch_tenant(watched.settings).trouble, DiskTrouble)
    assert receiver.requests == []
    watched.settings.run_log.write_bytes(log)
    watch_tenant(watched.settings)
    assert titles(receiver) == ["recovered run_failed"]


def test_lock_of_a_run(watched: Tenant, receiver: Receiver) -> None:
    """`watch` works while a run is in progress."""
    watched = watched.notify(webhook(receiver))
    watched.log_run(error=KeyRefused("acme"))

    with tenant_lock(watched.settings):
        watch_tenant(watched.settings)

    assert titles(receiver) == ["new key_refused"]


# The command


@pytest.fixture
def command(watched: Tenant, receiver: Receiver) -> Run:
    """Run the command for the tenant, whose alerts go to the receiver."""

    def run(*words: str, **variables: str) -> Completed:
        given = {
            "TENANT": "acme",
            "API_KEY": "key",
            "NOTIFY": json.dumps([webhook(receiver), webhook(receiver, name="second")]),
        }
        values = {f"{ENV_PREFIX}{name}": value for name, value in {**given, **variables}.items()}
        return run_here(words, watched.settings.data_dir.parent, values)

    return run


def test_watch(watched: Tenant, receiver: Receiver, command: Run) -> None:
    """`watch` shows what fires and ends with 1; if nothing fires, with 0."""
    watched.log_done()
    well = command("watch")
    watched.log_run(error=KeyRefused("acme"))
    fires = command("watch")
    again = command("watch", "--json")

    assert (well.returncode, well.stdout) == (0, "Nothing fires: acme.\n")
    assert fires.returncode == again.returncode == 1
    assert fires.stdout.splitlines()[1].startswith(
        "acme    error     key_refused  P4 Books refused the API key  new"
    )
    (shown,) = json.loads(again.stdout)
    assert (shown["tenant"], shown["notes"]) == ("acme", [])
    assert [(each["alert"], each["state"]) for each in shown["firing"]] == [
        ("key_refused", "ongoing")
    ]
    assert titles(receiver) == ["new key_refused"] * 2  # one for each channel
    assert SECRET not in fires.stdout + fires.stderr + again.stdout


def test_watch_all(watched: Tenant, receiver: Receiver, command: Run) -> None:
    """`--all` watches every tenant; what is wrong with the settings of one stops no other."""
    watched.log_run(error=KeyRefused("acme"))

    done = command("watch", "--all", TENANTS__SOUTH__TIMEZONE="Nowhere/Land")

    assert done.returncode == 2
    assert "key_refused" in done.stdout
    assert " south: The setting timezone is invalid: " in done.stderr
    assert titles(receiver) == ["new key_refused"] * 2


def test_nothing_to_evaluate(watched: Tenant, command: Run) -> None:
    """If the log of runs cannot be read, it does not end as if an alert fired."""
    watched.log_done()
    watched.settings.run_log.write_bytes(b"not a log" * 1000)

    done = command("watch")

    assert done.returncode == 2
    assert "runs.sqlite" in done.stderr


def test_try_channels(receiver: Receiver, command: Run, watched: Tenant) -> None:
    """`--test` sends a message over every channel, and says which work; one that fails is a 1."""
    works = command("watch", "--test")
    receiver.answer = 403
    fails = command("watch", "--test", "--json")
    none = command("watch", "--test", NOTIFY="[]")

    assert works.returncode == 0
    assert works.stdout.splitlines() == [
        "tenant  channel    test message",
        "acme    webhook 1  sent        ",
        "acme    second     sent        ",
    ]
    assert len(receiver.requests) == 4
    assert fails.returncode == none.returncode == 1
    assert [row["problem"] for row in json.loads(fails.stdout)] == [
        "the server answered with 403"
    ] * 2
    assert SECRET not in works.stdout + works.stderr + fails.stdout + fails.stderr


def test_sync(watched: Tenant, receiver: Receiver, command: Run) -> None:
    """A sync that fails is reported; its exit code and its messages stay, whatever channels do."""
    watched.log_done()
    silent = command("sync", PUBLISHED_GROUP="nobody-has-this", NOTIFY="[]")
    sent = command("sync", PUBLISHED_GROUP="nobody-has-this")
    got = titles(receiver)
    watched.log_done()
    command("watch")
    receiver.answer = 500
    failing = command("sync", PUBLISHED_GROUP="nobody-has-this")

    assert silent.returncode == sent.returncode == failing.returncode == 2
    assert got == ["new run_failed"] * 2
    assert "Alerts" not in silent.stderr + sent.stderr
    assert failing.stderr.count("Alerts were not sent over the channel") == 2
    assert SECRET not in failing.stdout + failing.stderr


def test_secrets_in_settings(command: Run) -> None:
    """A channel that is not valid is described without any of its values."""
    entries = [
        {"kind": "webhook", "url": f"ftp://{SECRET}"},
        {"kind": "smtp", "host": "h", "from": "a@b.c", "to": "d@e.f", "password": SECRET},
        {"kind": "command", "run": SECRET},
        {"kind": "ping", "url": [SECRET], "timeout": SECRET},
        SECRET,
    ]
    outputs = [command("watch", NOTIFY=text) for text in (json.dumps(entries), f"[{SECRET}")]

    for done in outputs:
        assert done.returncode == 2
        assert "The setting notify is invalid" in done.stderr
        assert SECRET not in done.stdout + done.stderr
