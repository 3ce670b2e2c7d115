"""What is one row of what a user wants pushed?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A row of a file, or of a query's answer, as it is written there.

    `number` is where a person finds it: the line of a CSV or ndjson file, the row of a sheet (the
    header is 1), else its place from 1. `values` are by column, in the file's own spelling: text,
    int, Decimal, bool, date, datetime or None, and lists of objects where the file is nested. A
    number with a fraction is a Decimal, never a float.
    """

    number: int
    values: Mapping[str, Any]
