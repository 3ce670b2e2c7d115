"""How are the faults of rows written into a file?"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from p4books import asjson
from p4books.errors import UsageError
from p4books.push.fault import Fault
from p4books.warehouse.whole import whole

COLUMNS = ("row", "column", "value", "what", "remedy")

Kind = Literal["csv", "json"]


def kind(file: Path) -> Kind:
    """Tell by a file's ending as what it is written. Raises UsageError."""
    ending = file.suffix.lower()
    if ending == ".csv":
        return "csv"
    if ending == ".json":
        return "json"
    raise UsageError(f"{file} is neither .csv nor .json. Nothing was done. Name it so.")


def write(file: Path, faults: Sequence[Fault], mode: int = 0o640) -> None:
    """Write faults, whole or not at all; without any the file has none in it.

    Raises UsageError for another ending, and NotWritten with what stood there untouched.
    """
    how = kind(file)
    told = [(each.row, each.column, each.value, each.what, each.remedy) for each in faults]
    with whole(file, mode) as made:
        if how == "json":
            with made.open("wb") as out:
                out.writelines(asjson.rows(COLUMNS, told))
            return
        with made.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(told)
