"""Publishing of groups: when a file of a group is due, and how it takes the place of the last one.

A file is due if a published file of its tenants is another one than before, or if it is not as it
was published itself. If another process is at it, this one leaves it to that: whoever has made the
file looks once more when it is done, so that the last change is never missed.
"""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from p4books.errors import (
    AlreadyRunning,
    DiskTrouble,
    NoPicture,
    OutOfMemory,
    P4BooksError,
)
from p4books.fleet.groups.group_file import GroupFile, GroupTypesDiffer, describe_members
from p4books.fleet.groups.last_file import LastFile, read_tenants
from p4books.fleet.groups.members import Member, find_damage, find_member
from p4books.publish.deliver import deliver_report
from p4books.publish.publish import VERSION
from p4books.publish.published_file import (
    find_access,
    inspect_published,
    locate_file,
    replace_published,
)
from p4books.settings import (
    ConfiguredTenant,
    Settings,
    load_groups,
    load_settings,
    load_tenants,
)
from p4books.spelling import fold_name
from p4books.storage.database import (
    STORAGE_VERSION,
    open_database,
    quote_path,
    retry_with_more_memory,
)
from p4books.storage.files import scratch_dir, tenant_lock
from p4books.storage.run_log import RunLog
from p4books.transform.changes import TARGET

log = logging.getLogger(__name__)

_FORMAT = 3  # of the file of a group: one of another format is made again
_PROGRAM: Mapping[str, str | int] = {"format": _FORMAT, "version": VERSION}


@dataclass(frozen=True)
class PublishedGroup:
    """A file of a group that was made: its tenants, those left out, what is missing in it."""

    tenant: str
    file: Path
    members: tuple[Member, ...]
    models: int
    rows: int
    notes: tuple[str, ...]

    @property
    def left_out(self) -> list[Member]:
        """The tenants that are not in the file."""
        return [member for member in self.members if member.why_not is not None]

    @property
    def warnings(self) -> list[str]:
        """What is missing in the file, one sentence each."""
        out = [f"{member.tenant} is left out: {member.why_not}" for member in self.left_out]
        return [*out, *self.notes]

    @property
    def summary(self) -> str:
        """Say how many tenants it has, as part of a sentence."""
        return describe_members(self.members)


@dataclass(frozen=True)
class GroupOutcome:
    """What became of a group's file that was due: it was published, or not, or not delivered."""

    tenant: str
    published: PublishedGroup | None
    faults: tuple[P4BooksError, ...] = ()


def publish_group(settings: Settings, root: Path | None = None) -> PublishedGroup:
    """Publish the file of a group, whose settings these are, from the files of its tenants.

    A tenant whose file is missing or damaged is left out, and named. Raises NoPicture if none is
    left, AlreadyRunning, GroupTypesDiffer, GroupDiffers, OutOfMemory, DiskTrouble, SettingsError
    and what `replace_published` raises; any earlier file is unchanged then.
    """
    access = find_access(settings)
    locate_file(settings.published)  # before the work of building it
    with tenant_lock(settings), scratch_dir(settings.scratch("group")) as scratch:
        members = find_members(settings, root)
        try:
            last = _find_last_file(settings, members)
            built, published = _build(settings, members, scratch, last)
            record = replace_published(built, settings.published, access)
        except duckdb.OutOfMemoryException as error:
            raise OutOfMemory(str(error).splitlines()[0]) from None
        except (OSError, duckdb.Error) as error:
            raise DiskTrouble(settings.published, str(error).splitlines()[0]) from None
        kept = json.dumps(_describe_inputs(members))
        RunLog(settings.run_log).save_published(replace(record, inputs=kept))
    return published


def publish_changed_groups(
    root: Path | None = None, tenants: Collection[str] | None = None
) -> list[GroupOutcome]:
    """Publish the files of groups that are due; of all groups, or of those with one of `tenants`.

    Groups that are invalid are passed over. Costs next to nothing if no file changed. Never raises
    P4BooksError: a fault is an outcome.
    """
    try:
        groups, _ = load_groups(root)
    except P4BooksError as error:
        return [GroupOutcome("", None, (error,))]
    wanted = None if tenants is None else set(map(fold_name, tenants))
    outcomes = []
    for group in groups:
        if wanted is None or wanted & set(map(fold_name, group.tenants)):
            outcomes += publish_while_due(group.tenant, root)
    return outcomes


def publish_while_due(tenant: str, root: Path | None = None) -> list[GroupOutcome]:
    """Publish a group until nothing changed meanwhile; whoever has its lock does the same."""
    outcome = None
    try:
        settings = load_settings(tenant, root, need_key=False)
        while is_group_due(settings, find_members(settings, root)):
            published = publish_group(settings, root)
            outcome = GroupOutcome(tenant, published, deliver_report(settings).faults)
    except (AlreadyRunning, NoPicture) as error:
        log.info("%s", error)
    except P4BooksError as error:
        return [GroupOutcome(tenant, None, (error,))]
    return [outcome] if outcome else []


def is_group_due(settings: Settings, members: Sequence[Member]) -> bool:
    """Return whether a file of a group is missing, outdated or not as it was published."""
    record = RunLog(settings.run_log).load_published()
    if record is None or record.inputs != json.dumps(_describe_inputs(members)):
        return True
    return inspect_published(settings).damage is not None


def find_members(settings: Settings, root: Path | None = None) -> list[Member]:
    """Find the published files of the tenants of a group."""
    configured = load_tenants(root, settings.members, need_key=False)
    by_name = {fold_name(each.name): each for each in configured}
    return [_find_member(by_name[fold_name(tenant)]) for tenant in settings.members]


def _find_member(tenant: ConfiguredTenant) -> Member:
    if tenant.settings is None:
        why = f"its settings are wrong: {str(tenant.fault).splitlines()[0]}"
        return Member(tenant.name, Path(), why_not=why)
    return find_member(tenant.name, tenant.settings.published)


def _find_last_file(settings: Settings, members: Sequence[Member]) -> LastFile:
    """Find the group's last file, and the tenants whose files are those that it was made from."""
    record = RunLog(settings.run_log).load_published()
    inputs = json.loads(record.inputs) if record and record.inputs else {}
    ours = _describe_inputs(members)
    if any(inputs.get(key) != ours[key] for key in _PROGRAM) or inspect_published(settings).damage:
        return LastFile()
    rows = read_tenants(settings.published)
    unchanged = [
        member.tenant
        for member in members
        if member.why_not is None and inputs.get(_key(member)) == member.mark
    ]
    kept = {tenant: rows[tenant] for tenant in unchanged if tenant in rows}
    return LastFile(settings.published, kept)


def _build(
    settings: Settings, members: list[Member], scratch: Path, last: LastFile
) -> tuple[Path, PublishedGroup]:
    """Build the file; members that turn out to be damaged are marked as left out.

    If it cannot be built with the last file, whatever the reason, it is built without.
    """
    while True:
        included = [member for member in members if member.why_not is None]
        if not included:
            raise NoPicture(
                f"No tenant of {settings.tenant} has a published file that can be read. Run "
                f"`p4books sync --tenant {settings.members[0]}` first."
            )
        try:
            return retry_with_more_memory(
                lambda memory, last=last: _build_once(settings, members, scratch, memory, last)  # type: ignore[misc]
            )
        except GroupTypesDiffer:
            raise
        except (P4BooksError, duckdb.Error) as error:
            read = [member for member in included if member.tenant not in last.tenants]
            damaged = {member.tenant: find_damage(member) for member in read}
            if any(damaged.values()):
                members[:] = [
                    replace(member, why_not=damaged.get(member.tenant) or member.why_not)
                    for member in members
                ]
            elif last.tenants:
                log.info("%s is built from all its tenants: %s", settings.tenant, error)
                last = LastFile()
            else:
                raise


def _build_once(
    settings: Settings, members: Sequence[Member], scratch: Path, memory: str, last: LastFile
) -> tuple[Path, PublishedGroup]:
    file = scratch / "published.duckdb"
    file.unlink(missing_ok=True)
    try:
        with open_database(spill=scratch, memory=memory) as con:
            con.execute("set threads = 1")  # of many small tables, two take six times the CPU
            con.execute(
                f"attach {quote_path(file)} as {TARGET}"
                f" (storage_version '{STORAGE_VERSION}', recovery_mode no_wal_writes)"
            )
            group = GroupFile(con)
            group.add([member for member in members if member.why_not is None], last)
            group.check()
            about = group.finish(
                {
                    "tenant": settings.tenant,
                    "as_of_at": None,
                    "as_of_on": None,
                    "timezone": settings.timezone,
                    "currency": settings.currency,
                    "p4books_version": VERSION,
                    "published_at": datetime.now(UTC),
                    "made_of": "",
                },
                members,
            )
            con.execute(f"checkpoint {TARGET}; detach {TARGET}")
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    numbers = about["models"], about["rows"]
    return file, PublishedGroup(
        settings.tenant, settings.published, tuple(members), *numbers, tuple(group.notes)
    )


def _describe_inputs(members: Sequence[Member]) -> Mapping[str, str | int]:
    """Return what a file of a group is made of: the files of its tenants, and our program."""
    return {**_PROGRAM, **{_key(member): member.mark for member in members}}


def _key(member: Member) -> str:
    return f"tenant {member.tenant}"
