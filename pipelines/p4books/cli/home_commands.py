"""Command for state off the machine: home."""

from typing import TYPE_CHECKING

import click

from p4books.cli.fleet_options import (
    TenantResult,
    all_option,
    choose_tenants,
    require_postgres,
    show_all,
)
from p4books.cli.runtime import json_option, tenant_option
from p4books.errors import UsageError

if TYPE_CHECKING:
    from p4books.home.overview import HomeOverview
    from p4books.settings import Settings

_COLUMNS = ("state", "put at", "put by", "MB", "held by", "here")


@click.command(
    short_help="Show what the home has of a tenant.",
    epilog="\b\nExample:\n  p4books home --all\n  p4books home --take",
)
@click.option("--take", is_flag=True, help="Bring the files of this machine up to date.")
@click.option(
    "--put", is_flag=True, help="Make the files of this machine the state, whatever the home has."
)
@tenant_option
@all_option
@json_option
def home(
    take: bool, put: bool, tenant: str | None, all_tenants: bool, jobs: int | None, as_json: bool
) -> None:
    """Show what the home has of a tenant, which machine put it, and which one works for it now.

    The column `here` says what this machine has: the current state, an older one, a newer one that
    the home lost, one that was changed and is not put back, files that are not put yet, unrelated
    files, or nothing. --take makes it the current one, as
    each run does by itself; --put is for a home that was lost or damaged.
    """
    tenants = choose_tenants(tenant, jobs, all_tenants=all_tenants, need_key=False)
    if take and put:
        raise UsageError("--take and --put exclude each other. Nothing was done.")
    if put and tenants is not None:
        raise UsageError("--put is for one tenant. Nothing was done.")
    from p4books.cli.console import print_json, print_table
    from p4books.settings import load_settings

    def show(settings: "Settings") -> TenantResult:
        found = _work(settings, take=take, put=put)
        return TenantResult(_list_cells(found, settings), vars(found))

    if tenants is not None:
        require_postgres(tenants)
        show_all(tenants, show, jobs, _COLUMNS, as_json=as_json)
        return
    settings = load_settings(tenant, need_key=False, of_tenant=True)
    found = _work(settings, take=take, put=put)
    if as_json:
        print_json(vars(found))
    else:
        print_table(["tenant", *_COLUMNS], [(found.tenant, *_list_cells(found, settings))])


def _work(settings: "Settings", *, take: bool, put: bool) -> "HomeOverview":
    from p4books.home import refresh_state
    from p4books.home.overview import load_overview, replace_state

    if take:
        refresh_state(settings)
    if put:
        replace_state(settings)
    return load_overview(settings)


def _list_cells(found: "HomeOverview", settings: "Settings") -> tuple[object, ...]:
    from p4books.cli.console import format_timestamp

    return (
        found.state,
        format_timestamp(found.put_at, settings) if found.put_at else "",
        found.put_by or "",
        f"{found.size / 1e6:,.1f}" if found.size is not None else "",
        found.holder or "",
        found.here,
    )
