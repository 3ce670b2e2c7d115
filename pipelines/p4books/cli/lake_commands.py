"""The command for the lake: its snapshots, its upkeep, and how other programs open it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from p4books.cli.fleet_options import (
    TenantResult,
    all_option,
    choose_tenants,
    require_postgres,
    show_all,
)
from p4books.cli.runtime import json_option, log_note, tenant_option
from p4books.errors import UsageError

if TYPE_CHECKING:
    from p4books.lake.snapshots import LakeSize, SnapshotInfo
    from p4books.lake.upkeep import UpkeepResult
    from p4books.settings import Settings

_NAMED = 3  # of the tables that a snapshot changed


@click.command(
    short_help="List the snapshots of the lake, or keep it small.",
    epilog='\b\nExample:\n  p4books lake\n  p4books query --lake --at 12 "from core.as_of"\n'
    "  p4books lake --upkeep --all\n  p4books lake --attach",
)
@click.option(
    "--upkeep",
    is_flag=True,
    help="Expire snapshots older than the setting `keep`, merge small files, delete unused ones.",
)
@click.option("--attach", is_flag=True, help="Print the SQL by which other programs open it.")
@click.option(
    "--last", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="Snapshots."
)
@tenant_option
@all_option
@json_option
def lake(
    upkeep: bool,
    attach: bool,
    last: int,
    tenant: str | None,
    all_tenants: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """List the snapshots of the lake, the newest first, and how large it is.

    Each run that publishes writes one. A snapshot can be queried by its number, its day or its
    time: `p4books query --lake --at`.
    """
    if upkeep and attach:
        raise UsageError("--upkeep and --attach exclude each other. Nothing was done.")
    tenants = choose_tenants(tenant, jobs, all_tenants=all_tenants, need_key=False)
    from p4books.settings import load_settings

    if tenants is not None:
        if attach:
            raise UsageError(
                "--attach is for one tenant or one group; name it with --tenant. Nothing was done."
            )
        require_postgres(tenants)
        work = _tidy_one if upkeep else _measure_one
        show_all(tenants, work, jobs, _COLUMNS_OF_UPKEEP if upkeep else _COLUMNS, as_json=as_json)
        return
    settings = load_settings(tenant, need_key=False)
    if settings.members and not attach:
        raise UsageError(
            f"{settings.tenant} is a group, and each of its tenants has a lake of its own. Nothing "
            f"was done. Name one: --tenant {' | '.join(settings.members)}; `p4books lake --attach` "
            "and `p4books query --lake` are for the group, too."
        )
    if attach:
        _print_attach(settings, as_json=as_json)
    elif upkeep:
        _print_upkeep(_tidy(settings), as_json=as_json)
    else:
        _print_snapshots(settings, last, as_json=as_json)


_COLUMNS = ("snapshots", "newest", "as of", "files", "MB", "catalog MB")
_COLUMNS_OF_UPKEEP = ("expired", "rewritten", "deleted")


def _measure_one(settings: "Settings") -> TenantResult:
    from p4books.cli.console import format_timestamp
    from p4books.lake.place import require_lake
    from p4books.lake.snapshots import list_snapshots, measure_lake

    place = require_lake(settings)
    size, snapshots = measure_lake(place), list_snapshots(place)
    newest = next((each for each in snapshots if each.as_of_on), snapshots[0])
    cells = (
        *(size.snapshots, format_timestamp(newest.written_at, settings), newest.as_of_on),
        *(size.files, _format_megabytes(size.file_bytes), _format_megabytes(size.catalog_bytes)),
    )
    return TenantResult(cells, {"size": size, "snapshots": [_build_object(newest)]})


def _tidy_one(settings: "Settings") -> TenantResult:
    done = _tidy(settings)
    return TenantResult(tuple(vars(done).values()), vars(done))


def _tidy(settings: "Settings") -> "UpkeepResult":
    from p4books.home import hold_state
    from p4books.lake.place import require_lake
    from p4books.lake.upkeep import tidy_lake
    from p4books.storage.files import scratch_dir

    require_lake(settings)
    with hold_state(settings) as state, scratch_dir(settings.work) as scratch:
        return tidy_lake(settings, scratch, state.is_mine)


def _print_attach(settings: "Settings", *, as_json: bool) -> None:
    from p4books.cli.console import print_json, print_line
    from p4books.lake.attach import describe_attach

    found = describe_attach(settings)
    for note in found.notes:
        log_note(note)
    print_json({"tenant": settings.tenant, "sql": found.sql}) if as_json else print_line(found.sql)


def _print_upkeep(done: "UpkeepResult", *, as_json: bool) -> None:
    from p4books.cli.console import print_json, print_line
    from p4books.errors import count_of

    if as_json:
        print_json(done)
        return
    print_line(
        f"{count_of(done.expired, 'snapshot')} expired; {count_of(done.rewritten, 'table')} "
        f"rewritten; {count_of(done.deleted, 'file')} deleted."
    )


def _print_snapshots(settings: "Settings", last: int, *, as_json: bool) -> None:
    from p4books.cli.console import format_timestamp, print_json, print_line, print_table
    from p4books.lake.place import require_lake
    from p4books.lake.snapshots import list_snapshots, measure_lake

    place = require_lake(settings)
    size, snapshots = measure_lake(place), list_snapshots(place, last)
    if as_json:
        print_json({"size": size, "snapshots": [_build_object(each) for each in snapshots]})
        return
    print_table(
        ("snapshot", "time", "what", "changed"),
        (
            (
                str(each.number),
                format_timestamp(each.written_at, settings),
                each.message,
                _describe_changed(each.changed),
            )
            for each in snapshots
        ),
    )
    print_line(_describe_size(size))


def _build_object(snapshot: "SnapshotInfo") -> dict[str, Any]:
    return {"snapshot" if key == "number" else key: each for key, each in vars(snapshot).items()}


def _describe_changed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def _describe_size(size: "LakeSize") -> str:
    from p4books.errors import count_of

    return (
        f"{count_of(size.snapshots, 'snapshot')}; {count_of(size.files, 'file')} of "
        f"{_format_megabytes(size.file_bytes)} MB, and {_format_megabytes(size.catalog_bytes)} MB "
        "in the catalog."
    )


def _format_megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"
