"""Plans of schedules whose program is a script that does as it is bidden."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from p4books.fleet.schedule.plan import SchedulePlan

ODD = "b%k$HOME's “ñ” %d #1"  # signs that mean something to sh, cron and systemd


def make_plan(folder: Path, code: int = 0, **changes: object) -> SchedulePlan:
    """Return a plan in an odd folder, whose program prints where and how it runs, and its code."""
    place = folder / ODD
    place.mkdir(exist_ok=True)
    program = place / "p4books"
    program.write_text(f'#!/bin/sh\npwd\necho "$#:$*:$HOME:$LANG:$CERT"\nexit {code}\n')
    program.chmod(0o755)
    plan = SchedulePlan(timedelta(minutes=15), program, place, ("acme",))
    return replace(plan, **changes)  # type: ignore[arg-type]
