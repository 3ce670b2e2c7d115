"""SQL by which any DuckDB opens the lake of a tenant or of a group, without a password or a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from p4books.lake.connection import open_lake_database, translate_errors
from p4books.lake.errors import LEFT_READING
from p4books.lake.place import require_lake
from p4books.lake.read import attach_members
from p4books.lake.s3 import find_server
from p4books.lake.union import describe_union
from p4books.settings import Settings, load_settings
from p4books.spelling import fold_name
from p4books.storage.database import MEMORY_STEPS, quote_identifier, quote_literal
from p4books.storage.lake_place import LakePlace
from p4books.storage.postgres import SECRET_WORDS, parse_catalog

_TAKEN = ("memory", "temp", "system")  # DuckDB's own databases; settings refuse names of schemas


@dataclass(frozen=True)
class AttachSql:
    """Statements that open a lake, and sentences about what is left out of it."""

    sql: str
    notes: tuple[str, ...] = ()


def describe_attach(settings: Settings) -> AttachSql:
    """Return the statements by which a program of DuckDB 1.5 or newer opens the lake read-only.

    The password is where libpq looks for one, in PGPASSWORD or ~/.pgpass, and the login to S3 where
    Amazon's programs do. Those of a group make a view of each table that its tenants have now.
    Raises NoLake, SettingsError and UsageError; for a group what `open_lake` raises, too.
    """
    if not settings.members:
        place = require_lake(settings)
        return _join([*_attach([place]), f"use {quote_identifier(_name_database(place))}"])
    of = [load_settings(each, need_key=False) for each in settings.members]
    places = [require_lake(each) for each in of]
    views, missing, notes = _describe_views(settings.tenant, places)
    found = [place for place in places if place.tenant not in missing]
    return _join([*_attach(found), *views], notes)


def _describe_views(
    group: str, places: Sequence[LakePlace]
) -> tuple[list[str], set[str], list[str]]:
    """Return the views of a group, the tenants that have no lake yet, and what is left out."""
    databases = {_name_database(place): place for place in places}
    with (
        TemporaryDirectory() as spill,
        translate_errors(places[0], LEFT_READING),
        open_lake_database(places, Path(spill), MEMORY_STEPS[-1]) as con,
    ):
        missing = attach_members(con, group, databases)
        found = {name: place.tenant for name, place in databases.items() if name not in missing}
        views, notes = describe_union(con, found)
    return views, {databases[name].tenant for name in missing}, [*missing.values(), *notes]


def _attach(places: Sequence[LakePlace]) -> list[str]:
    """Return statements that attach lakes."""
    in_s3 = [place for place in places if place.is_in_s3]
    extensions = ["ducklake", "postgres", *(["httpfs", "aws"] if in_s3 else [])]
    return [
        *(f"install {name}" for name in extensions),
        *(_log_in(in_s3) if in_s3 else []),
        *map(_attach_one, places),
    ]


def _log_in(places: Sequence[LakePlace]) -> list[str]:
    server = find_server()
    options = {"type": "s3", "provider": "credential_chain", **server.options}
    listed = ", ".join(f"{name} {value}" for name, value in options.items())
    secrets = [
        f"create secret {quote_identifier(place.tenant)} ({listed},"
        f" scope {quote_literal(place.data)})"
        for place in places
    ]
    if server.certificates is None:
        return secrets
    return ["load httpfs", f"set ca_cert_file = {quote_literal(server.certificates)}", *secrets]


def _attach_one(place: LakePlace) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415 - 0.15 s

    parse_catalog(place.catalog)  # raises if libpq does not understand it
    words = conninfo_to_dict(place.catalog.get_secret_value())
    shown = {key: str(value) for key, value in words.items() if key not in SECRET_WORDS}
    path = quote_literal(f"ducklake:postgres:{make_conninfo(**shown)}")
    name, schema = quote_identifier(_name_database(place)), quote_literal(place.schema)
    return f"attach {path} as {name} (metadata_schema {schema}, read_only)"


def _name_database(place: LakePlace) -> str:
    """Return the name of an attached lake: that of the tenant, unless DuckDB has a use for it."""
    is_taken = fold_name(place.tenant) in _TAKEN
    return f"p4books_{place.tenant}" if is_taken else place.tenant


def _join(statements: Sequence[str], notes: Sequence[str] = ()) -> AttachSql:
    return AttachSql("\n".join(f"{each};" for each in statements), tuple(notes))
