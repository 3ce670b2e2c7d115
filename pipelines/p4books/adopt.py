"""How does a field that P4 Books added become a column?"""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from p4books.alone import alone, scratch
from p4books.database import connect
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.errors import UsageError
from p4books.load import columns, fields, kinds, migrate, run, tables
from p4books.nearest import nearest
from p4books.settings import Settings

_PLAIN = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"  # what dlt, too, takes for a column's name as it is


@dataclass(frozen=True)
class Adopted:
    """A field that is a column now: how many of the versions have a value, and what misfits."""

    endpoint: str
    field: str
    kind: str
    versions: int
    values: int
    misfits: int


def adopt(settings: Settings, word: str, kind: str | None = None) -> Adopted:
    """Make a field of `extra` a column, in every version; no row makes a version by it.

    `word` is ENDPOINT.FIELD, `kind` one of `fields.KINDS` (default: what all its values fit); a
    field that was adopted before gets another kind by it. The next sync publishes it. Raises
    UsageError with nothing changed, and what a sync raises of a warehouse.
    """
    endpoint, field = _split(word)
    warehouse = settings.private / "warehouse.duckdb"
    if not warehouse.exists():
        raise UsageError(
            f"Tenant {settings.tenant} has no warehouse yet; nothing was changed. "
            "Run `p4books sync` first."
        )
    with alone(settings), scratch(settings.private / "work") as folder:
        tables.doubt(warehouse)
        change = partial(_adopt, name=endpoint, field=field, kind=kind)
        return run.alter(warehouse, folder, change)


def _split(word: str) -> tuple[str, str]:
    name, dot, field = word.partition(".")
    name = name.lower().replace("-", "_")
    if not dot or not field:
        raise UsageError(f"{word} is no ENDPOINT.FIELD, as customers.credit_days is.")
    if name not in ENDPOINTS:
        raise UsageError(f"There is no endpoint {name}{nearest(name, ENDPOINTS)}")
    return name, field


def _adopt(made: Path, name: str, field: str, kind: str | None) -> Adopted:
    """Adopt a field in a copy of the warehouse."""
    migrate.migrate(made, fields.endpoints(made))
    endpoint = fields.endpoints(made)[name]
    with connect(made) as con:
        field = (kind and _adopted(con, name, field)) or _meant(con, endpoint, field)
        found = fields.KINDS[kind] if kind else kinds.infer(con, endpoint, field)
        chosen = found.name.lower()
        con.execute("insert or replace into raw.adopted values (?, ?, ?)", [name, field, chosen])
    merged = fields.endpoints(made)[name]
    counts = f"""
        select count(*), count("{field}"), (
            select count(*) from raw.findings where endpoint = ? and field = ?)
        from raw.{name}
    """
    with connect(made) as con:
        columns.make(con, merged, field)
        versions, values, misfits = con.execute(counts, [name, field]).fetchone() or (0, 0, 0)
    if misfits and not values:
        raise UsageError(
            f"Not one of the {misfits:,} values of {name}.{field} is a {chosen}; "
            "nothing was changed."
        )
    return Adopted(name, field, chosen, versions, values, misfits)


def _adopted(con: duckdb.DuckDBPyConnection, name: str, field: str) -> str | None:
    """Return the field that was adopted before, and may get another kind."""
    rows = con.execute("select field from raw.adopted where endpoint = ?", [name]).fetchall()
    return next(iter(fields.spelled(field, [own for (own,) in rows])), None)


def _meant(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, field: str) -> str:
    """Return the field of `extra` that is meant, in whatever spelling; raises UsageError."""
    if own := fields.spelled(field, endpoint.known):
        raise UsageError(f"{endpoint.name}.{own[0]} is a column already; nothing was changed.")
    there = sorted(columns.in_extra(con, endpoint) - endpoint.known)
    if not there:
        raise UsageError(
            f"P4 Books gives no field of {endpoint.name} that is not a column already; "
            "nothing was changed."
        )
    found = fields.spelled(field, there)
    if not found:
        raise UsageError(f"{endpoint.name} has no field {field}{nearest(field, there)}")
    taken = {*tables.columns(endpoint), *_published(con, endpoint)}
    if not re.fullmatch(_PLAIN, found[0]) or found[0] in taken:
        raise UsageError(
            f"{endpoint.name}.{found[0]} can't be a column: its name is not plain, or one of ours. "
            "It stays in `extra`; nothing was changed."
        )
    return found[0]


def _published(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> list[str]:
    """Return the names that the list's own models give to columns."""
    columns = "select column_name from duckdb_columns() where schema_name = ? and table_name in ?"
    tables = [endpoint.name, f"{endpoint.name}_history"]
    found = con.execute(f"{columns} except {columns}", ["staging", tables, "raw", tables])
    return [column for (column,) in found.fetchall()]
