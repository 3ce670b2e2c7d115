"""Members of a group: the published files that its own is made from."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from p4books.errors import P4BooksError
from p4books.publish.catalogue import COLUMNS as CATALOGUE
from p4books.publish.published_file import explain_open_error, locate_file, read_mark
from p4books.publish.query import result_columns
from p4books.storage.database import open_reader, quote_identifier, quote_path
from p4books.transform.models import CUSTOM

TENANT = "tenant"  # the first column of every table of a group

_LAYERS = ("core", "reporting", CUSTOM)
_BATCH = 40  # members whose files are open, and whose rows are in memory, at a time
_BATCH_BYTES = 400_000_000  # of their files

Row = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """A tenant of a group, and its published file as it is now.

    `mark` changes whenever the file does. `why_not` says why the file is left out, None if it is
    not; `mark` is then empty if there is no file.
    """

    tenant: str
    file: Path
    mark: str = ""
    why_not: str | None = None


@dataclass(frozen=True)
class MemberTable:
    """A table or view of a member's file: its columns by name, with their types."""

    name: str  # layer.model
    columns: Mapping[str, str]
    comment: str = ""
    column_comments: Mapping[str, str] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """Return the name as SQL."""
        layer, _, model = self.name.partition(".")
        return f"{layer}.{quote_identifier(model)}"

    @property
    def is_custom(self) -> bool:
        """Return whether it is a report of the user's."""
        return self.name.startswith(f"{CUSTOM}.")


@dataclass(frozen=True)
class Layout:
    """The tables of a member's file by name, and the rows of its catalogue but for `rows`."""

    tables: Mapping[str, MemberTable]
    catalogue: Mapping[str, Sequence[Row]]

    @cached_property
    def digest(self) -> str:
        """What is the same for members whose tables and catalogues are alike."""
        return sha256(repr(self).encode()).hexdigest()


def find_member(tenant: str, file: Path) -> Member:
    """Find the published file of a tenant; what stands in its way is `why_not`."""
    try:
        real = locate_file(file)
        return Member(tenant, file, read_mark(real))
    except FileNotFoundError:
        return Member(tenant, file, why_not="it has no published file yet.")
    except OSError as error:
        return Member(tenant, file, why_not=f"{file} cannot be read ({error.strerror or error}).")
    except P4BooksError as error:
        return Member(tenant, file, why_not=str(error))


def fold_column(name: str) -> str:
    """Return a name as DuckDB compares it: the case of letters does not count."""
    return name.lower()


def split_batches(members: Sequence[Member]) -> list[list[Member]]:
    """Split members into batches whose files may be open at a time."""
    batches: list[list[Member]] = []
    size = 0
    for member in members:
        own = member.file.stat().st_size if member.file.is_file() else 0
        size += own
        if not batches or len(batches[-1]) == _BATCH or size > _BATCH_BYTES:
            batches.append([])
            size = own
        batches[-1].append(member)
    return batches


@contextmanager
def attach_members(
    con: duckdb.DuckDBPyConnection, members: Sequence[Member]
) -> Iterator[dict[str, str]]:
    """Attach the files of members, as they are now, for reading; yield the databases by tenant.

    Raises P4BooksError.
    """
    with ExitStack() as attached:
        databases = {}
        for number, member in enumerate(members):
            name = f"member_{number}"
            try:
                con.execute(f"attach {quote_path(member.file)} as {name} (read_only)")
            except duckdb.Error as error:
                raise explain_open_error(member.file, error) from None
            attached.callback(con.execute, f"detach {name}")
            databases[member.tenant] = name
        yield databases


def read_layouts(
    con: duckdb.DuckDBPyConnection, members: Sequence[Member]
) -> Iterator[tuple[str, Row, Layout]]:
    """Read the row of `about` and the layout of each member, with its tenant. Raises P4BooksError.

    Raises duckdb.Error if a file is damaged.
    """
    with attach_members(con, members) as databases:
        tables = list_tables(con)
        for member in members:
            main = f"{databases[member.tenant]}.main"
            abouts = read_rows(con, f"{main}.about")
            if not abouts:
                raise P4BooksError(f"{member.file} was not published by p4books.")
            found = {table.name: table for table in tables.get(databases[member.tenant], ())}
            catalogue = {name: read_rows(con, f"{main}.{name}") for name in CATALOGUE}
            for row in catalogue["catalogue"]:
                row.pop("rows", None)
            yield member.tenant, abouts[0], Layout(found, catalogue)


def list_tables(con: duckdb.DuckDBPyConnection) -> dict[str, list[MemberTable]]:
    """List what a group takes of each attached file, by database, in the order of the names."""
    rows = con.execute(
        f"""
        with comments as (
            select database_name, schema_name, table_name, comment from duckdb_tables()
            union all select database_name, schema_name, view_name, comment from duckdb_views()
        )
        select
            columns.database_name,
            columns.schema_name || '.' || columns.table_name as name,
            list(column_name order by column_index),
            list(data_type order by column_index),
            list(coalesce(columns.comment, '') order by column_index),
            coalesce(any_value(comments.comment), '')
        from duckdb_columns() as columns
        left join comments using (database_name, schema_name, table_name)
        where columns.schema_name in {_LAYERS}
        group by columns.database_name, name
        order by name
        """
    ).fetchall()
    tables: dict[str, list[MemberTable]] = {}
    for database, name, columns, types, comments, comment in rows:
        kinds, described = zip(columns, types, strict=True), zip(columns, comments, strict=True)
        table = MemberTable(name, dict(kinds), comment, dict(described))
        tables.setdefault(database, []).append(table)
    return tables


def read_rows(con: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """Read all rows of a small table as values by column; none if there is no such table."""
    try:
        rows = con.execute(f"from {table}").fetchall()
    except duckdb.CatalogException:
        return []
    names = result_columns(con)
    return [dict(zip(names, row, strict=True)) for row in rows]


def find_damage(member: Member) -> str | None:
    """Read all that a group takes of a member's file; return why that fails, None if it does not.

    It is for a file of which it is known that something was wrong with it or others.
    """
    try:
        with open_reader(member.file) as con:
            for table in list_tables(con).get("reader", ()):
                con.execute(f"select max(hash(each)) from {table.sql} as each").fetchall()
            if not read_rows(con, "main.about"):
                return f"{member.file} was not published by p4books."
    except duckdb.Error as error:
        return str(explain_open_error(member.file, error))
    return None
