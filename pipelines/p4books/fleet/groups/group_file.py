"""The file of a group: the tables of its tenants' published files, each under the others.

Every table begins with the column `tenant`, and has what the tenants' tables have, by name. Ids
stay as they are: with `tenant` before it, the key of a model is the key of the group's table.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import duckdb

from p4books.errors import P4BooksError, count_of, list_some
from p4books.fleet.groups.last_file import LastFile
from p4books.fleet.groups.members import (
    TENANT,
    Layout,
    Member,
    MemberTable,
    Row,
    attach_members,
    fold_column,
    read_layouts,
    split_batches,
)
from p4books.publish.catalogue import COLUMNS as CATALOGUE
from p4books.publish.catalogue import create_catalogue_table, write_about
from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.changes import TARGET
from p4books.transform.csv_file import insert_texts
from p4books.transform.models import sql_folder
from p4books.transform.vocabulary import ColumnTexts, load_vocabulary

_EXACT = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT")  # types whose sums do not depend on the order
_SUM = "decimal(38, 6)"
_EXPECTED = "memory.main.expected"
_RANK = "rank"  # the column with the place of a row among those of its currency
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
    "made_of": "varchar",
    "layout": "varchar",
}


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


@dataclass(frozen=True)
class RowSource:
    """A table whose rows go into one of the group: as SQL, the tenant of a row, and its columns."""

    sql: str
    tenant: str
    columns: Iterable[str]

    def select(self, columns: Iterable[str] | None = None) -> str:
        """Return the query for all rows with the tenant, and with some of the columns or all."""
        wanted = None if columns is None else set(map(fold_column, columns))
        own = [each for each in self.columns if wanted is None or fold_column(each) in wanted]
        names = ", ".join([f"{self.tenant} as {TENANT}", *map(quote_identifier, own)])
        return f"select {names} from {self.sql}"


@dataclass
class GroupFile:
    """The file that is made; `con` has it attached as TARGET, open for writing.

    The rows of tenants whose files are as they were come from the group's last file, if there is
    one. `notes` are sentences about what is left out, by tenant or by model.
    """

    con: duckdb.DuckDBPyConnection
    tables: dict[str, GroupTable] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _left_out: set[str] = field(default_factory=set)  # custom models
    _abouts: dict[str, Row] = field(default_factory=dict)
    _layouts: dict[str, Layout] = field(default_factory=dict)  # by member
    _catalogue: dict[str, dict[tuple[Any, ...], Row]] = field(
        default_factory=lambda: {name: {} for name in _KEYS}
    )

    def add(self, members: Sequence[Member], last: LastFile | None = None) -> None:
        """Add the rows of all members. Raises P4BooksError, GroupTypesDiffer and duckdb.Error."""
        last = last or LastFile()
        changed = [member for member in members if member.tenant not in last.tenants]
        with last.attach(self.con):
            self._read_layouts(members, last)
            self._create_tables()
            last.check_tables(self._layouts, self.tables)
            for batch in split_batches(changed) or [[]]:
                with attach_members(self.con, batch) as databases:
                    self._add_rows(databases, last)
                self.con.execute(f"checkpoint {TARGET}")  # until then, they are in memory
                last = LastFile()  # its rows are added with those of the first batch

    def check(self) -> None:
        """Compare rows and totals of every table with the tenants'. Raises GroupDiffers."""
        differences = []
        for name, table in self.tables.items():
            ours = self._select_sums(name, [RowSource(table.sql, TENANT, table.columns)])
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
        self._order_ranks()
        self._write_comments()
        self._write_catalogue()
        self._write_tenants(members)
        days = self.con.execute(
            f"select max(as_of_at) as as_of_at, max(as_of_on) as as_of_on from {TARGET}.tenants"
        ).fetchone() or (None, None)
        row = {**about, "as_of_at": days[0], "as_of_on": days[1], "made_of": self._fingerprint()}
        return write_about(self.con, row)

    def _read_layouts(self, members: Sequence[Member], last: LastFile) -> None:
        """Read which tables there are; of members with one layout, those of the first are it."""
        known = {row["layout"]: tenant for tenant, row in reversed(list(last.tenants.items()))}
        first = set(known.values())
        read = [each for each in members if each.tenant not in last.tenants or each.tenant in first]
        for batch in split_batches(read):
            for tenant, about, layout in read_layouts(self.con, batch):
                self._abouts[tenant], self._layouts[tenant] = about, layout
        seen: set[str] = set()
        for member in members:
            if row := last.tenants.get(member.tenant):
                self._abouts[member.tenant] = row
                self._layouts[member.tenant] = self._layouts[known[row["layout"]]]
            layout = self._layouts[member.tenant]
            if layout.digest not in seen:
                seen.add(layout.digest)
                self._adopt_layout(layout, member.tenant)

    def _adopt_layout(self, layout: Layout, tenant: str) -> None:
        for name, known in self._catalogue.items():
            for row in layout.catalogue[name]:
                known.setdefault(tuple(fold_column(row[key]) for key in _KEYS[name]), dict(row))
        for table in layout.tables.values():
            self._make_room(table, tenant)

    def _make_room(self, table: MemberTable, tenant: str) -> None:
        """Add a table of a member to those of the group, unless its model is left out."""
        if table.name in self._left_out:
            return
        if table.is_custom and TENANT in map(fold_column, table.columns):
            why = f"it has a column {TENANT} of its own"
            self._leave_out(table.name, f"{table.name} is left out: {why}.")
            return
        try:
            self._add_columns(table, tenant)
        except GroupTypesDiffer as error:
            if not table.is_custom:
                raise
            self._leave_out(table.name, f"{table.name} is left out: {error.why}.")

    def _leave_out(self, name: str, note: str) -> None:
        self._left_out.add(name)
        self.notes.append(note)
        self.tables.pop(name, None)

    def _add_columns(self, table: MemberTable, tenant: str) -> None:
        """Add the columns that a table of the group lacks. Raises GroupTypesDiffer."""
        known = self.tables.setdefault(table.name, GroupTable(table, {}, {}))
        spellings = {fold_column(name): name for name in known.columns}
        for name, kind in table.columns.items():
            if name == TENANT:
                continue
            spelling = spellings.get(fold_column(name), name)
            if kind != known.columns.setdefault(spelling, kind):
                types = {known.origins[spelling]: known.columns[spelling], tenant: kind}
                raise GroupTypesDiffer(f"{table.name}.{name}", types)
            known.origins.setdefault(spelling, tenant)

    def _create_tables(self) -> None:
        self.con.execute(
            f"create table {_EXPECTED}"
            f" (model varchar, tenant varchar, currency varchar, figure varchar, sum {_SUM})"
        )
        for name, table in self.tables.items():
            columns = {TENANT: "varchar"} | table.columns
            parts = [f"{quote_identifier(column)} {kind}" for column, kind in columns.items()]
            self.con.execute(f"create schema if not exists {TARGET}.{name.partition('.')[0]}")
            self.con.execute(f"create table {table.sql} ({', '.join(parts)})")

    def _add_rows(self, databases: Mapping[str, str], last: LastFile) -> None:
        """Add the rows of members, by the names of their databases, and remember their sums."""
        for name, table in self.tables.items():
            sources = [RowSource(*kept)] if (kept := last.select_rows(name, table.columns)) else []
            for tenant, database in databases.items():
                if own := self._layouts[tenant].tables.get(name):
                    columns = [each for each in own.columns if each != TENANT]
                    source = f"{database}.{table.first.sql}"
                    sources.append(RowSource(source, quote_literal(tenant), columns))
            if sources:
                union = " union all by name ".join(each.select() for each in sources)
                self.con.execute(f"insert into {table.sql} by name {union}")
                self.con.execute(f"insert into {_EXPECTED} {self._select_sums(name, sources)}")

    def _select_sums(self, name: str, sources: Sequence[RowSource]) -> str:
        """Return the query for the sums of a table, by tenant, currency and figure."""
        table = self.tables[name]
        columns = {fold_column(each) for source in sources for each in source.columns}
        key = tuple(name.split(".", 1))
        totals = self._catalogue["catalogue"].get(key, {}).get("totals") or ""
        summed = [
            column
            for column in totals.split(", ")
            if fold_column(column) in columns and table.columns[column].startswith(_EXACT)
        ]
        figures = {"rows": f"count(*)::{_SUM}"} | {
            column: f"coalesce(sum({quote_identifier(column)}), 0)::{_SUM}" for column in summed
        }
        currency = "currency" if "currency" in columns else "null::varchar"
        union = " union all by name ".join(each.select({*summed, "currency"}) for each in sources)
        return (
            f"select {quote_literal(name)} as model, {TENANT}, {currency} as currency,"
            f" unnest([{', '.join(map(quote_literal, figures))}]) as figure,"
            f" unnest([{', '.join(figures.values())}]) as sum from ({union}) group by 1, 2, 3"
        )

    def _order_ranks(self) -> None:
        """Let ranks agree with the order of their model over all tenants.

        If they are the places in that order, they are counted again; if the order itself goes by
        them, as they depend on sums of their tenant, each tenant's rows come by themselves.
        """
        for name, table in self.tables.items():
            entry = self._catalogue["catalogue"].get(tuple(name.split(".", 1)))
            if not entry or _RANK not in table.columns:
                continue
            if re.search(rf"\b{_RANK}\b", entry["sorted_by"]):
                entry["sorted_by"] = f"{TENANT}, {entry['sorted_by']}"
            elif not table.first.is_custom:
                self.con.execute(
                    f"""
                    update {table.sql} set {_RANK} = ranked.place from (
                        select rowid as id, row_number() over (
                            partition by currency order by {entry["sorted_by"]}, {TENANT}
                        ) as place
                        from {table.sql}
                    ) as ranked where ranked.id = {table.sql}.rowid
                    """
                )

    def _write_comments(self) -> None:
        statements = []
        for table in self.tables.values():
            grain = _describe_grain(table.first.comment)
            statements.append(f"comment on table {table.sql} is {quote_literal(grain)}")
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
            row["grain"] = _describe_grain(row.get("grain") or "")
            row["grain_es"] = _describe_grain(row.get("grain_es") or "", "Por cada empresa")
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
        rows = []
        for member in members:
            layout = self._layouts.get(member.tenant)
            missing = [name for name in self.tables if layout and name not in layout.tables]
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
                "layout": layout and layout.digest,
            }
            values = (row.get(name) for name in _TENANTS)
            rows.append([None if value is None else str(value) for value in values])
        insert_texts(self.con, f"{TARGET}.tenants", rows)

    def _fingerprint(self) -> str:
        """Return what the file is made of: it is the same if the members' are."""
        parts = [
            f"{tenant} {about.get('made_of')}" for tenant, about in sorted(self._abouts.items())
        ]
        return sha256("\n".join(parts).encode()).hexdigest()


def describe_members(members: Sequence[Member]) -> str:
    """Say how many tenants are in a group, as part of a sentence."""
    included = sum(member.why_not is None for member in members)
    total = count_of(len(members), "tenant")
    return f"all {total}" if included == len(members) > 1 else f"{included} of {total}"


@cache
def _describe_tenant() -> ColumnTexts:
    return load_vocabulary(sql_folder()).describe_column("", TENANT)


def _prepend_tenant(key: str) -> str:
    names = [name for name in key.split(", ") if name and name != TENANT]
    return ", ".join([TENANT, *names])


def _describe_grain(grain: str, whose: str = "For each tenant") -> str:
    """Say what a row of a group's table is, given what it is in that of a tenant."""
    first = grain[:1] if grain[1:2].isupper() else grain[:1].lower()
    return f"{whose}, {first}{grain[1:]}" if grain else ""


def _describe_difference(row: tuple[Any, ...]) -> str:
    model, tenant, currency, figure, theirs, ours = row
    in_currency = f" in {currency}" if currency else ""
    return (
        f"{model} of {tenant}{in_currency}: {figure} is {theirs:,f} in its file and {ours:,f} in "
        "the group"
    )
