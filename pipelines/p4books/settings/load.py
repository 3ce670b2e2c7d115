"""Loading of settings: from their sources to a validated tenant and its folders."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from p4books.errors import SettingsError, list_some
from p4books.settings.delivery import Delivery
from p4books.settings.groups import GROUP_PREFIX, Group, GroupInvalid, find_group, parse_groups
from p4books.settings.lake import Lake
from p4books.settings.model import (
    TENANT_NAME,
    Settings,
    describe_missing,
    split_as_of,
    validate_settings,
)
from p4books.settings.places import is_url
from p4books.settings.sources import (
    Sources,
    check_known,
    collect_settings,
    locate_setting,
    merge_sources,
    read_sources,
    refuse_group,
)
from p4books.spelling import clean_name, find_spelling, fold_name, is_same_name


def load_settings(
    tenant: str | None = None,
    root: Path | None = None,
    *,
    need_key: bool = True,
    of_tenant: bool = False,
    known_only: bool = False,
) -> Settings:
    """Load and validate the settings; `tenant` selects one of several, or a group.

    Reading the published file needs no key. With `of_tenant`, or a key, a group is refused; with
    `known_only`, or a key, a tenant that the settings do not name, and without them one of which
    there are no files either. Raises SettingsError, one sentence per problem.
    """
    root = root or project_root()
    _check_tenant_option(tenant)
    sources = read_sources(root)
    if of_tenant:
        refuse_group(sources, tenant)
    values = collect_settings(sources, tenant, known_only=need_key or known_only)
    settings = SettingsLoader(sources, root, need_key=need_key).load(values)
    if tenant is not None:
        check_known(sources, settings.tenant, _list_stored(settings))
    return settings


class SettingsLoader:
    """From collected values to the settings of a tenant, for any number of tenants.

    What they share is read once: the files of settings before, and each folder of data here.
    """

    def __init__(self, sources: Sources, root: Path, *, need_key: bool) -> None:
        self._sources = sources
        self._root = root
        self._need_key = need_key
        self._default = next(
            (each["tenant"] for each in sources.values() if "tenant" in each), None
        )
        self._spellings: dict[Path, list[dict[str, list[str]]]] = {}

    def load(self, values: Mapping[str, Any]) -> Settings:
        """Validate what is set for a tenant. Raises SettingsError, one sentence per problem."""
        missing_key = self._describe_missing_key(values) if self._need_key else ""
        locate = partial(locate_setting, self._sources, str(values.get("tenant") or ""))
        needs_choice = not self._need_key and not values.get("tenant")
        choice = _describe_choice(values, self._root) if needs_choice else ""
        try:
            settings = validate_settings(values, locate, choice)
        except SettingsError as error:
            raise SettingsError("\n".join(filter(None, [str(error), missing_key]))) from None
        if missing_key:
            raise SettingsError(missing_key)
        data_dir = self._root / expand_home(settings.data_dir, "data_dir")
        _check_data_dir(data_dir)
        name = self._find_tenant(settings.tenant, data_dir)
        places = {
            "data_dir": data_dir,
            "deliver": _locate_deliveries(settings, self._root),
            "backup_to": settings.backup_to and locate_backups(settings.backup_to, self._root),
            "home": settings.home and locate_place(settings.home, self._root, "home"),
            "lake": settings.lake and _locate_lake(settings.lake, self._root),
        }
        settings = settings.model_copy(update={**places, "tenant": name})
        for place in locate_setting(self._sources, name, "api_key")[:1]:
            settings.remember_key_place(place)
        if fold_name(name).startswith(GROUP_PREFIX) and (
            group := find_group(merge_sources(self._sources), name)
        ):
            settings.remember_members(group.tenants)
        return settings

    def _find_tenant(self, tenant: str, data_dir: Path) -> str:
        """Return a tenant's name as its files have it, which were made under another spelling."""
        if data_dir not in self._spellings:
            names = (_list_private(data_dir), _list_published(data_dir))
            self._spellings[data_dir] = [_group_spellings(each) for each in names]
        for spellings in self._spellings[data_dir]:
            if found := find_spelling(tenant, spellings.get(fold_name(tenant), ())):
                return found
        return tenant

    def _describe_missing_key(self, values: Mapping[str, Any]) -> str:
        """Say where a missing key belongs; empty if there is one."""
        if values.get("api_key"):
            return ""
        name, default = str(values.get("tenant")), self._default
        if values.get("tenant") and not (default and is_same_name(name, str(default))):
            return (
                f"The API key of {name} is missing. Add api_key = '…' under "
                f"[sources.p4books.tenants.{name}] to .dlt/secrets.toml."
            )
        return describe_missing("api_key")


def load_groups(root: Path | None = None) -> tuple[list[Group], list[GroupInvalid]]:
    """Load the groups of the settings: those that are valid, and what is wrong with others.

    Raises SettingsError if the settings cannot be read.
    """
    return parse_groups(merge_sources(read_sources(root or project_root())))


def project_root() -> Path:
    """Return the folder whose `.env` and `.dlt/` apply: dlt's, by default the current one."""
    return Path(os.environ.get("DLT_PROJECT_DIR", ".")).resolve()


def expand_home(path: Path, setting: str) -> Path:
    """Return a path with `~` expanded; `~NAME` without such a user is the name of a folder.

    Raises SettingsError about the setting if this user has no home.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        if path.parts[0] == "~":
            raise SettingsError(
                f"A path in the setting {setting} begins with ~, but this user has no home folder. "
                "Nothing was done. Set it to a path that begins with /."
            ) from None
        return path


def locate_backups(place: str, root: Path) -> str:
    """Return a place of backups; a relative folder is in that of the settings, as data_dir is."""
    return locate_place(place, root, "backup_to")


def locate_place(place: str, root: Path, setting: str) -> str:
    """Return the folder or URL that a setting names; a relative folder is in that of the settings.

    Raises SettingsError.
    """
    return place if is_url(place) else str(root / expand_home(Path(place), setting))


def list_tenants(data_dir: Path) -> list[str]:
    """Return the tenants of which a folder has files, as their files spell them."""
    return sorted({*_list_private(data_dir), *_list_published(data_dir)})


def list_published_tenants(data_dir: Path) -> list[str]:
    """Return the tenants that have a published file in a folder."""
    return [name for name in list_tenants(data_dir) if (data_dir / f"{name}.duckdb").is_file()]


def describe_place(settings: Settings) -> str:
    """Say which folder the settings are of, and of which tenants there are files."""
    stored = _list_stored(settings)
    known = f"files of {list_some(stored)}" if stored else "no files of a tenant"
    return f"The settings are those of {project_root()}; {settings.data_dir} has {known}."


def _list_stored(settings: Settings) -> list[str]:
    """Return the tenants with a published file or a log of runs; a folder alone is no tenant."""
    published = set(_list_published(settings.data_dir))
    return [
        name
        for name in list_tenants(settings.data_dir)
        if name in published
        or os.access(settings.model_copy(update={"tenant": name}).run_log, os.F_OK)
    ]


def _locate_deliveries(settings: Settings, root: Path) -> tuple[Delivery, ...]:
    """Return what is delivered; a relative folder is in that of the settings, as data_dir is."""
    return tuple(
        replace(delivery, to=root / expand_home(delivery.to, "deliver"))
        for delivery in settings.deliver
    )


def _locate_lake(lake: Lake, root: Path) -> Lake:
    storage = lake.storage and locate_place(lake.storage, root, "lake")
    return replace(lake, storage=storage)


def _check_tenant_option(tenant: str | None) -> None:
    if tenant is not None and not TENANT_NAME.fullmatch(clean_name(tenant)):
        raise SettingsError(
            f"--tenant {clean_name(tenant)[:80]!r} is not the name of a tenant, which has only "
            "letters, digits and hyphens. Nothing was done."
        )


def _check_data_dir(data_dir: Path) -> None:
    """Raise SettingsError if DuckDB cannot open files there."""
    try:
        str(data_dir).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(data_dir).decode(errors="replace")
        raise SettingsError(
            f"The folder of the files, {shown}, has a name that is not UTF-8, which DuckDB cannot "
            "open. Nothing was done. Rename it, or set data_dir to another folder."
        ) from None


def _group_spellings(names: Iterable[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(fold_name(name), []).append(name)
    return grouped


def _list_private(data_dir: Path) -> list[str]:
    with suppress(OSError):  # who reads the published file may not look into the private folder
        names = [path.name for path in (data_dir / ".private").iterdir()]
        return [name for name in names if TENANT_NAME.fullmatch(name)]
    return []


def _list_published(data_dir: Path) -> list[str]:
    names = [split_as_of(path)[0] for path in data_dir.glob("*.duckdb")]
    return [name for name in names if TENANT_NAME.fullmatch(name)]


def _describe_choice(values: Mapping[str, Any], root: Path) -> str:
    """Name the tenants that there are, of which who only reads may choose any; empty if none."""
    data_dir = root / expand_home(Path(str(values.get("data_dir") or "data")), "data_dir")
    if not (known := list_tenants(data_dir)):
        return ""
    there = f"In {data_dir} there is {', '.join(known)}: --tenant {' | '.join(known)}."
    return f"or choose one with --tenant NAME. {there}"
