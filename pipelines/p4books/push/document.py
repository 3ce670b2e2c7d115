"""What do the rows of one record say together?"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from p4books.push.fault import Fault
from p4books.push.row import Row
from p4books.push.values import Value, shown


class Cell(NamedTuple):
    """A value and where it stands; None is one that was told as a fault."""

    row: int
    column: str
    value: Value | None


Cells = dict[str, Cell]  # by field; what is empty is not in it


@dataclass
class Document:
    """One record with the items of its lists, as its rows say them.

    `names` are the columns of its fields, by the list in which a field is (None: in none) and by
    field. `told` are faults of the whole file that its rows show first. `is_blocked` where a value
    of it stands where nobody knows a field: it can't be sent, and the fault was told already.
    `is_nested` where a list of it stands in one value, not in rows. `last` is what its last row
    said, where it has several.
    """

    rows: list[Row]
    header: Cells = field(default_factory=dict)
    items: dict[str, list[Cells]] = field(default_factory=dict)
    names: dict[tuple[str | None, str], str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    told: list[Fault] = field(default_factory=list)
    is_blocked: bool = False
    is_nested: bool = False
    last: "Document | None" = None

    @property
    def row(self) -> int:
        """Where it begins."""
        return self.rows[0].number

    @property
    def code(self) -> str | None:
        """Its code; None where it has none that can be sent."""
        cell = self.header.get("code")
        return str(cell.value) if cell and cell.value is not None else None

    def goes_on_in(self, other: "Document") -> bool:
        """Tell whether another's rows are more of this one: items under the same code.

        Where a code is missing nobody knows whose items they are, so that both are one, and bad.
        """
        if self.is_nested or other.is_nested or not other.items:
            return False
        before = (self.last or self).code
        if before is None or other.code is None:
            return bool(self.items)
        return before == other.code

    def take(self, other: "Document") -> None:
        """Add rows that are more of this one; what they say of the record must be the same."""
        self.faults += other.faults
        self.told += other.told
        self.is_blocked |= other.is_blocked
        if self.code is not None and other.code is None:
            self.faults.append(_nameless(other.row, self.header["code"].column))
        for name, cell in other.header.items():
            self._compare(name, cell, self.header.get(name))
        for inner, items in other.items.items():
            self.items.setdefault(inner, []).extend(items)
        self.rows += other.rows
        self.last = other

    def _compare(self, name: str, cell: Cell, before: Cell | None) -> None:
        if before and (cell.value is None or before.value in {None, cell.value}):
            return
        first = f"{name} is {shown(before.value)} there" if before else f"{name} is empty there"
        self.faults.append(
            Fault(
                cell.row,
                cell.column,
                shown(cell.value),
                f"The record {shown(self.code)} begins in row {self.row}, and {first}.",
                "Write the same in every row of a record, or only in its first.",
            )
        )

    def sorted_faults(self) -> list[Fault]:
        """Return its faults in the order of its rows, and of the columns in each."""
        places = {
            (row.number, column): place
            for row in self.rows
            for place, column in enumerate(row.values)
        }

        def place(fault: Fault) -> tuple[int, int]:
            whole, inner = (fault.row, fault.column), (fault.row, fault.column.partition("[")[0])
            return fault.row, places.get(whole, places.get(inner, len(places)))

        return [replace(fault, record=self.row) for fault in sorted(self.faults, key=place)]


def _nameless(row: int, column: str) -> Fault:
    what = "Whose row it is can't be told, and the record before it may lack it."
    return Fault(row, column, "", what, "Write the record's code in each of its rows.")
