"""What stands in a cell of a workbook?"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from openpyxl.utils import get_column_letter
from openpyxl.worksheet._reader import FORMULA_TAG

Cell = dict[str, Any]  # openpyxl's: row, column, data_type, value

DIGITS = 15  # that Excel shows of a number
_FORMULA = "f"


class NoValue(ValueError):
    """A cell has an error or an unreckoned formula in it; says where, and what to do."""

    def __init__(self, cell: Cell, what: str, remedy: str) -> None:
        self.what = f"the cell {get_column_letter(cell['column'])}{cell['row']} {what}"
        self.remedy = remedy
        super().__init__(self.what)


def read(parser: Any, element: Any) -> Cell:
    """Read a cell with a parser of openpyxl; a formula without a value is told as one."""
    cell: Cell = parser.parse_cell(element)
    is_empty_text = element.get("t") == "str"
    if cell["value"] is None and not is_empty_text and element.find(FORMULA_TAG) is not None:
        return {**cell, "value": "=", "data_type": _FORMULA}
    return cell


def value(cell: Cell) -> Any:
    """Give what a person sees in a cell, exactly. Raises NoValue."""
    found = cell["value"]
    if cell["data_type"] == _FORMULA:
        raise NoValue(
            cell, "has a formula that was never reckoned", "Open it in Excel and save it."
        )
    if cell["data_type"] == "e":
        raise NoValue(cell, f"has an error in it ({found})", "Mend its formula, or empty the cell.")
    if isinstance(found, str):
        return found.strip() or None
    if isinstance(found, float):
        return _number(found)
    if isinstance(found, datetime):
        return _moment(found)
    return str(found) if isinstance(found, (time, timedelta)) else found


def _number(found: float) -> int | Decimal:
    shown = Decimal(format(found, f".{DIGITS}g"))
    return int(shown) if shown == shown.to_integral_value() else shown


def _moment(found: datetime) -> date:
    return found.date() if found.time() == time() else found
