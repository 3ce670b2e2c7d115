"""What may go wrong with what is made of the rows?"""

import re
from collections.abc import Sequence
from pathlib import Path

from p4books.errors import P4BooksError


class BrokenSql(P4BooksError):
    """A file under sql/ cannot be built."""

    def __init__(self, file: Path, line: int, why: str) -> None:
        end = "" if why.endswith("?") else "."
        self.where = f"{file}, line {line}: {why.rstrip('.')}{end}"
        super().__init__(
            f"{self.where} The last published file stays. Mend the file and run `p4books report`."
        )


class BrokenSeed(BrokenSql):
    """A file under sql/seeds/ cannot be taken."""


class QueryFailed(P4BooksError):
    """A query cannot be answered."""

    exit_code = 2


class NotPublished(P4BooksError):
    """There is no published file yet."""

    def __init__(self, path: Path, remedy: str = "p4books sync") -> None:
        super().__init__(f"{path} does not exist yet. Run `{remedy}` first.")


class CheckFailed(P4BooksError):
    """A check of sql/checks found rows that contradict it."""

    def __init__(self, claim: str, rows: int, shown: Sequence[str]) -> None:
        listed = "".join(f"\n- {row}" for row in shown)
        more = f"\n- and {rows - len(shown):,} more" if rows > len(shown) else ""
        found = "1 row that contradicts it" if rows == 1 else f"{rows:,} rows that contradict it"
        self.found = f"{claim}: {found}"
        super().__init__(
            f"The check `{claim}` found {found}, so nothing was "
            f"published; the last published file stays.{listed}{more}\nThe figures would not "
            "agree with the rows: report it with these rows, or mend the SQL, and run "
            "`p4books report`."
        )


class NoPicture(P4BooksError):
    """The books can't be shown as of a day: before the history, or not over yet."""

    exit_code = 2


class NotWritten(P4BooksError):
    """A file that was asked for cannot be written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be written ({why}). What stood there is untouched. Make room, or "
            "choose another place."
        )


def broken_sql(file: Path, error: Exception, above: int = 0) -> BrokenSql:
    """Say where in a file DuckDB found a fault; `above` is how many lines of ours it read first."""
    told = str(error)
    place = re.search(r"^LINE (\d+):", told, re.MULTILINE)
    line = int(place.group(1)) - above if place else 1
    return BrokenSql(file, max(line, 1), told.splitlines()[0])


def left_out(fault: BrokenSql) -> str:
    """Say that a report of the user's own was left out, and why."""
    return (
        f"{fault.where} This report was left out, all else is published. Mend the file and run "
        "`p4books report`."
    )
