"""Where do settings stand?

Where dlt looks for them, under `sources.p4books`; the first place that has one wins: the
environment (`SOURCES__P4BOOKS__API_KEY`), `.env`, `.dlt/secrets.toml`, `.dlt/config.toml`. A
tenant's own table `[sources.p4books.tenants.NAME]` goes before all of them when it is chosen.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from p4books.errors import SettingsError
from p4books.nearest import nearest

PREFIX = "SOURCES__P4BOOKS__"


def find(root: Path, tenant: str | None, *, known_only: bool) -> dict[str, Any]:
    """Return what the places under `root` say for a tenant, unchecked.

    With `known_only` the tenant must be one that they name. Raises SettingsError.
    """
    return _choose(_gather(root), tenant, known_only=known_only)


def _gather(root: Path) -> dict[str, Any]:
    """Collect what the four places say, the first place winning."""
    places = [
        _unflatten(os.environ),
        _read(root / ".env", _variables),
        _read(root / ".dlt" / "secrets.toml", _table),
        _read(root / ".dlt" / "config.toml", _table),
    ]
    merged: dict[str, Any] = {}
    for place in reversed(places):
        merged = _over(place, merged)
    return merged


def _read(path: Path, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Nothing was done.") from None


def _variables(text: str) -> dict[str, Any]:
    return _unflatten(dotenv_values(stream=StringIO(text), interpolate=False))


def _unflatten(variables: Mapping[str, str | None]) -> dict[str, Any]:
    """Turn SOURCES__P4BOOKS__TENANTS__NAME__API_KEY into nested tables; an empty one is not set."""
    nested: dict[str, Any] = {}
    for name, value in variables.items():
        if not value or not name.upper().startswith(PREFIX):
            continue
        *tables, last = name.lower().removeprefix(PREFIX.lower()).split("__")
        place = nested
        for table in tables:
            below = place.get(table)
            place[table] = below if isinstance(below, dict) else {}
            place = place[table]
        place[last] = value
    return nested


def _table(text: str) -> dict[str, Any]:
    sources = tomllib.loads(text).get("sources")
    found = sources.get("p4books") if isinstance(sources, dict) else None
    if not isinstance(found, dict):
        return {}
    tenants = found.get("tenants")
    if isinstance(tenants, dict):  # a tenant's name has no case, and variables are upper case
        found["tenants"] = {name.lower(): own for name, own in tenants.items()}
    return found


def _over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _over(value, below) if both and below is not None else value
    return merged


def _choose(found: dict[str, Any], tenant: str | None, *, known_only: bool) -> dict[str, Any]:
    """Put the chosen tenant's own table over what holds for all."""
    tables = found.pop("tenants", {})
    if not isinstance(tables, dict) or not all(isinstance(own, dict) for own in tables.values()):
        raise SettingsError("Each tenant has a table of its own: [sources.p4books.tenants.NAME].")
    name = tenant or found.get("tenant")
    if name is None and tables:
        raise SettingsError(f"Several tenants are set; choose one: --tenant {' | '.join(tables)}.")
    if name is None:
        return found
    own = tables.get(str(name).lower())
    if known_only and own is None and tenant and tenant != found.get("tenant"):
        known = [*tables, *filter(None, [found.get("tenant")])]
        raise SettingsError(f"There is no tenant {tenant} in the settings{nearest(tenant, known)}")
    if name != found.get("tenant"):
        found.pop("api_key", None)  # one tenant's key never goes to another's address
    return {**found, **(own or {}), "tenant": name}
