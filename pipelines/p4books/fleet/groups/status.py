"""Status of a group: how fresh the books of each tenant in its file are, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from p4books.errors import NotPublished, P4BooksError
from p4books.fleet.groups.members import read_rows
from p4books.fleet.groups.publish import find_members, is_group_due
from p4books.publish.figures.overview import find_latest_reading
from p4books.publish.published_file import describe_changes, explain_open_error
from p4books.publish.query import open_published
from p4books.settings import Settings, load_tenants
from p4books.settings.duration import describe_duration
from p4books.spelling import fold_name


@dataclass(frozen=True)
class GroupTenant:
    """A tenant in the file of a group; instants are in UTC.

    `figures_at` is when its lists were read last, None if they never were all. `why_not` says why
    the tenant is left out, None if it is not.
    """

    tenant: str
    published_at: datetime | None
    figures_at: datetime | None
    why_not: str | None
    missing_tables: str | None


@dataclass(frozen=True)
class GroupStatus:
    """A group's file, and its tenants; `problems` are sentences, empty if all is well."""

    group: str
    file: str
    bytes: int | None
    published_at: datetime | None
    tenants: tuple[GroupTenant, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Return whether nothing is to be done."""
        return not self.problems

    @property
    def figures_at(self) -> datetime | None:
        """Return when the lists of all its tenants were read last; None if one never was."""
        read = [each.figures_at for each in self.tenants if each.why_not is None]
        known = [each for each in read if each is not None]
        return min(known, default=None) if len(known) == len(read) else None

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the sentence, and one for each further problem."""
        return (self.sentence, *(f"Also: {problem}" for problem in self.problems[1:]))

    @property
    def sentence(self) -> str:
        """Say in one line whether all is well."""
        if self.problems:
            return f"Not all is well: {self.problems[0]}"
        return f"All is well: {self.group} has the books of all its {len(self.tenants)} tenants."


def read_group_status(
    settings: Settings, max_age: timedelta | None = None, root: Path | None = None
) -> GroupStatus:
    """Read the status of a group from its file, and from the run logs of its tenants.

    With a `max_age`, older figures of a tenant are a problem. Raises SettingsError.
    """
    file, problems = settings.published, []
    rows: list[dict[str, Any]] = []
    published_at, read = None, {}
    try:
        if changes := describe_changes(settings, file):
            problems.append(changes)
        with open_published(file) as con:
            (published_at,) = con.execute("select published_at from about").fetchone() or (None,)
            rows = read_rows(con, "main.tenants")
            read = {each["tenant"]: each["current_to"] for each in read_rows(con, "core.as_of")}
    except NotPublished:
        problems.append(f"{file} does not exist yet. Run `p4books report` to make it.")
    except P4BooksError as error:
        problems.append(str(error))
    except duckdb.Error as error:
        problems.append(str(explain_open_error(file, error)))
    if published_at:
        problems += _find_changes(settings, rows, root)
    latest = _find_readings(settings, published_at, root)
    tenants = tuple(
        GroupTenant(
            row["tenant"],
            row["published_at"],
            _later(read.get(row["tenant"]), latest.get(fold_name(row["tenant"]))),
            row["why_not"],
            row["missing_tables"],
        )
        for row in rows
    )
    problems += [f"{each.tenant} is left out: {each.why_not}" for each in tenants if each.why_not]
    if max_age:
        problems += _find_old(tenants, max_age)
    size = file.stat().st_size if file.is_file() else None
    return GroupStatus(settings.tenant, str(file), size, published_at, tenants, tuple(problems))


def _find_changes(
    settings: Settings, rows: Sequence[Mapping[str, Any]], root: Path | None
) -> list[str]:
    """Say what the next file of the group will have that this one, with these tenants, has not."""
    members = find_members(settings, root)
    if not is_group_due(settings, members):
        return []
    included = {fold_name(row["tenant"]) for row in rows if row["why_not"] is None}
    gone = [
        f"{member.tenant} is in the group, but will not be in its next file: {member.why_not}"
        for member in members
        if member.why_not and fold_name(member.tenant) in included
    ]
    published = (
        "A tenant was published after the group. The next run, or `p4books report`, publishes the "
        "group again."
    )
    return gone or [published]


def _find_readings(
    settings: Settings, published_at: datetime | None, root: Path | None
) -> dict[str, datetime | None]:
    """Find up to when the file shows what was read of each tenant, by its run log."""
    configured = load_tenants(root, settings.members, need_key=False)
    return {
        fold_name(each.name): find_latest_reading(each.settings, published_at)
        for each in configured
        if each.settings
    }


def _find_old(tenants: tuple[GroupTenant, ...], max_age: timedelta) -> list[str]:
    now = datetime.now(UTC)
    return [
        f"The figures of {each.tenant} are older than {describe_duration(max_age)}."
        for each in tenants
        if each.why_not is None and (each.figures_at is None or now - each.figures_at > max_age)
    ]


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)
