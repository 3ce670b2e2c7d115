"""What are the columns of a file called?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p4books.push.errors import BadFile
from p4books.push.row import Row


@dataclass(frozen=True)
class Header:
    """The names over the columns of a file, '' where there is none.

    `unit` is what its rows are counted in: line, or row.
    """

    file: Path | str
    names: tuple[str, ...]
    unit: str

    def row(self, number: int, values: Sequence[Any]) -> Row | None:
        """Put a row's values below their names; None where all are empty.

        Raises BadFile where a value has no name.
        """
        if all(value is None for value in values):
            return None
        for place in range(len(values)):
            if values[place] is not None and not (place < len(self.names) and self.names[place]):
                raise self._nameless(number, place, values[place])
        short = len(self.names) - len(values)
        padded = [*values, *[None] * short] if short > 0 else values
        return Row(number, {n: v for n, v in zip(self.names, padded, strict=False) if n})

    def _nameless(self, number: int, place: int, value: Any) -> BadFile:
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 - only this fault needs it

        return BadFile(
            self.file,
            f"column {place + 1} ({get_column_letter(place + 1)}) has no name in the header, and "
            f"{self.unit} {number} has {str(value)[:40]!r} in it",
            "Put a name over each column, in one row that is the first; or empty the column.",
        )


def header(file: Path | str, written: Sequence[Any], unit: str) -> Header:
    """Read the names of the columns, trimmed. Raises BadFile where two are the same, or none is."""
    names = tuple("" if name is None else str(name).strip() for name in written)
    if not any(names):
        raise BadFile(
            file, "it has no header", "Write the names of the columns into the first row."
        )
    for name in names:
        if name and names.count(name) > 1:
            raise BadFile(
                file, f"two columns are called {name}", "Rename one of them, or take it out."
            )
    return Header(file, names, unit)
