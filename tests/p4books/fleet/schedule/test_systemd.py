"""Tests of units for systemd."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.p4books.fleet.schedule.plans import ODD, make_plan

from p4books.errors import UsageError
from p4books.fleet.schedule.systemd import format_units


def test_units_are_valid(tmp_path: Path) -> None:
    """systemd finds the program in an odd path, and nothing to complain about."""
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: run `make system`"
    plan = make_plan(
        tmp_path,
        watches=True,
        options=("--tenant", "acme"),
        environment={"CERT": 'a "b" %h $HOME \\'},
        mail_to="ops@example.com",
    )
    units = tmp_path / "units"
    units.mkdir()
    for file in format_units(plan):
        (units / file.name).write_text(file.text)
    names = sorted(path.name for path in units.iterdir())

    done = subprocess.run(
        [program, "verify", "--man=no", *(units / name for name in names)],
        env={"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{units}:"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert names == [
        "p4books-acme-failure.service",
        *("p4books-acme-watch.service", "p4books-acme-watch.timer"),
        *("p4books-acme.service", "p4books-acme.timer"),
    ]
    complaints = [line for line in done.stderr.splitlines() if "p4books" in line]
    assert (done.returncode, complaints) == (0, [])


def test_quoting(tmp_path: Path) -> None:
    """Percent signs are doubled everywhere, dollar signs only where a variable could be."""
    plan = make_plan(tmp_path, environment={"CERT": 'a "b" %h $c \\'})
    service = format_units(plan)[0].text
    simple = format_units(replace(plan, program=Path("/srv/a b$c/%p")))[0].text

    assert '\nExecStart="/srv/a b$c/%%p" sync\n' in simple
    lines = dict(re.findall(r"^(\w+)=(.+)$", service, re.MULTILINE))
    odd = str(tmp_path / ODD).replace("%", "%%")
    assert lines["WorkingDirectory"] == odd
    shell, _, program = lines["ExecStart"].partition(' "/')
    assert shell == r'/bin/sh -c "exec \"$$0\" \"$$@\""'
    assert program == f'{odd[1:].replace("$", "$$")}/p4books" sync'
    assert lines["Environment"] == r'"CERT=a \"b\" %%h $c \\"'
    assert lines["SuccessExitStatus"] == "75"
    assert lines["OnFailure"] == "p4books-failure.service"


def test_any_interval(tmp_path: Path) -> None:
    """Every interval from a minute on is possible, with a delay by chance."""
    timer = format_units(make_plan(tmp_path, every=timedelta(minutes=7)))[1].text

    assert "OnUnitActiveSec=420s\nRandomizedDelaySec=42s\n" in timer
    with pytest.raises(UsageError, match="1m"):
        format_units(make_plan(tmp_path, every=timedelta(seconds=59)))
