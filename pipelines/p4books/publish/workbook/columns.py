"""Order of the columns on a sheet: what a person looks for first, ids last.

A person finds a row by its rank, day, document number, RUC and name. The ids beside them are for
programs: they are hidden, in a group that one click opens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from p4books.publish.query import CatalogColumn

_DOCUMENTS = ("document", "invoice", "sales_order", "purchase_order")
_NAMING = ("_code", "_name")  # ends of the names of columns by which a person knows a record
_TAX_ID = "tax_id"
_INTERNAL = {"extra", "row_hash"}


@dataclass(frozen=True)
class ColumnOrder:
    """Positions of a model's columns in the order of the sheet.

    The first `leading` are those by which a person finds a row, up to the first name or number of
    a record `naming`; the last `hidden` are for programs.
    """

    positions: tuple[int, ...]
    leading: int
    naming: int
    hidden: int


def arrange_columns(columns: Sequence[CatalogColumn], period: str = "") -> ColumnOrder:
    """Arrange the columns of a model; `period` is the one that its header `-- period:` names."""
    names = [column.name for column in columns]
    hidden = [at for at, column in enumerate(columns) if _is_internal(column, names)]
    leading = _find_leading(names, period)
    rest = [at for at in range(len(names)) if at not in {*leading, *hidden}]
    if not rest and not leading:  # a model with nothing but ids
        rest, hidden = hidden, []
    named = [place for place, at in enumerate(leading, 1) if names[at].endswith("_name")]
    naming = named[0] if named else len(leading)
    return ColumnOrder((*leading, *rest, *hidden), len(leading), naming, len(hidden))


def _find_leading(names: Sequence[str], period: str) -> list[int]:
    day = period if period in names else "document_on"
    numbers = [f"{document}_code" for document in _DOCUMENTS]
    first = [name for name in ("tenant", "rank", day, "document_type", *numbers) if name in names]
    parties = [name for name in names if name.endswith(_NAMING) and _is_party(name, first)]
    if _TAX_ID in names:
        before = [at for at, name in enumerate(parties) if name.endswith("_name")]
        parties.insert(before[0] if before else len(parties), _TAX_ID)
    return [names.index(name) for name in [*first, *parties]]


def _is_party(name: str, first: Sequence[str]) -> bool:
    return name not in first and name.rpartition("_")[0] in {
        *("customer", "vendor", "product", "party")
    }


def _is_internal(column: CatalogColumn, names: Sequence[str]) -> bool:
    """Return whether a column is an id beside a name of the same record, or for programs only."""
    if column.name in _INTERNAL or column.name.endswith("_hash"):
        return True
    record = column.name.removesuffix("_id")
    if column.name in {record, _TAX_ID} or column.type != "VARCHAR":
        return False
    is_named = any(f"{record}{end}" in names for end in _NAMING)
    is_named_itself = record in _DOCUMENTS and any(name.endswith("_code") for name in names)
    return is_named or is_named_itself
