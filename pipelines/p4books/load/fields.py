"""Which fields does the API give, beside those of our own files?

Some were made columns of this warehouse: they are known like ours. The others stand in `extra`,
and the warehouse remembers since when, so that each is reported once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from p4books.database import connect, text
from p4books.endpoint import Endpoint, Kind
from p4books.endpoints import ENDPOINTS

KINDS = {kind.name.lower(): kind for kind in Kind}  # as a person says them


@dataclass(frozen=True)
class Unknown:
    """A field that no column holds; `first_seen_at` is in UTC."""

    endpoint: str
    field: str
    first_seen_at: datetime


def endpoints(warehouse: Path) -> dict[str, Endpoint]:
    """Return every endpoint with its fields: those of its file, then those that were adopted.

    An endpoint without adopted fields is the registry's own. Call it once a run: what is kept for
    an endpoint is kept for this object.
    """
    merged = dict(ENDPOINTS)
    for name, field, kind in _rows(warehouse, "adopted", "endpoint, field, kind"):
        if (endpoint := merged.get(name)) and not spelled(field, endpoint.known):
            merged[name] = replace(endpoint, fields={**endpoint.fields, field: KINDS[kind]})
    return merged


def unknown(warehouse: Path) -> list[Unknown]:
    """Return the fields that stand in `extra`; of a warehouse that is not there yet, none."""
    return [Unknown(*row) for row in _rows(warehouse, "fields", "endpoint, field, first_seen_at")]


def news(before: Collection[Unknown], after: Iterable[Unknown]) -> list[str]:
    """Say of each field that is new that it is kept, and how it becomes a column."""
    known = {(each.endpoint, each.field) for each in before}
    return [
        f"{each.endpoint}: P4 Books gives a new field, {each.field}. It is kept in `extra`; "
        f"`p4books adopt {each.endpoint}.{each.field}` makes it a column."
        for each in after
        if (each.endpoint, each.field) not in known
    ]


def note(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, rows: str) -> None:
    """Remember the fields in `extra` of these versions: a condition on the endpoint's table.

    A number with too many digits stands there under a name that we know, and is no new field.
    """
    known = ", ".join(text(key) for key in endpoint.known)
    con.execute(
        f"""
        insert into raw.fields
        select '{endpoint.name}', field, min(since)
        from (
            select unnest(json_keys(extra)) as field, _dlt_valid_from as since
            from raw.{endpoint.name}
            where extra is not null and {rows}
        )
        where field not in ({known})
        group by field
        on conflict do nothing
        """
    )


def spelled(field: str, known: Iterable[str]) -> list[str]:
    """Return the known names that are this field's, in whatever spelling; its own stands first."""
    squashed = field.replace("_", "").lower()
    found = (name for name in known if name.replace("_", "").lower() == squashed)
    return sorted(found, key=lambda name: (name != field, name))


def _rows(warehouse: Path, table: str, columns: str) -> list[tuple[Any, ...]]:
    if not warehouse.exists():
        return []
    with connect(warehouse, read_only=True) as con:
        try:
            return con.execute(f"select {columns} from raw.{table} order by all").fetchall()
        except duckdb.CatalogException:  # an older p4books made it, and knew no such table
            return []
