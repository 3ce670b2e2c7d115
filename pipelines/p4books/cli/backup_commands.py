"""Commands for backups: backup, restore."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from p4books.cli.fleet_options import choose_tenants, run_in_turn
from p4books.cli.runtime import exit_for_errors, json_option, log_note, tenant_option
from p4books.cli.suggestions import remember_place
from p4books.errors import P4BooksError, SettingsError, UsageError

if TYPE_CHECKING:
    from p4books.backup import BackupResult, RestoreResult, RestoreSource
    from p4books.settings import Settings


@click.command(
    epilog="\b\nExample:\n  p4books backup --to /mnt/backups\n"
    "  p4books backup --to s3://BUCKET/p4books --all",
)
@click.option(
    "--to", metavar="FOLDER|URL", help="Where backups are.  [default: the setting `backup_to`]"
)
@click.option("--all", "every", is_flag=True, help="Back up every tenant of the settings.")
@tenant_option
@json_option
def backup(to: str | None, every: bool, tenant: str | None, as_json: bool) -> None:
    """Back up the warehouse, the log of runs and the ledger, also while a sync runs.

    Backups that the setting `backup_keep` does not keep are deleted afterwards. Settings and keys
    are in no backup.
    """
    from p4books.backup import back_up
    from p4books.backup.errors import UNCHANGED
    from p4books.cli.console import print_json, print_line
    from p4books.storage.places import open_place

    tenants = choose_tenants(tenant, None, all_tenants=every, need_key=False)
    place = _parse_place(to)
    if tenants is None:
        result = back_up(_load_settings(tenant), place)
        print_json(_list_backup(result)) if as_json else print_line(_describe_backup(result))
        return
    if place:
        open_place(place, UNCHANGED)  # what is wrong with it is said once
    results, faults = run_in_turn(tenants, lambda settings: back_up(settings, place))
    if as_json:
        print_json([_list_backup(result) for result in results])
    for result in () if as_json else results:
        print_line(_describe_backup(result))
    if faults:
        is_usage = all(isinstance(fault, (UsageError, SettingsError)) for fault in faults)
        raise SystemExit(UsageError.exit_code if is_usage and not results else 1)


@click.command(
    short_help="List backups and generations, or restore one.",
    epilog="\b\nExample:\n  p4books restore\n  p4books restore newest\n"
    "  p4books restore 20261124T021504123456Z\n"
    "  p4books restore s3://BUCKET/p4books/TENANT/20261124T021504123456Z",
)
@click.argument("name", required=False, metavar="[GENERATION|BACKUP|FOLDER|URL]")
@click.option(
    "--from",
    "from_",
    metavar="FOLDER|URL",
    callback=remember_place,
    help="Where backups are.  [default: the setting `backup_to`]",
)
@click.option(
    "--same-books", is_flag=True, help="Restore even though the address of P4 Books has changed."
)
@click.option(
    "--ledger-complete",
    is_flag=True,
    help="Nothing was pushed after the backup, so its ledger lacks nothing.",
)
@tenant_option
@json_option
def restore(
    name: str | None,
    from_: str | None,
    same_books: bool,
    ledger_complete: bool,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Put a backup, or an earlier generation of the warehouse, in the place of the present files.

    Without a name, list what there is: `newest` is the newest backup. The files that are replaced
    are kept, and the next sync brings the books up to date. A restore that was stopped is finished
    by the next one.
    """
    from p4books.backup import finish_restore
    from p4books.backup import restore as restore_files

    settings = _load_settings(tenant)
    place = _parse_place(from_)
    if name is None:
        if finished := finish_restore(settings):
            _print_restored(finished, as_json=as_json)
        else:
            _print_sources(settings, place, as_json=as_json)
        return
    result = restore_files(
        settings, _parse_name(name), place, same_books=same_books, ledger_complete=ledger_complete
    )
    _print_restored(result, as_json=as_json)


def _load_settings(tenant: str | None) -> "Settings":
    """Load the settings of a tenant that they name; of any one if they name none."""
    from p4books.settings import load_settings, load_tenants

    known_only = bool(tenant and load_tenants(need_key=False))
    return load_settings(tenant, need_key=False, of_tenant=True, known_only=known_only)


def _parse_place(word: str | None) -> str | None:
    """Return the folder or URL of an option, as an absolute path or a URL. Raises UsageError."""
    from pathlib import Path

    from p4books.settings import check_place, locate_backups

    if word is None:
        return None
    if not word.strip():
        raise UsageError("That is no place of backups: it is empty. Nothing was done.")
    try:
        return locate_backups(check_place(word), Path.cwd())
    except ValueError as error:
        why = str(error)
        raise UsageError(f"That is no place of backups: {why}. Nothing was done.") from None


def _parse_name(word: str) -> str:
    """Return a name as it is, a path as an absolute one, and a URL checked."""
    from pathlib import Path

    is_path = "/" in word or (Path(word) / "manifest.json").exists()
    return _parse_place(word) or word if is_path else word


def _list_backup(result: "BackupResult") -> dict[str, object]:
    manifest = result.manifest
    return {
        "tenant": manifest.tenant,
        "name": manifest.name,
        "place": result.place,
        "is_new": result.is_new,
        "instant": manifest.instant,
        "size": manifest.size,
        "rows": sum(manifest.rows.values()),
        "run": manifest.run,
        "deleted": list(result.deleted),
    }


def _describe_backup(result: "BackupResult") -> str:
    manifest = result.manifest
    rows = sum(manifest.rows.values())
    if not result.is_new:
        return (
            f"{manifest.tenant}: nothing changed since the backup {manifest.name}; "
            "no other one was made."
        )
    text = f"{manifest.tenant}: {result.place}: {rows:,} rows, {manifest.size / 1e6:,.1f} MB."
    if result.deleted:
        text += f" {len(result.deleted)} older deleted."
    return text


def _print_restored(result: "RestoreResult", *, as_json: bool) -> None:
    from p4books.cli.console import print_json, print_line

    for note in result.notes:
        log_note(note)
    if as_json:
        print_json(result)
        return
    finished = "Finished restoring" if result.resumed else "Restored"
    print_line(
        f"{finished} the {result.kind} {result.name}: {result.rows:,} rows. "
        "Run `p4books sync` to bring the books up to date."
    )


def _print_sources(settings: "Settings", place: str | None, *, as_json: bool) -> None:
    """List what can be restored; a place that cannot be read hides no generation."""
    from p4books.backup import list_backup_sources, list_generation_sources
    from p4books.cli.console import print_json

    faults: list[P4BooksError] = []
    sources = list_generation_sources(settings)
    try:
        sources += list_backup_sources(settings, place)
    except P4BooksError as error:
        faults.append(error)
    sources.sort(key=lambda source: str(source.instant or ""), reverse=True)
    if as_json:
        print_json(sources)
    else:
        _print_table(sources, settings, place or settings.backup_to)
    exit_for_errors(*faults)


def _print_table(
    sources: "Sequence[RestoreSource]", settings: "Settings", place: str | None
) -> None:
    from p4books.cli.console import format_timestamp, print_line, print_table

    if not sources:
        where = f" in {place}" if place else ", and the setting backup_to is not set"
        print_line(f"There is no generation and no backup of {settings.tenant}{where}.")
        return
    print_table(
        ["name", "what", "time", "MB", "rows", "state", "where"],
        [
            (
                source.name,
                source.kind,
                format_timestamp(source.instant, settings) if source.instant else "",
                f"{source.size / 1e6:,.1f}",
                source.rows,
                "unusable" if source.problem else "ok",
                source.location,
            )
            for source in sources
        ],
    )
    for source in sources:
        if source.problem:
            log_note(f"{source.name}: {source.problem}")
