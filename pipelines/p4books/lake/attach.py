"""SQL by which any DuckDB opens the lake of a tenant, without a password or a key."""

from p4books.lake.place import LakePlace
from p4books.storage.database import quote_identifier, quote_literal
from p4books.storage.postgres import SECRET_WORDS, parse_catalog


def describe_attach(place: LakePlace) -> str:
    """Return the statements by which a program of DuckDB 1.5 or newer opens the lake read-only.

    The password is where libpq looks for one, in PGPASSWORD or ~/.pgpass, and the login to S3 in a
    secret of DuckDB. Raises SettingsError and UsageError.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415 - 0.15 s

    parse_catalog(place.catalog)  # raises if libpq does not understand it
    words = conninfo_to_dict(place.catalog.get_secret_value())
    shown = {key: str(value) for key, value in words.items() if key not in SECRET_WORDS}
    lines = ["install ducklake;", "install postgres;"]
    if place.is_in_s3:
        login = f"type s3, provider credential_chain, scope {quote_literal(place.data)}"
        lines += ["install httpfs;", "install aws;", f"create secret ({login});"]
    name = quote_identifier(place.tenant)
    path = quote_literal(f"ducklake:postgres:{make_conninfo(**shown)}")
    schema = quote_literal(place.schema)
    return "\n".join(
        [*lines, f"attach {path} as {name} (metadata_schema {schema}, read_only);", f"use {name};"]
    )
