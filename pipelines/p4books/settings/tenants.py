"""All tenants of the settings, each with its settings or with what is wrong with them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from p4books.errors import SettingsError
from p4books.settings.groups import list_group_tenants, parse_groups
from p4books.settings.load import SettingsLoader, project_root
from p4books.settings.model import Settings
from p4books.settings.sources import (
    Sources,
    list_configured_tenants,
    merge_sources,
    read_sources,
    select_tenant,
)
from p4books.spelling import fold_name


@dataclass(frozen=True)
class ConfiguredTenant:
    """A tenant that the settings name: `settings` is None if they are not valid, as `fault` says.

    `name` is as its files spell it, or as the settings do if it has none yet.
    """

    name: str
    settings: Settings | None
    fault: SettingsError | None = None


def load_tenants(
    root: Path | None = None, names: Collection[str] | None = None, *, need_key: bool = True
) -> list[ConfiguredTenant]:
    """Load and validate the settings of every tenant that they name, sorted by name.

    With `names` only those of these tenants are loaded.

    These are the tables below `[sources.p4books.tenants]` and the default, `tenant`; none of them
    is an empty list. The files are read once. Raises SettingsError if they cannot be read.
    """
    sources = read_sources(root or project_root())
    wanted = None if names is None else set(map(fold_name, names))
    chosen = [
        name
        for name in list_configured_tenants(merge_sources(sources))
        if wanted is None or fold_name(name) in wanted
    ]
    return _load(chosen, sources, root, need_key=need_key)


def load_group_files(root: Path | None = None) -> list[ConfiguredTenant]:
    """Load and validate the settings of every group's file, as of tenants called `group-NAME`.

    Raises SettingsError if the settings cannot be read.
    """
    sources = read_sources(root or project_root())
    merged = merge_sources(sources)
    if not list_group_tenants(merged):
        for fault in parse_groups(merged)[1]:
            raise fault
    return _load(list_group_tenants(merged), sources, root, need_key=False)


def _load(
    names: Sequence[str], sources: Sources, root: Path | None, *, need_key: bool
) -> list[ConfiguredTenant]:
    merged = merge_sources(sources)
    loader = SettingsLoader(sources, root or project_root(), need_key=need_key)
    tenants = []
    for name in names:
        try:
            settings = loader.load(select_tenant(merged, name, known_only=need_key))
            tenants.append(ConfiguredTenant(settings.tenant, settings))
        except SettingsError as fault:
            tenants.append(ConfiguredTenant(name, None, fault))
    return tenants
