"""Tables in Postgres that all machines share: leases, states, and the slots of rate limiters.

They are in a schema of their own in the database of the setting `catalog`, and are created when
they are first used.
"""

from typing import TYPE_CHECKING

from p4books.errors import P4BooksError

if TYPE_CHECKING:
    import psycopg

SCHEMA = "p4books_home"
FORMAT = 1
_LOCK = 0x70346268  # "p4bh", of those who create the tables at the same time

_TABLES = f"""
create schema if not exists {SCHEMA};
create table {SCHEMA}.lease (
    tenant text primary key, token bigint not null, nonce text not null, holder text not null,
    purpose text not null, folder text not null, expires_at timestamptz not null
);
create table {SCHEMA}.state (
    tenant text primary key, identity text not null, number bigint not null, home text not null,
    manifest bytea not null, put_by text not null, put_at timestamptz not null
);
create table {SCHEMA}.slot (
    slot bigint generated always as identity primary key, key_hash text not null,
    sent_at double precision not null, answered_at double precision
);
create index on {SCHEMA}.slot (key_hash, answered_at);
create table {SCHEMA}.block (key_hash text not null, until double precision not null);
create index on {SCHEMA}.block (key_hash);
create table {SCHEMA}.format (format integer not null);
insert into {SCHEMA}.format values ({FORMAT});
"""


class SharedTablesTooNew(P4BooksError):
    """The tables in Postgres were made by a newer p4books."""

    def __init__(self, theirs: int) -> None:
        super().__init__(
            f"The tables {SCHEMA} in Postgres were made by a newer p4books (format {theirs}; this "
            f"version reads up to {FORMAT}). Nothing was requested or changed. Install the newer "
            "version."
        )


def create_shared_tables(connection: "psycopg.Connection") -> None:
    """Create the tables unless they are there. Raises SharedTablesTooNew and psycopg.Error.

    Costs one query if they are. Two that create them at once wait for each other.
    """
    if _has_tables(connection):
        return
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        if not _has_tables(connection):
            connection.execute(_TABLES.encode())


def _has_tables(connection: "psycopg.Connection") -> bool:
    found = connection.execute("select to_regclass(%s)", (f"{SCHEMA}.format",)).fetchone()
    if not found or found[0] is None:
        return False
    (theirs,) = connection.execute(f"select format from {SCHEMA}.format".encode()).fetchone() or (
        0,
    )
    if theirs > FORMAT:
        raise SharedTablesTooNew(theirs)
    return True
