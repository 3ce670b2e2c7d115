"""Command that publishes the reports again: report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from p4books.cli.fleet_options import TenantResult, all_option, choose_tenants, show_all
from p4books.cli.group_commands import publish_groups, report_group
from p4books.cli.runtime import json_option, log_error, log_note, parse_day, tenant_option
from p4books.errors import P4BooksError

if TYPE_CHECKING:  # `--help` starts without them
    from p4books.settings import Settings


@click.command(
    short_help="Publish the reports again, or as of a past day.",
    epilog="\b\nExample:\n  p4books report\n  p4books report --as-of 2026-10-31",
)
@click.option("--as-of", metavar="DAY", help="Show the books as of the end of that day.")
@click.option("--rebuild", is_flag=True, help="Build every table again, also those not changed.")
@tenant_option
@all_option
@json_option
def report(
    as_of: str | None,
    rebuild: bool,
    tenant: str | None,
    all_tenants: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Publish the reports again from the warehouse, for example after a change to the SQL.

    With --as-of they show the books as of the end of a day, in a separate file next to the
    published one. Tables of which neither the SQL nor the rows changed are kept from the last
    published file, unless --rebuild or --as-of is given. No request is made to P4 Books. A custom
    report that fails is left out: all others are published, and the command ends with 1.

    The file of a group is made again from those of its tenants: --tenant group-NAME.
    """
    day = parse_day(as_of)
    tenants = choose_tenants(tenant, jobs, all_tenants=all_tenants, need_key=False)
    from p4books.cli.console import print_json
    from p4books.cli.render_sync import print_published
    from p4books.settings import load_settings

    if tenants is not None:

        def report_one(settings: "Settings") -> TenantResult:
            done = _report(settings, day, rebuild=rebuild)
            cells = (done.about["as_of_on"], done.about["models"], len(done.left_out))
            return TenantResult(cells, done.document, [*done.left_out, *done.deliver(settings)])

        try:
            show_all(tenants, report_one, jobs, ("as of", "models", "left out"), as_json=as_json)
        finally:
            faults = publish_groups()
        if faults:
            raise SystemExit(1)
        return
    settings = load_settings(tenant, need_key=False)
    if settings.members:
        report_group(settings, has_day=day is not None, as_json=as_json)
        return
    done = _report(settings, day, rebuild=rebuild)
    if as_json:
        print_json(done.document)
    else:
        print_published(done.file, done.about, settings, len(done.left_out))
    faults = [*done.left_out, *done.deliver(settings), *publish_groups(settings)]
    for fault in faults:
        log_error(str(fault))
    if faults:
        raise SystemExit(1)


class LeftOut(P4BooksError):
    """A report could not be published; `str()` says which, and why."""


@dataclass(frozen=True)
class _Reported:
    """What `report` published: the file, its table `about`, and what was left out of it."""

    file: Path
    day: "date | None"
    about: "Mapping[str, Any]"
    left_out: tuple[LeftOut, ...]

    @property
    def document(self) -> dict[str, Any]:
        """What is printed of it as JSON."""
        names = ("as_of_on", "as_of_at", "published_at", "models")
        shown = {name: self.about[name] for name in names}
        return {"file": str(self.file), **shown, "left_out": [str(each) for each in self.left_out]}

    def deliver(self, settings: "Settings") -> list[P4BooksError]:
        """Deliver it, also into the lake, unless it is of a past day; return what failed."""
        from p4books.publish.deliver import deliver_report
        from p4books.sync import update_lake

        if self.day:
            return []
        faults: list[P4BooksError] = list(deliver_report(settings).faults)
        try:
            for note in update_lake(settings):
                log_note(note)
        except P4BooksError as fault:
            faults.append(fault)
        return faults


def _report(settings: "Settings", day: "date | None", *, rebuild: bool) -> _Reported:
    from p4books.errors import describe_left_out
    from p4books.publish.publish import publish_report
    from p4books.publish.query import open_published, read_about

    file, published = publish_report(settings, day, rebuild=rebuild)
    with open_published(file) as con:
        about = read_about(con)
    left_out = tuple(LeftOut(describe_left_out(error)) for error in published.left_out)
    return _Reported(file, day, about, left_out)
