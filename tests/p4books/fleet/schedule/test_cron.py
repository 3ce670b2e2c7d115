"""Tests of the lines of a crontab: run as cron runs them."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from tests.command import Completed
from tests.p4books.fleet.schedule.plans import ODD, make_plan

from p4books.errors import UsageError
from p4books.fleet.schedule.cron import format_crontab
from p4books.fleet.schedule.plan import SchedulePlan


def list_commands(plan: SchedulePlan) -> list[str]:
    """Return the commands of the lines that cron runs."""
    (file,) = format_crontab(plan)
    lines = [line for line in file.text.splitlines() if re.match(r"[\d*]", line)]
    return [line.split(" ", 5)[5] for line in lines]


def run_as_cron(command: str, home: Path, *, strips: bool = True) -> Completed:
    """Run a command as cron does: sh in / with HOME only; some crons leave a backslash to it."""
    assert not re.search(r"(?<!\\)%", command)
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%") if strips else command],
        cwd="/",
        env={"HOME": str(home), "SHELL": "/bin/sh", "LOGNAME": "ana"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("strips", [True, False])
def test_failure_is_mailed(tmp_path: Path, strips: bool) -> None:
    """What a failed run printed is printed, from its folder, whatever the signs in its path."""
    plan = make_plan(tmp_path, code=1, environment={"CERT": "a b"}, options=("--tenant", "acme"))
    (command,) = list_commands(plan)

    done = run_as_cron(command, tmp_path, strips=strips)

    assert done.stdout.splitlines() == [
        str(tmp_path / ODD),
        f"3:sync --tenant acme:{tmp_path}:C.UTF-8:a b",
        "p4books-acme: sync ended with 1",
    ]
    assert done.stderr == ""


def test_head(tmp_path: Path) -> None:
    """The command that installs the lines has all options."""
    plan = make_plan(tmp_path, every=timedelta(days=1), mail_to="ops@example.com")
    (file,) = format_crontab(plan)

    assert "p4books schedule --every 1d --mail-to ops@example.com --kind cron)" in file.text


@pytest.mark.parametrize("code", [0, 75])
def test_no_mail(tmp_path: Path, code: int) -> None:
    """A run that did its work, or met another one, prints nothing, so that nothing is mailed."""
    (command,) = list_commands(make_plan(tmp_path, code=code))

    done = run_as_cron(command, tmp_path)

    assert (done.stdout, done.stderr) == ("", "")


def test_lost_folder(tmp_path: Path) -> None:
    """A folder that is gone is mailed as well."""
    plan = make_plan(tmp_path)
    (command,) = list_commands(plan)
    plan.program.unlink()
    plan.folder.rmdir()

    assert "can't cd" in run_as_cron(command, tmp_path).stderr


def test_watch(tmp_path: Path) -> None:
    """If there are channels to notify, a second line watches, every 30 minutes."""
    plan = make_plan(tmp_path, watches=True, mail_to="ops@example.com")
    (file,) = format_crontab(plan)

    sync, watch = list_commands(plan)
    steps = re.findall(r"^\d+-59/(\d+) \* \* \* \* ", file.text, re.MULTILINE)
    assert steps == ["15", "30"]
    assert sync.replace(" sync", " watch").replace("0|75)", "0|1|75)") == watch
    assert "\nMAILTO=ops@example.com\n" in file.text


@pytest.mark.parametrize(("name", "why"), [("a\\b", "has a backslash"), ("long" * 50, "reads 998")])
def test_path_that_cron_cannot_have(tmp_path: Path, name: str, why: str) -> None:
    """A path that a crontab cannot have is an error that names another way."""
    folder = tmp_path / name / name / name / name / name
    plan = SchedulePlan(timedelta(minutes=15), folder / "p4books", folder, ("acme",))

    with pytest.raises(UsageError, match=rf"{why}.*--kind systemd"):
        format_crontab(plan)
