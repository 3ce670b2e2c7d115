"""The file of a group: the tables of its tenants' published files, each under the others.

Every table begins with the column `tenant`, and has what the tenants' tables have, by name. Ids
stay as they are: with `tenant` before it, the key of a model is the key of the group's table.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import duckdb

from p4books.errors import P4BooksError, count_of, list_some
from p4books.fleet.groups.members import (
    TENANT,
    Member,
    MemberTable,
    attach_member,
    list_tables,
    read_rows,
)
from p4books.publish.catalogue import COLUMNS as CATALOGUE
from p4books.publish.catalogue import create_catalogue_table, write_about
from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.changes import TARGET
from p4books.transform.csv_file import insert_texts
from p4books.transform.models import sql_folder
from p4books.transform.vocabulary import ColumnTexts, load_vocabulary

BATCH = 5  # members whose files are open, and whose rows are in memory, at a time

_EXACT = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT")  # types whose sums do not depend on the order
_SUM = "decimal(38, 6)"
_EXPECTED = "memory.main.expected"
_KEYS = {  # of the tables of the catalogue; of equal rows the first member's is kept
    "catalogue": ("layer", "model"),
    "catalogue_columns": ("layer", "model", "column_name"),
    "catalogue_values": ("column_name", "value"),
    "catalogue_sections": ("section",),
}
_TENANTS = {  # columns of `tenants`, those of the members' `about` last
    "tenant": "varchar",
    "why_not": "varchar",
    "missing_tables": "varchar",
    "published_at": "timestamptz",
    "as_of_on": "date",
    "as_of_at": "timestamptz",
    "timezone": "varchar",
    "currency": "varchar",
    "p4books_version": "varchar",
}

Row = dict[str, Any]
Source = tuple[str, Mapping[str, str]]  # a table as SQL, and its columns with their types


class GroupTypesDiffer(P4BooksError):
    """Two tenants have different types in one column, which cannot be in one table."""

    def __init__(self, column: str, types: Mapping[str, str]) -> None:
        shown = " and ".join(f"{kind} in {tenant}" for tenant, kind in types.items())
        self.why = f"{column} is {shown}"
        super().__init__(
            f"{self.why}, so the tables cannot be put together. Nothing was published of the "
            "group; any earlier file is unchanged. Run `p4books report --rebuild --tenant NAME` "
            "for the tenant whose file an older p4books made, or adopt the field with one type."
        )


class GroupDiffers(P4BooksError):
    """A sum over a table of the group is not that of the tenants' files."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            f"The group does not agree with its tenants: {list_some(differences)}. Nothing was "
            "published of the group; any earlier file is unchanged. Run again; if it persists, "
            "report this."
        )


@dataclass
class GroupTable:
    """A table of the group's file while it is made; `origins` say who brought each column."""

    first: MemberTable
    columns: dict[str, str]
    origins: dict[str, str]

    @property
    def sql(self) -> str:
        """Return the name as SQL, in the group's file."""
        return f"{TARGET}.{self.first.sql}"


@dataclass
class GroupFile:
    """The file that is made; `con` has it attached as TARGET, open for writing.

    `notes` are sentences about what is left out, by tenant or by model.
    """

    con: duckdb.DuckDBPyConnection
    tables: dict[str, GroupTable] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _left_out: set[str] = field(default_factory=set)  # custom models
    _abouts: dict[str, Row] = field(default_factory=dict)
    _held: dict[str, set[str]] = field(default_factory=dict)  # tables by member
    _catalogue: dict[str, dict[tuple[Any, ...], Row]] = field(
        default_factory=lambda: {name: {} for name in _KEYS}
    )

    def add(self, members: Sequence[Member]) -> None:
        """Add the rows of all members. Raises P4BooksError, GroupTypesDiffer and duckdb.Error."""
        self.con.execute(
            f"create table {_EXPECTED}"
            f" (model varchar, tenant varchar, currency varchar, figure varchar, sum {_SUM})"
        )
        for start in range(0, len(members), BATCH):
            self._add_batch(members[start : start + BATCH])

    def check(self) -> None:
        """Compare rows and totals of every table with the tenants'. Raises GroupDiffers."""
        differences = []
        for name, table in self.tables.items():
            ours = self._select_sums(name, table.columns, table.sql, TENANT)
            differences += self.con.execute(
                f"""
                select model, tenant, currency, figure, sum(sum), sum(ours)
                from (
                    select model, tenant, currency, figure, sum, 0 as ours
                    from {_EXPECTED} where model = {quote_literal(name)}
                    union all
                    select model, tenant, currency, figure, 0 as sum, sum as ours from ({ours})
                )
                group by all having sum(sum) <> sum(ours) order by all
                """
            ).fetchall()
        if differences:
            raise GroupDiffers(list(map(_describe_difference, differences)))

    def finish(self, about: Row, members: Sequence[Member]) -> Row:
        """Write the catalogue, `tenants` and `about` of the group; return the row of the last."""
        self._write_comments()
        self._write_catalogue()
        self._write_tenants(members)
        days = self.con.execute(
            f"select max(as_of_at) as as_of_at, max(as_of_on) as as_of_on from {TARGET}.tenants"
        ).fetchone() or (None, None)
        row = {**about, "as_of_at": days[0], "as_of_on": days[1], "made_of": self._fingerprint()}
        return write_about(self.con, row)

    def _add_batch(self, members: Sequence[Member]) -> None:
        with ExitStack() as attached:
            found: dict[str, dict[str, Source]] = {}  # by table, then by tenant
            for number, member in enumerate(members):
                attached.enter_context(attach_member(self.con, member, f"member_{number}"))
            tables = list_tables(self.con)
            for number, member in enumerate(members):
                database = f"member_{number}"
                self._read_catalogue(member, database)
                for table in tables.get(database, ()):
                    if self._has_room(table, member):
                        source = f"{database}.{table.sql}", table.columns
                        found.setdefault(table.name, {})[member.tenant] = source
            for name, sources in found.items():
                if name in self.tables:
                    self._add_rows(name, sources)
        self.con.execute(f"checkpoint {TARGET}")  # until then, the rows are in memory

    def _read_catalogue(self, member: Member, database: str) -> None:
        abouts = read_rows(self.con, f"{database}.main.about")
        if not abouts:
            raise P4BooksError(f"{member.file} was not published by p4books.")
        self._abouts[member.tenant] = abouts[0]
        self._held[member.tenant] = set()
        for name, known in self._catalogue.items():
            for row in read_rows(self.con, f"{database}.main.{name}"):
                known.setdefault(tuple(_fold(row[key]) for key in _KEYS[name]), row)

    def _has_room(self, table: MemberTable, member: Member) -> bool:
        """Make room for a table of a member; False if its model is left out."""
        if table.name in self._left_out:
            return False
        self._held[member.tenant].add(table.name)
        if table.is_custom and TENANT in map(_fold, table.columns):
            why = f"it has a column {TENANT} of its own"
            return self._leave_out(table.name, f"{table.name} is left out: {why}.")
        try:
            self._make_room(table, member.tenant)
        except GroupTypesDiffer as error:
            if not table.is_custom:
                raise
            return self._leave_out(table.name, f"{table.name} is left out: {error.why}.")
        return True

    def _leave_out(self, name: str, note: str) -> bool:
        self._left_out.add(name)
        self.notes.append(note)
        if table := self.tables.pop(name, None):
            self.con.execute(f"drop table {table.sql}")
        return False

    def _make_room(self, table: MemberTable, tenant: str) -> None:
        """Create the table of the group, or the columns that it lacks. Raises GroupTypesDiffer."""
        columns = {name: kind for name, kind in table.columns.items() if name != TENANT}
        known = self.tables.get(table.name)
        if known is None:
            layer = table.name.partition(".")[0]
            known = GroupTable(table, columns, dict.fromkeys(columns, tenant))
            parts = [
                f"{TENANT} varchar",
                *(f"{quote_identifier(n)} {k}" for n, k in columns.items()),
            ]
            self.con.execute(f"create schema if not exists {TARGET}.{layer}")
            self.con.execute(f"create table {known.sql} ({', '.join(parts)})")
            self.tables[table.name] = known
        spellings = {_fold(name): name for name in known.columns}
        for name, kind in columns.items():
            spelling = spellings.get(_fold(name))
            if spelling is None:
                column = f"{quote_identifier(name)} {kind}"
                self.con.execute(f"alter table {known.sql} add column {column}")
                known.columns[name], known.origins[name] = kind, tenant
            elif kind != known.columns[spelling]:
                types = {known.origins[spelling]: known.columns[spelling], tenant: kind}
                raise GroupTypesDiffer(f"{table.name}.{name}", types)

    def _add_rows(self, name: str, sources: Mapping[str, Source]) -> None:
        """Add the rows of a table of several members, and remember their sums."""
        rows, sums = [], []
        for tenant, (source, columns) in sources.items():
            value = quote_literal(tenant)
            own = ", ".join(quote_identifier(each) for each in columns if each != TENANT)
            rows.append(f"select {value} as {TENANT}, {own} from {source}")
            sums.append(self._select_sums(name, columns, source, value))
        union = " union all by name ".join(rows)
        self.con.execute(f"insert into {self.tables[name].sql} by name {union}")
        self.con.execute(f"insert into {_EXPECTED} {' union all '.join(sums)}")

    def _select_sums(self, name: str, columns: Iterable[str], source: str, tenant: str) -> str:
        """Return the query for the sums of a table, by tenant, currency and figure."""
        table, columns = self.tables[name], set(map(_fold, columns))
        key = tuple(name.split(".", 1))
        totals = self._catalogue["catalogue"].get(key, {}).get("totals") or ""
        summed = [
            column
            for column in totals.split(", ")
            if _fold(column) in columns and table.columns[column].startswith(_EXACT)
        ]
        figures = {"rows": f"count(*)::{_SUM}"} | {
            column: f"coalesce(sum({quote_identifier(column)}), 0)::{_SUM}" for column in summed
        }
        currency = "currency" if "currency" in columns else "null::varchar"
        return (
            f"select {quote_literal(name)} as model, {tenant} as tenant, {currency} as currency,"
            f" unnest([{', '.join(map(quote_literal, figures))}]) as figure,"
            f" unnest([{', '.join(figures.values())}]) as sum from {source} group by 1, 2, 3"
        )

    def _write_comments(self) -> None:
        statements = []
        for table in self.tables.values():
            statements.append(
                f"comment on table {table.sql} is {quote_literal(table.first.comment)}"
            )
            comments = {TENANT: _describe_tenant().meaning_en, **table.first.column_comments}
            statements += [
                f"comment on column {table.sql}.{quote_identifier(name)} is {quote_literal(text)}"
                for name, text in comments.items()
            ]
        self.con.execute(f"begin; {'; '.join(statements)}; commit" if statements else "")

    def _write_catalogue(self) -> None:
        names = {tuple(name.split(".", 1)) for name in self.tables}
        texts = _describe_tenant()
        models = {key: row for key, row in self._catalogue["catalogue"].items() if key in names}
        columns = {
            (*model, TENANT): {
                **dict(zip(_KEYS["catalogue_columns"], (*model, TENANT), strict=True)),
                **vars(texts),
            }
            for model in models
        }
        columns |= {
            key: row
            for key, row in self._catalogue["catalogue_columns"].items()
            if key[:2] in names and key[2] != TENANT
        }
        counts = dict(
            self.con.execute(
                f"select model, sum(sum)::bigint from {_EXPECTED} where figure = 'rows'"
                " group by model"
            ).fetchall()
        )
        for (layer, model), row in models.items():
            row["key"] = _prepend_tenant(row["key"])
            row["rows"] = counts.get(f"{layer}.{model}", 0)
        self._write_rows("catalogue", models.values())
        self._write_rows("catalogue_columns", columns.values())
        for name in ("catalogue_values", "catalogue_sections"):
            self._write_rows(name, self._catalogue[name].values())

    def _write_rows(self, name: str, rows: Iterable[Row]) -> None:
        create_catalogue_table(self.con, name)
        names = [column.split()[0] for column in CATALOGUE[name]]
        texts = [
            tuple("" if row.get(each) is None else str(row[each]) for each in names) for row in rows
        ]
        insert_texts(self.con, f"{TARGET}.{name}", texts)

    def _write_tenants(self, members: Sequence[Member]) -> None:
        """Write which tenants are in the group, and which are not, and why."""
        columns = ", ".join(f"{name} {kind}" for name, kind in _TENANTS.items())
        self.con.execute(f"create table {TARGET}.tenants ({columns})")
        self.con.execute(
            f"comment on table {TARGET}.tenants is"
            " 'One row per tenant of the group: its published file, or why it is left out.'"
        )
        for member in members:
            held = self._held.get(member.tenant)
            missing = [name for name in self.tables if held is not None and name not in held]
            if missing:
                self.notes.append(
                    f"{member.tenant} has no {list_some(missing)}: its file was made by another"
                    " version of p4books, or from other SQL."
                )
            row = {
                **self._abouts.get(member.tenant, {}),
                "tenant": member.tenant,
                "why_not": member.why_not,
                "missing_tables": ", ".join(missing) or None,
            }
            self.con.execute(
                f"insert into {TARGET}.tenants values ({', '.join('?' for _ in _TENANTS)})",
                [row.get(name) for name in _TENANTS],
            )

    def _fingerprint(self) -> str:
        """Return what the file is made of: it is the same if the members' are."""
        parts = [f"{tenant} {about.get('made_of')}" for tenant, about in self._abouts.items()]
        return sha256("\n".join(parts).encode()).hexdigest()


def describe_members(members: Sequence[Member]) -> str:
    """Say how many tenants are in a group, as part of a sentence."""
    included = sum(member.why_not is None for member in members)
    total = count_of(len(members), "tenant")
    return f"all {total}" if included == len(members) > 1 else f"{included} of {total}"


@cache
def _describe_tenant() -> ColumnTexts:
    return load_vocabulary(sql_folder()).describe_column("", TENANT)


def _fold(name: str) -> str:
    """Return a name as DuckDB compares it: the case of letters does not count."""
    return name.lower()


def _prepend_tenant(key: str) -> str:
    names = [name for name in key.split(", ") if name and name != TENANT]
    return ", ".join([TENANT, *names])


def _describe_difference(row: tuple[Any, ...]) -> str:
    model, tenant, currency, figure, theirs, ours = row
    in_currency = f" in {currency}" if currency else ""
    return (
        f"{model} of {tenant}{in_currency}: {figure} is {theirs:,f} in its file and {ours:,f} in "
        "the group"
    )
