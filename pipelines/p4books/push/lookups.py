"""What new records are validated against: the synced lists and the tax rates."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import duckdb

from p4books.endpoints.definition import Endpoint
from p4books.errors import P4BooksError, describe_unknown
from p4books.load.schema import read_state
from p4books.settings import Settings
from p4books.spelling import canonical_id, fold_name
from p4books.storage.database import open_database
from p4books.storage.run_log import RunLog
from p4books.transform.models import SqlSources
from p4books.transform.seeds import load_seeds

REFERENCES = {"customer_id": "customers", "vendor_id": "vendors", "product_id": "products"}

_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{1,4})?)\s*%?")
_NEIGHBOURS = 100  # codes before and after an unknown one, in order, that may be suggested


class ListNotSynced(P4BooksError):
    """A list that records are validated against was never synced."""

    def __init__(self, lists: Sequence[str]) -> None:
        super().__init__(
            f"{' and '.join(lists)} have not been synced yet, so records cannot be validated "
            "against the books. Nothing was sent. Run `p4books sync` first."
        )


class TaxRate(NamedTuple):
    """A tax rate, 0.07 for 7 %, and the first and the last day on which it is valid."""

    rate: Decimal
    first: date = date.min
    last: date = date.max


@dataclass(frozen=True)
class RecordIndex:
    """The records of one list.

    `codes` are the codes of the existing records, each with its id; `duplicates` the codes that
    several of them have. `ids` are those of existing records, `gone` and `gone_codes` those of
    records that were deleted. `load_names` returns the codes and the names of the existing records;
    it is called once, and only if a reference is unknown.
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    ids: Set[str] = frozenset()
    duplicates: Set[str] = frozenset()
    gone: Set[str] = frozenset()
    gone_codes: Set[str] = frozenset()
    load_names: Callable[[], Iterable[tuple[str, str]]] = field(default=tuple, compare=False)

    def describe_unknown(self, kind: str, code: str) -> str:
        """Say that no record has this code, and suggest the most similar one."""
        place = bisect_left(self._sorted_codes, code)
        near = self._sorted_codes[max(place - _NEIGHBOURS, 0) : place + _NEIGHBOURS]
        return describe_unknown(kind, code, near, "No other code is similar.")

    def list_spellings(self, code: str) -> Sequence[str]:
        """Return the existing codes that are this one: itself, else its other spellings."""
        return [code] if code in self.codes else self._spellings.get(fold_name(code), [])

    @cached_property
    def _spellings(self) -> Mapping[str, Sequence[str]]:
        spellings: dict[str, list[str]] = {}
        for code in sorted(self.codes):
            spellings.setdefault(fold_name(code), []).append(code)
        return spellings

    def list_codes_named(self, name: str) -> Sequence[str]:
        """Return the codes of the existing records that have this name, in any spelling."""
        return self._codes_by_name.get(fold_name(name), [])

    @cached_property
    def _codes_by_name(self) -> Mapping[str, Sequence[str]]:
        codes: dict[str, list[str]] = {}
        for code, name in self.load_names():
            codes.setdefault(fold_name(name), []).append(code)
        return codes

    def is_gone(self, code: str) -> bool:
        """Return whether a deleted record had this code."""
        return code in self.gone_codes or fold_name(code) in self._folded_gone_codes

    @cached_property
    def _folded_gone_codes(self) -> Set[str]:
        return {fold_name(code) for code in self.gone_codes}

    @cached_property
    def _sorted_codes(self) -> list[str]:
        return sorted(self.codes)


@dataclass(frozen=True)
class Lookups:
    """The list that is pushed to, and by name the lists that its records refer to.

    `tax_codes` and `rates` are by tax code, folded as all names are compared; both are empty if
    no field of the records is a tax code. `current_to` is when the newest rows of the list were
    read, None if unknown.
    """

    own: RecordIndex
    lists: Mapping[str, RecordIndex] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, Sequence[TaxRate]] = field(default_factory=dict)
    current_to: datetime | None = None

    @classmethod
    def load(cls, settings: Settings, endpoint: Endpoint, sources: SqlSources) -> "Lookups":
        """Load what concerns an endpoint from the private warehouse and the seeds.

        Raises ListNotSynced if a list was never synced, and BrokenSeed.
        """
        needed = [endpoint.name, *_referenced_lists(endpoint)]
        taxed = any("tax_code" in fields for fields in (endpoint.fields, *endpoint.inner.values()))
        _check_synced(settings.warehouse, needed)
        with open_database(settings.warehouse, read_only=True) as con:
            own, *others = [_load_index(con, name, settings.warehouse) for name in needed]
            used_tax_codes = _load_used_tax_codes(con) if taxed else []
        seeded = _load_tax_rates(sources) if taxed else []
        rates: dict[str, list[TaxRate]] = {}
        for code, rate, first, last in seeded:
            rates.setdefault(fold_name(code), []).append(TaxRate(rate, first, last))
        tax_codes = [*(code for code, *_ in seeded), *used_tax_codes]
        freshness = RunLog(settings.run_log).load_freshness().get(endpoint.name)
        return cls(
            own=own,
            lists=dict(zip(needed[1:], others, strict=True)),
            tax_codes={fold_name(code): code for code in tax_codes},
            rates=rates,
            current_to=datetime.fromtimestamp(freshness.current_to, UTC) if freshness else None,
        )

    def rate(self, tax_code: str, day: date) -> Decimal | None:
        """Return the rate of a tax code on a day; None if unknown."""
        rates = self.rates.get(fold_name(tax_code), ())
        return next((rate for rate, first, last in rates if first <= day <= last), None)

    def list_codes_with_rate(self, percentage: str) -> list[str]:
        """Return the tax codes that have this rate at some time; none if it isn't a percentage."""
        match = _PERCENTAGE.fullmatch(percentage)
        rate = Decimal(match[1].replace(",", ".")) / 100 if match else None
        return [
            self.tax_codes[code]
            for code, rates in self.rates.items()
            if any(each.rate == rate for each in rates)
        ]


def find_held_before(
    warehouse: Path, endpoint: Endpoint, ids: Collection[str], instant: datetime
) -> frozenset[str]:
    """Return which of these ids the warehouse held before an instant, including deleted ones.

    Such a record cannot be one that was sent at that instant.
    """
    with open_database(warehouse, read_only=True) as con:
        rows = con.execute(
            f"select id from raw.{endpoint.name} where id in (select unnest(?::varchar[]))"
            " group by id having min(_dlt_valid_from) <= ?",
            [list(ids), instant],
        ).fetchall()
    return frozenset(id_ for (id_,) in rows)


def _referenced_lists(endpoint: Endpoint) -> list[str]:
    """Name the lists that an endpoint's records, or the items in them, refer to."""
    names = [*endpoint.fields, *(name for fields in endpoint.inner.values() for name in fields)]
    return [REFERENCES[name] for name in names if name in REFERENCES]


def _check_synced(warehouse: Path, needed: Sequence[str]) -> None:
    try:
        scans = read_state(warehouse).scans if warehouse.exists() else {}
    except duckdb.CatalogException:  # made by an older version; the next sync migrates it
        scans = {}
    if missing := [name for name in needed if name not in scans]:
        raise ListNotSynced(missing)


def _load_index(con: duckdb.DuckDBPyConnection, name: str, warehouse: Path) -> RecordIndex:
    rows = con.execute(
        f"""
        select id, trim(arg_max_null(code, _dlt_valid_from)), bool_or(_dlt_valid_to is null)
        from raw.{name}
        group by id
        order by id desc
        """
    ).fetchall()
    existing = [(canonical_id(id_), code) for id_, code, exists in rows if exists]
    gone = [(canonical_id(id_), code) for id_, code, exists in rows if not exists]
    return RecordIndex(
        codes={code: id_ for id_, code in existing if code},
        ids=frozenset(id_ for id_, _ in existing),
        duplicates=_find_duplicates(code for _, code in existing if code),
        gone=frozenset(id_ for id_, _ in gone),
        gone_codes=frozenset(code for _, code in gone if code),
        load_names=partial(_load_names, warehouse, name),
    )


def _load_names(warehouse: Path, name: str) -> list[tuple[str, str]]:
    """Return the codes and names of a list; none while a sync writes, since they only advise."""
    try:
        con = open_database(warehouse, read_only=True)
    except duckdb.IOException:
        return []
    with con:
        return con.execute(
            f"""
            select trim(code), name
            from raw.{name}
            where _dlt_valid_to is null and trim(code) <> '' and trim(name) <> ''
            order by all
            """
        ).fetchall()


def _find_duplicates(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code for code, count in Counter(codes).items() if count > 1)


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
