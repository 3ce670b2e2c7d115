"""What new records are checked against: the synced lists and the tax rates."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import duckdb

from p4books.endpoints.definition import Endpoint
from p4books.errors import P4BooksError, describe_unknown
from p4books.load.schema import read_state
from p4books.load.warehouse import check_warehouse
from p4books.storage.database import open_database
from p4books.storage.run_log import RunLog
from p4books.transform.models import SqlSources
from p4books.transform.seeds import load_seeds


def find_held_before(
    warehouse: Path, endpoint: Endpoint, ids: Collection[str], instant: datetime
) -> frozenset[str]:
    """Return which of these ids the warehouse held before an instant, gone ones too.

    Such a record can't be one that was sent at that instant.
    """
    with open_database(warehouse, read_only=True) as con:
        found = con.execute(
            f"select id from raw.{endpoint.name} where id in (select unnest(?::varchar[]))"
            " group by id having min(_dlt_valid_from) <= ?",
            [list(ids), instant],
        ).fetchall()
    return frozenset(id_ for (id_,) in found)


REFERENCES = {"customer_id": "customers", "vendor_id": "vendors", "product_id": "products"}

_ALIKE = 100  # codes on each side of an unknown one, in order, among which one may be meant


class ListNotSynced(P4BooksError):
    """There is no copy of a list that a check needs."""

    def __init__(self, lists: Sequence[str]) -> None:
        super().__init__(
            f"There is no copy of {' and '.join(lists)} yet, so nothing can be checked against "
            "the books. Nothing was sent. Run `p4books sync` first."
        )


class TaxRate(NamedTuple):
    """A rate of tax, 0.07 for 7 %, and the first and the last day for which it is valid."""

    rate: Decimal
    first: date = date.min
    last: date = date.max


@dataclass(frozen=True)
class RecordIndex:
    """The records of one list.

    `codes` are those of the records that are there, each with its id; `doubled` the codes that
    several of them have. `ids` are there, `gone` and `gone_codes` were once.
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    ids: Set[str] = frozenset()
    doubled: Set[str] = frozenset()
    gone: Set[str] = frozenset()
    gone_codes: Set[str] = frozenset()

    def describe_unknown(self, kind: str, code: str) -> str:
        """Say that no record has this code, and suggest the most similar one."""
        place = bisect_left(self._in_order, code)
        near = self._in_order[max(place - _ALIKE, 0) : place + _ALIKE]
        return describe_unknown(kind, code, near, "No other code is similar.")

    def spelt(self, code: str) -> str | None:
        """Return a code that is this one but for case and blanks; None where none is there."""
        return self._folded.get(_fold_case(code))

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {_fold_case(code): code for code in self.codes}

    @cached_property
    def _in_order(self) -> list[str]:
        return sorted(self.codes)


def _fold_case(code: str) -> str:
    return " ".join(normalize("NFKC", code).casefold().split())


@dataclass(frozen=True)
class Lookups:
    """What is held: the list that is pushed to, and by name those that its records refer to.

    `tax_codes` are in upper case, each with how it is written; `rates` are by tax code in upper
    case. `current_to` is when the newest rows of the list were read, None where nobody noted it.
    """

    own: RecordIndex
    lists: Mapping[str, RecordIndex] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, Sequence[TaxRate]] = field(default_factory=dict)
    current_to: datetime | None = None

    @classmethod
    def of(cls, warehouse: Path, endpoint: Endpoint, sources: SqlSources) -> "Lookups":
        """Read from the private warehouse, and from the seeds, what concerns an endpoint.

        Raises NotHeld where a list was never copied, BrokenSeed, and what `tables.doubt` raises.
        """
        needed = [endpoint.name, *_referenced_lists(endpoint)]
        _check_synced(warehouse, needed)
        with open_database(warehouse, read_only=True) as con:
            own, *others = [_load_index(con, name) for name in needed]
            used = _load_used_tax_codes(con)
        seeded = _load_tax_rates(sources)
        rates: dict[str, list[TaxRate]] = {}
        for code, rate, first, last in seeded:
            rates.setdefault(code.upper(), []).append(TaxRate(rate, first, last))
        written = [*(code for code, *_ in seeded), *used]
        fresh = RunLog(warehouse.with_name("runs.sqlite")).load_freshness().get(endpoint.name)
        return cls(
            own=own,
            lists=dict(zip(needed[1:], others, strict=True)),
            tax_codes={code.upper(): code for code in written},
            rates=rates,
            current_to=datetime.fromtimestamp(fresh.current_to, UTC) if fresh else None,
        )

    def rate(self, tax_code: str, day: date) -> Decimal | None:
        """Return the rate that a tax code has on a day; None where none is known."""
        rates = self.rates.get(tax_code.upper(), ())
        return next((each.rate for each in rates if each.first <= day <= each.last), None)


def _referenced_lists(endpoint: Endpoint) -> list[str]:
    """Name the lists that an endpoint's records, or the lines in them, refer to."""
    named = [*endpoint.fields, *(name for fields in endpoint.inner.values() for name in fields)]
    return [REFERENCES[name] for name in named if name in REFERENCES]


def _check_synced(warehouse: Path, needed: Sequence[str]) -> None:
    check_warehouse(warehouse)
    try:
        held = read_state(warehouse).scans
    except duckdb.CatalogException:  # an older p4books made it; a sync makes it ours
        held = {}
    if missing := [name for name in needed if name not in held]:
        raise ListNotSynced(missing)


def _load_index(con: duckdb.DuckDBPyConnection, name: str) -> RecordIndex:
    rows = con.execute(
        f"""
        select id, trim(arg_max_null(code, _dlt_valid_from)), bool_or(_dlt_valid_to is null)
        from raw.{name}
        group by id
        order by id desc
        """
    ).fetchall()
    there = [(id_, code) for id_, code, is_there in rows if is_there]
    gone = [(id_, code) for id_, code, is_there in rows if not is_there]
    return RecordIndex(
        codes={code: id_ for id_, code in there if code},
        ids=frozenset(id_ for id_, _ in there),
        doubled=_find_duplicates(code for _, code in there if code),
        gone=frozenset(id_ for id_, _ in gone),
        gone_codes=frozenset(code for _, code in gone if code),
    )


def _find_duplicates(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code for code, times in Counter(codes).items() if times > 1)


def _load_used_tax_codes(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        """
        select distinct trim(tax_code) from (
            select tax_code from raw.products where _dlt_valid_to is null
            union all
            select tax_code from raw.customers where _dlt_valid_to is null
        )
        where trim(tax_code) <> ''
        """
    ).fetchall()
    return [code for (code,) in rows]


def _load_tax_rates(sources: SqlSources) -> list[tuple[str, Decimal, date, date]]:
    with open_database() as con:
        con.execute("create schema raw")
        load_seeds(con, sources)
        return con.execute(
            """
            select
                trim(tax_code), rate,
                coalesce(valid_from, date '0001-01-01'), coalesce(valid_to, date '9999-12-31')
            from raw.tax_rates
            order by all
            """
        ).fetchall()
