"""Groups of tenants: several whose published files become one file, and their validation.

A group is a table in the settings, `[sources.p4books.groups.NAME]`, with the list `tenants` and
whatever else is set for the file of the group. That file is read as a tenant called `group-NAME`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from p4books.errors import MAX_LISTED, SettingsError, describe_unknown, list_some
from p4books.settings.model import TENANT_NAME, parse_names
from p4books.spelling import clean_name, find_spelling, fold_name, is_same_name

GROUP_PREFIX = "group-"
_NO_TABLE = "Each group needs a table of its own: [sources.p4books.groups.NAME]."
_OF_TENANTS = (  # what a group has only if its own table has it
    *("api_key", "base_url", "company", "company_details", "deliver", "dashboard_password"),
)


@dataclass(frozen=True)
class Group:
    """Tenants whose books are read together; at least one, each once, in the order of the settings.

    `tenants` are names as they are configured.
    """

    name: str
    tenants: tuple[str, ...]

    @property
    def tenant(self) -> str:
        """Return the name under which the file of the group is read, as a tenant's."""
        return f"{GROUP_PREFIX}{self.name}"


class GroupInvalid(SettingsError):
    """A group of the settings is invalid; `problems` say what is wrong, a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{problem} Nothing was done." for problem in problems))


def parse_groups(values: Mapping[str, Any]) -> tuple[list[Group], list[GroupInvalid]]:
    """Parse the groups of merged settings: those that are valid, and what is wrong with others."""
    tables = values.get("groups", {})
    if not isinstance(tables, Mapping):
        return [], [GroupInvalid([_NO_TABLE])]
    groups, faults = [], []
    for name in tables:
        try:
            groups.append(_parse_group(values, name))
        except GroupInvalid as fault:
            faults.append(fault)
    return groups, faults


def list_group_tenants(values: Mapping[str, Any]) -> list[str]:
    """Return the names under which the files of all groups are read, valid or not."""
    tables = values.get("groups")
    return [GROUP_PREFIX + name for name in tables] if isinstance(tables, Mapping) else []


def find_group_table(values: Mapping[str, Any], tenant: str | None) -> str | None:
    """Return the name of the group whose file is read as this tenant; None if it is no group's."""
    tables = values.get("groups")
    if tenant is None or not isinstance(tables, Mapping):
        return None
    return next((name for name in tables if is_same_name(GROUP_PREFIX + name, tenant)), None)


def find_group(values: Mapping[str, Any], tenant: str) -> Group | None:
    """Return the group whose file is read as this tenant; None if it is no group's.

    Raises GroupInvalid.
    """
    name = find_group_table(values, tenant)
    return None if name is None else _parse_group(values, name)


def select_group(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the settings of a group's file: those for all, and its own over them.

    Raises GroupInvalid.
    """
    _parse_group(values, name)
    own = {key: value for key, value in values["groups"][name].items() if key != "tenants"}
    left_out = ("groups", "tenants", *_OF_TENANTS)
    shared = {key: value for key, value in values.items() if key not in left_out}
    return {**shared, **own, "tenant": f"{GROUP_PREFIX}{name}"}


def describe_no_api(values: Mapping[str, Any], name: str) -> str:
    """Say that a group is not copied from P4 Books, and what to name instead.

    If a tenant has the name under which its file is read, it is that which is wrong.
    """
    tenants = values.get("tenants")
    if isinstance(tenants, Mapping) and find_spelling(GROUP_PREFIX + name, tenants):
        return (
            f"{GROUP_PREFIX}{name} is the name of a tenant, and of the file of the group {name}. "
            "Nothing was done. Rename the table of one of them in the settings."
        )
    members = _parse_members(values["groups"][name]) or ["NAME"]
    return (
        f"{GROUP_PREFIX}{name} is a group, which is made from the published files of its tenants "
        f"and is not in P4 Books. Nothing was done. Name a tenant: --tenant {' | '.join(members)}."
    )


def describe_unknown_tenant(name: str, known: Sequence[str]) -> str:
    """Say that a tenant is unknown, and which there are, or some of them."""
    shown = f"Available: {list_some(known)}." if len(known) > MAX_LISTED else ""
    return describe_unknown("tenant", name, known, shown)


def _parse_group(values: Mapping[str, Any], name: str) -> Group:
    tables = values["groups"]
    own = tables[name]
    if not isinstance(own, Mapping):
        raise GroupInvalid([_NO_TABLE])
    problems = [
        f"The group {clean_name(name)[:80]} is invalid: {problem[0].lower()}{problem[1:]}"
        for problem in _find_problems(name, own, _list_known(values), list(tables))
    ]
    if problems:
        raise GroupInvalid(problems)
    return Group(clean_name(name), tuple(map(clean_name, _parse_members(own) or ())))


def _list_known(values: Mapping[str, Any]) -> list[str]:
    tables, default = values.get("tenants"), values.get("tenant")
    names = list(tables) if isinstance(tables, Mapping) else []
    return [*names, *([str(default)] if default else [])]


def _parse_members(own: object) -> list[str] | None:
    """Return the names in the list of tenants; None if there is no such list."""
    names = parse_names(own.get("tenants")) if isinstance(own, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return names


def _find_problems(
    name: str, own: Mapping[str, Any], known: Sequence[str], groups: Sequence[str]
) -> Iterator[str]:
    if not TENANT_NAME.fullmatch(GROUP_PREFIX + clean_name(name)):
        yield "the name of a group has letters, digits and hyphens only, and not too many."
    if find_spelling(GROUP_PREFIX + name, known):
        yield f"there is a tenant of the name {GROUP_PREFIX}{name}, whose file it would replace."
    if "api_key" in own:
        yield "it has an api_key, but a group is not in P4 Books; keys belong to its tenants."
    members = _parse_members(own)
    if not members:
        yield 'it needs the list of its tenants, such as tenants = ["north", "south"].'
        return
    yield from _find_unknown(members, known, groups)
    yield from _find_duplicates(members)


def _find_unknown(
    members: Iterable[str], known: Sequence[str], groups: Sequence[str]
) -> Iterator[str]:
    for member in members:
        if find_spelling(member, known):
            continue
        if find_spelling(member.removeprefix(GROUP_PREFIX), groups):
            yield f"'{clean_name(member)}' is a group, and a group has tenants only."
        else:
            yield describe_unknown_tenant(clean_name(member), known)


def _find_duplicates(members: Sequence[str]) -> Iterator[str]:
    folded = [fold_name(member) for member in members]
    for name in dict.fromkeys(each for each in folded if folded.count(each) > 1):
        yield f"the tenant {name} is in its list twice."
