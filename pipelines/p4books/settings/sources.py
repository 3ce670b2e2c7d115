"""Sources of settings: the environment, `.env` and two TOML files, read and merged."""

import logging
import os
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv.parser import Binding, parse_stream

from p4books.errors import SettingsError
from p4books.settings.groups import (
    GROUP_PREFIX,
    describe_no_api,
    describe_unknown_tenant,
    find_group_table,
    list_group_tenants,
    select_group,
)
from p4books.settings.model import ENV_PREFIX
from p4books.spelling import clean_name, find_spelling, fold_name, is_same_name

Sources = dict[str, dict[str, Any]]  # the settings of each source by its name

log = logging.getLogger(__name__)


def read_sources(root: Path) -> Sources:
    """Read the four sources of settings, the one that takes precedence first.

    Raises SettingsError if a file cannot be read.
    """
    files: dict[str, Callable[[str], dict[str, Any]]] = {
        ".env": partial(_parse_dotenv, root / ".env"),
        ".dlt/secrets.toml": _parse_toml,
        ".dlt/config.toml": _parse_toml,
    }
    read = {name: _parse_file(root / name, parse) for name, parse in files.items()}
    return {"the environment": _nest_variables(os.environ), **read}


def collect_settings(sources: Sources, tenant: str | None, *, known_only: bool) -> dict[str, Any]:
    """Return what the sources set for a tenant, not validated.

    With `known_only` the tenant must be one that they name. Raises SettingsError.
    """
    merged = merge_sources(sources)
    for own in _get_tables(merged).values():
        _check_table(own)
    return select_tenant(merged, tenant, known_only=known_only)


def list_configured_tenants(merged: Mapping[str, Any]) -> list[str]:
    """Return the tenants that merged sources name, sorted: those with a table, and the default.

    Raises SettingsError if what should be their tables is something else.
    """
    names = {fold_name(name): str(name) for name in _get_tables(merged)}
    default = merged.get("tenant")
    if default and not find_group_table(merged, str(default)):
        names[fold_name(str(default))] = str(default)
    return [name for _, name in sorted(names.items())]


def select_tenant(
    merged: Mapping[str, Any], tenant: str | None, *, known_only: bool
) -> dict[str, Any]:
    """Return the values for all tenants with those of one tenant's own table over them.

    A group is selected like a tenant, under the name of its file, unless `known_only`: then it
    must be a tenant that they name. Raises SettingsError.
    """
    if group := find_group_table(merged, tenant or merged.get("tenant")):
        if known_only:
            raise SettingsError(describe_no_api(merged, group))
        return select_group(merged, group)
    tables = _get_tables(merged)
    values = {key: value for key, value in merged.items() if key not in {"tenants", "groups"}}
    default = values.get("tenant")
    name = tenant or default
    if name is None and tables:
        raise SettingsError(
            f"Several tenants are configured; select one: --tenant {' | '.join(tables)}."
        )
    if name is None:
        return values
    own = tables.get(fold_name(str(name)))
    is_default = default is not None and is_same_name(str(name), str(default))
    if known_only and own is None and not is_default:
        if group := find_group_table(merged, f"{GROUP_PREFIX}{name}"):
            raise SettingsError(describe_no_api(merged, group))
        known = [*tables, *([str(default)] if default else [])]
        remedy = f"None is configured. Put {ENV_PREFIX}TENANT=… into .env (see .env.example)."
        unknown = describe_unknown_tenant(str(name), known)
        raise SettingsError(unknown if known else f"{unknown} {remedy}")
    if not is_default:
        values.pop("api_key", None)  # one tenant's key is never sent to another's address
    return {**_merge_over(_check_table(own or {}), values), "tenant": name}


def refuse_group(sources: Sources, tenant: str | None) -> None:
    """Raise SettingsError if the settings would be those of a group."""
    merged = merge_sources(sources)
    if group := find_group_table(merged, tenant or merged.get("tenant")):
        raise SettingsError(describe_no_api(merged, group))


def locate_setting(sources: Sources, tenant: str, name: str) -> list[str]:
    """Return the places that set a name for a tenant or a group, the one that counts first.

    Each is a part of a sentence: "page_size under [sources.p4books] in .dlt/config.toml".
    """
    places = []
    for path in (*_list_own_tables(sources, tenant), ()):
        for source, values in sources.items():
            if _find_table(values, path).get(name, {}) == {}:
                continue
            if source.endswith(".toml"):
                table = ".".join(("sources.p4books", *path))
                places.append(f"{name} under [{table}] in {source}")
            else:
                variable = ENV_PREFIX + "__".join((*path, name)).upper()
                places.append(f"{variable} in {source}")
    return places


def check_known(sources: Sources, tenant: str, stored: Collection[str]) -> None:
    """Raise SettingsError if settings that name tenants do not name this one.

    `stored` are the tenants of which there are files: whoever reads one needs no settings of it.
    """
    merged = merge_sources(sources)
    configured = list_configured_tenants(merged)
    groups = list_group_tenants(merged)
    known = list(dict.fromkeys((*configured, *groups, *stored)))
    if not configured or find_spelling(tenant, known):
        return
    if group := find_spelling(f"{GROUP_PREFIX}{tenant}", groups):
        raise SettingsError(
            f"{tenant} is a group, whose file is read under another name: --tenant {group}. "
            "Nothing was done."
        )
    raise SettingsError(describe_unknown_tenant(tenant, known))


def merge_sources(sources: Sources) -> dict[str, Any]:
    """Merge the sources of settings; the first one takes precedence."""
    merged: dict[str, Any] = {}
    for source in reversed(sources.values()):
        merged = _merge_over(source, merged)
    return merged


def _list_own_tables(sources: Sources, tenant: str) -> list[tuple[str, str]]:
    """Return the path of the table that a tenant or a group has for itself; none without."""
    if not tenant:
        return []
    group = find_group_table(merge_sources(sources), tenant)
    return [("groups", group) if group else ("tenants", fold_name(tenant))]


def _find_table(values: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any]:
    """Return the table below those of a source at a path; an empty one if there is none."""
    table: object = values
    for name in path:
        table = table.get(name) if isinstance(table, Mapping) else None
    return table if isinstance(table, Mapping) else {}


def _parse_file(path: Path, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{path} cannot be read: line {line} is not UTF-8. Nothing was done. Save it as UTF-8."
        ) from None
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Nothing was done.") from None


def _parse_dotenv(path: Path, text: str) -> dict[str, Any]:
    variables: dict[str, str | None] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:  # what it says may be a key
            log.warning("%s: line %d is not NAME=value; it is ignored.", path, _find_line(binding))
        elif binding.key is not None:
            variables[binding.key] = binding.value
    return _nest_variables(variables)


def _find_line(binding: Binding) -> int:
    """Return the line of a statement, which begins with the empty lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _nest_variables(variables: Mapping[str, str | None]) -> dict[str, Any]:
    """Turn SOURCES__P4BOOKS__TENANTS__NAME__API_KEY into nested tables; empty means not set."""
    nested: dict[str, Any] = {}
    for name, value in variables.items():
        if not value or not name.upper().startswith(ENV_PREFIX):
            continue
        *parents, key = name.lower().removeprefix(ENV_PREFIX.lower()).split("__")
        table = nested
        for parent in parents:
            child = table.get(parent)
            table[parent] = child if isinstance(child, dict) else {}
            table = table[parent]
        table[key] = value
    return nested


def _parse_toml(text: str) -> dict[str, Any]:
    sources = tomllib.loads(text).get("sources")
    values = sources.get("p4books") if isinstance(sources, dict) else None
    if not isinstance(values, dict):
        return {}
    for kind in ("tenant", "group"):
        tables = values.get(f"{kind}s")
        if isinstance(tables, dict):
            values[f"{kind}s"] = _fold_tables(kind, tables)
    return values


def _fold_tables(kind: str, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of tenants or groups by their folded names: variables are in capitals."""
    folded: dict[str, Any] = {}
    for name, own in tables.items():
        if fold_name(name) in folded:
            raise SettingsError(
                f"The {kind} {clean_name(name)} has two tables, in two spellings of its name. "
                "Nothing was done. Keep one of them."
            )
        folded[fold_name(name)] = own
    return folded


def _merge_over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merge_over(value, below) if both and below is not None else value
    return merged


def _get_tables(merged: Mapping[str, Any]) -> Mapping[str, Any]:
    return _check_table(merged.get("tenants", {}))


def _check_table(table: object) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        raise SettingsError(
            "Each tenant needs a table of its own: [sources.p4books.tenants.NAME]. "
            "Nothing was done."
        )
    return table
