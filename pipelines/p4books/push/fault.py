"""What is wrong with a row?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One value that can't be sent: where it stands, what is wrong with it, what to do.

    `row` is the file's row (Row.number), 0 where the fault is of no row; `column` the file's own
    name of it; `value` as it is written there; `what` and `remedy` are sentences. `record` is the
    row where its record begins, 0 where it is told once for all records that have it.
    """

    row: int
    column: str
    value: str
    what: str
    remedy: str
    record: int = 0
