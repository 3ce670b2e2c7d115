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

_SLOT_FUNCTION = f"""
-- Returns a new slot of a key, or null and the seconds to wait. Those of a key take turns.
create function {SCHEMA}.acquire_slot(
    the_key text, the_limit integer, the_window double precision, dead_after double precision,
    longest_block double precision, out new_slot bigint, out delay double precision
) as $$
declare
    now_at double precision;
    blocked_until double precision;
    occupied bigint;
    expiring_at double precision;
begin
    perform pg_advisory_xact_lock({_LOCK}, hashtext(the_key));
    now_at := extract(epoch from clock_timestamp());
    -- after the clock was set back, nobody waits longer than a window
    update {SCHEMA}.slot set answered_at = now_at where key_hash = the_key and answered_at > now_at;
    update {SCHEMA}.slot set sent_at = now_at where key_hash = the_key and sent_at > now_at;
    delete from {SCHEMA}.slot where key_hash = the_key and (
        answered_at <= now_at - the_window
        or (answered_at is null and sent_at <= now_at - dead_after - the_window)
    );
    delete from {SCHEMA}.block
    where key_hash = the_key and (until <= now_at or until > now_at + longest_block);
    select max(until) into blocked_until from {SCHEMA}.block where key_hash = the_key;
    select count(*) into occupied from {SCHEMA}.slot where key_hash = the_key;
    if blocked_until is not null then
        delay := least(blocked_until - now_at, 1.0);  -- another process may extend the block
    elsif occupied < the_limit then
        insert into {SCHEMA}.slot (key_hash, sent_at) values (the_key, now_at)
        returning slot into new_slot;
    else
        -- wait for the slot whose expiry makes room; null if its response is still under way
        select answered_at into expiring_at from {SCHEMA}.slot where key_hash = the_key
        order by answered_at nulls last limit 1 offset occupied - the_limit;
        delay := coalesce(greatest(expiring_at + the_window - now_at, 0.001), 0.02);
    end if;
end
$$ language plpgsql;
"""
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
{_SLOT_FUNCTION}
create table {SCHEMA}.format (format integer not null);
insert into {SCHEMA}.format values ({FORMAT});
"""

# Not `to_regclass`, which may remember that there was none before the lock.
_FIND_FORMAT = """
select 1 from pg_class as each join pg_namespace as of on of.oid = each.relnamespace
where of.nspname = %s and each.relname = 'format'
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
    if connection.execute(_FIND_FORMAT, (SCHEMA,)).fetchone() is None:
        return False
    (theirs,) = connection.execute(f"select format from {SCHEMA}.format".encode()).fetchone() or (
        0,
    )
    if theirs > FORMAT:
        raise SharedTablesTooNew(theirs)
    return True
