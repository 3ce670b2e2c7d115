"""Command that prints schedules: schedule."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4books.cli.runtime import log_note, parse_length, tenant_option
from p4books.cli.streams import print_text

if TYPE_CHECKING:
    from p4books.fleet.schedule.plan import ScheduleFile, SchedulePlan

SCHEDULE_MODE = 0o644
_LEFT_BEHIND = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
_LOGIN_PREFIXES = ("AWS_", "PG")  # what S3 and libpq read; .env is not read for them


@click.command(
    epilog="\b\nExample:\n  p4books schedule --every 15m --kind cron\n"
    "  p4books schedule --every 1h --kind systemd -o units\n"
    "  p4books schedule --every 1d --kind github -o .github/workflows/p4books.yml"
)
@click.option(
    "--every", default="15m", show_default=True, metavar="TIME", help="Such as 15m, 1h or 1d."
)
@click.option("--kind", required=True, type=click.Choice(["cron", "systemd", "github", "gitlab"]))
@click.option(
    "--mail-to",
    metavar="ADDRESS",
    help="Who gets a mail if a run fails.  [default: the owner of the crontab; root of systemd]",
)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=Path,
    help="Write it there: to a file, for systemd into a folder.",
)
@tenant_option
def schedule(
    every: str, kind: str, mail_to: str | None, output: Path | None, tenant: str | None
) -> None:
    """Print a schedule that can be installed as it is: for cron, systemd, GitHub or GitLab.

    It syncs all tenants that are configured, or the given one. A run that meets another one is no
    failure, output goes to a log that is rotated, and failures are mailed. It has no key: on this
    machine the settings have it, in a CI its store of secrets.
    """
    plan = _make_plan(every, mail_to, tenant, is_local=kind in {"cron", "systemd"})
    files = _format_schedule(plan, kind)
    _note_left_behind()
    if output is None:
        print_text("\n".join(file.text for file in files))
        return
    _write_files(files, output, is_folder=kind == "systemd")


def _make_plan(
    every: str, mail_to: str | None, tenant: str | None, *, is_local: bool
) -> "SchedulePlan":
    from datetime import timedelta
    from getpass import getuser

    from p4books.fleet.schedule.plan import (
        KEPT_VARIABLES,
        SchedulePlan,
        check_mail,
        check_text,
        choose_tenants,
        find_program,
        place_data,
    )
    from p4books.settings import load_settings, load_tenants, project_root

    folder = project_root()
    if tenant:
        settings = [load_settings(tenant, need_key=False, of_tenant=True, known_only=True)]
        options, names = choose_tenants((), None, settings[0].tenant)
    else:
        tenants = load_tenants(folder, need_key=False)
        options, names = choose_tenants(tenants, _find_default(), None)
        settings = [each.settings for each in tenants if each.settings]
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if os.environ.get(name)}
    data_dir = settings[0].data_dir if settings else folder / "data"
    plan = SchedulePlan(
        every=parse_length(every, "--every") or timedelta(),
        program=find_program() if is_local else Path("p4books"),
        folder=folder,
        tenants=names,
        options=options,
        data="" if is_local else place_data(data_dir, folder),
        watches=any(each.notify for each in settings),
        user=getuser(),
        mail_to=check_mail(mail_to),
        intervals=tuple(each.sync_interval for each in settings),
        environment=kept,
    )
    check_text(str(plan.program), str(folder), plan.data, *kept.values())
    return plan


def _find_default() -> str | None:
    """Return the tenant that commands choose without --tenant; None if there is none."""
    from p4books.errors import SettingsError
    from p4books.settings import load_settings

    try:
        return load_settings(need_key=False).tenant
    except SettingsError:
        return None


def _format_schedule(plan: "SchedulePlan", kind: str) -> "list[ScheduleFile]":
    from p4books.fleet.schedule.cron import format_crontab
    from p4books.fleet.schedule.systemd import format_units
    from p4books.fleet.schedule.workflows import format_github, format_gitlab

    formats = {
        "cron": format_crontab,
        "systemd": format_units,
        "github": format_github,
        "gitlab": format_gitlab,
    }
    return formats[kind](plan)


def _note_left_behind() -> None:
    """Name the variables of this shell that the schedule will not have; values may be secret."""
    from p4books.fleet.schedule.plan import KEPT_VARIABLES
    from p4books.settings import ENV_PREFIX

    names = sorted(
        name
        for name in os.environ.keys() - {*KEPT_VARIABLES}
        if name in _LEFT_BEHIND or name.upper().startswith((ENV_PREFIX, *_LOGIN_PREFIXES))
    )
    if names:
        log_note(
            f"The schedule does not have what is set in this shell: {', '.join(names)}. Put "
            "settings into .env or .dlt/, and proxies and logins (AWS_…, PG…) where the "
            "scheduler sets its variables."
        )


def _write_files(files: "list[ScheduleFile]", output: Path, *, is_folder: bool) -> None:
    from p4books.cli.console import display_path, print_line
    from p4books.publish.export import make_folder, write_atomically

    targets = {(output / file.name if is_folder else output): file for file in files}
    make_folder(output if is_folder else output.parent)
    for target, file in targets.items():
        with write_atomically(target, SCHEDULE_MODE) as scratch:
            scratch.write_bytes(os.fsencode(file.text))
        print_line(f"Wrote {display_path(target.absolute())}.")
