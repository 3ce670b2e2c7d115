"""Exceptions; each message is shown to the user as it is."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """End a sentence about an unknown word: with the nearest known one, or with all of them.

    Where there are too many to list, `otherwise` ends it.
    """
    names = list(known)
    if close := difflib.get_close_matches(word, names, 1, 0.52):
        return f"; did you mean {close[0]}?"
    if otherwise:
        return f"; {otherwise}"
    return f"; known are {', '.join(names)}." if names else "; none is set."


_KEPT = "What was published stands; pages already read are kept and the next run goes on from them."


class P4BooksError(Exception):
    """Base of all errors that p4books raises on purpose; `str()` is the whole sentence."""

    exit_code = 1


class SettingsError(P4BooksError):
    """A setting is missing, unknown or wrong."""

    exit_code = 2


class UsageError(P4BooksError):
    """The words of a command are wrong."""

    exit_code = 2


class AlreadyRunning(P4BooksError):
    """Another run of this tenant is going on."""

    exit_code = 75

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"Another run for tenant {tenant} is going on; this one touched nothing. "
            "It ends by itself; try again then."
        )


class ApiError(P4BooksError):
    """P4 Books could not be read; the last complete copy stands."""


class KeyRefused(ApiError):
    """The key is wrong (401)."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"P4 Books did not accept the API key of tenant {tenant} (401). What is held stands "
            "untouched. Make a new key (Settings > API > Generate API Key) and put it into "
            "SOURCES__P4BOOKS__API_KEY."
        )


class ReadCancelled(ApiError):
    """The reading was given up because of what befell another list; never shown by itself."""

    def __init__(self) -> None:
        super().__init__("The reading was given up. What came is kept; run again.")


class RightMissing(ApiError):
    """The key may not read one endpoint (403)."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint}: the API key has no right to read this list (403); the other lists go on. "
            f"Give the key that right, or leave {endpoint} out of the setting `endpoints`."
        )


class NotFound(ApiError):
    """An address does not exist (404)."""

    def __init__(self, endpoint: str, address: str) -> None:
        super().__init__(
            f"{endpoint}: there is nothing at {address} (404). Nothing was changed. "
            "Check the settings `tenant` and `base_url`."
        )


class Unreachable(ApiError):
    """No connection: name, network or certificate."""

    def __init__(self, endpoint: str, host: str, why: str) -> None:
        super().__init__(
            f"{endpoint}: {host} could not be reached ({why}). What is held of it stands. "
            "Check the setting `tenant` and the network, then run again."
        )


class BadAnswer(ApiError):
    """An answer that is not a list's page: HTML, `data: null`, a wrong echo, a cut body."""

    def __init__(self, endpoint: str, page: int, what: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books answered page {page} with {what}. What is held of it stands. "
            "Run again; if it stays so, see `p4books check`."
        )


class Refused(ApiError):
    """The request was answered with a status that repeating does not mend."""

    def __init__(self, endpoint: str, page: int, status: int) -> None:
        now = "See `p4books check`."
        if status in {400, 406, 422}:  # the request is wrong, and all that we choose is in it
            now = "Lower the setting `page_size`, or let `p4books check --deep` find out more."
        super().__init__(
            f"{endpoint}: P4 Books refused page {page} with status {status}. What is held of it "
            f"stands. {now}"
        )


class Redirected(ApiError):
    """The server points to another host; the key does not go there."""

    def __init__(self, host: str, target: str) -> None:
        super().__init__(
            f"{host} sends us on to {target}; the API key was not sent there and "
            "nothing was changed. If that address is right, put it into the setting `base_url`."
        )


class Incomplete(ApiError):
    """A list announced more rows than it gave."""

    def __init__(self, endpoint: str, announced: int, given: int, *, held: bool) -> None:
        kept = (
            "What came was loaded and nothing was closed"
            if held
            else "Nothing was loaded for it: a first copy must be whole"
        )
        super().__init__(
            f"{endpoint}: P4 Books announced {announced:,} rows and gave {given:,}. {kept}. "
            "Run again; if it stays so, see `p4books check`."
        )


class TooManyGone(ApiError):
    """More rows would be closed than the guard lets pass."""

    def __init__(self, endpoint: str, gone: int, held: int) -> None:
        super().__init__(
            f"{endpoint}: P4 Books no longer shows {gone:,} of {held:,} rows, more than "
            "`max_gone_share` lets pass. A filter that hides rows (inactive, void) looks just like "
            "this, and so does a right taken from the key. Not one was closed, the rest was done. "
            f"If they are really gone: `p4books sync --allow-gone {endpoint}`."
        )


class PageIgnored(ApiError):
    """The server answers the same rows whatever page is asked for."""

    def __init__(self, endpoint: str, parameter: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books gives the same rows for every page, as if it ignored the "
            f"parameter `{parameter}`. Nothing was changed for it. Set `page_param` to the name "
            "this tenant uses."
        )


class LoadMismatch(P4BooksError):
    """What arrived in the warehouse is not what was sent."""

    def __init__(self, table: str, sent: int, found: int) -> None:
        super().__init__(
            f"{table}: {sent:,} versions were sent to the warehouse and {found:,} arrived. "
            "The load was thrown away; the last whole copy stands. Run again."
        )


class WarehouseDamaged(P4BooksError):
    """The private warehouse cannot be opened."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The warehouse {path} cannot be read ({why}). Nothing was changed. "
            f"Put one of the earlier generations in {path.parent / 'generations'} in its place."
        )


class WarehouseOpen(P4BooksError):
    """Another program has the private warehouse open for writing."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The warehouse {path} is open in another program. Nothing was changed. Close it "
            "there, and open the published file instead; then run again."
        )


class WarehouseTooNew(P4BooksError):
    """The warehouse was made by a newer p4books."""

    def __init__(self, path: Path, theirs: object, ours: object) -> None:
        super().__init__(
            f"The warehouse {path} was made by a newer p4books (format {theirs}, this one knows "
            f"{ours}). Nothing was changed. Install the newer version."
        )


class DiskTrouble(P4BooksError):
    """A folder cannot be written, or the disk is full."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(f"{path} cannot be written ({why}). {_KEPT}")


class OutOfMemory(P4BooksError):
    """A database needs more memory than it may take."""

    def __init__(self, why: str) -> None:
        super().__init__(f"DuckDB ran out of memory, or of room on the disk ({why}). {_KEPT}")


class LoadFailed(P4BooksError):
    """dlt or DuckDB could not load."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The load did not succeed ({why}) and was thrown away; the last whole copy stands. "
            "Run again."
        )


class BrokenSql(P4BooksError):
    """A file under sql/ cannot be used; `where` is the file, the line and the reason."""

    def __init__(self, file: Path, line: int, why: str) -> None:
        end = "" if why.endswith("?") else "."
        self.where = f"{file}, line {line}: {why.rstrip('.')}{end}"
        super().__init__(
            f"{self.where} The last published file is unchanged. "
            "Fix the file and run `p4books report`."
        )


class BrokenSeed(BrokenSql):
    """A file under sql/seeds/ is invalid."""


class QueryFailed(P4BooksError):
    """A query failed or names an unknown model."""

    exit_code = 2


class NotPublished(P4BooksError):
    """The published file does not exist yet."""

    def __init__(self, path: Path, remedy: str = "p4books sync") -> None:
        super().__init__(f"{path} does not exist yet. Run `{remedy}` first.")


class CheckFailed(P4BooksError):
    """A check of sql/checks returned rows; `finding` is the claim and how many contradict it."""

    def __init__(self, claim: str, rows: int, shown: Sequence[str]) -> None:
        listed = "".join(f"\n- {row}" for row in shown)
        more = f"\n- and {rows - len(shown):,} more" if rows > len(shown) else ""
        count = "1 row contradicts it" if rows == 1 else f"{rows:,} rows contradict it"
        self.finding = f"{claim}: {count}"
        super().__init__(
            f"The check `{claim}` failed: {count}. Nothing was published; the last published file "
            f"is unchanged.{listed}{more}\nThe figures would not agree with the rows: report this "
            "with the rows above, or fix the SQL, and run `p4books report`."
        )


class NoPicture(P4BooksError):
    """The books cannot be shown as of a day: before the history, or not over yet."""

    exit_code = 2


class NotWritten(P4BooksError):
    """An output file cannot be written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be written ({why}). An existing file is unchanged. Free some space, or "
            "choose another path."
        )


def locate_sql_error(file: Path, error: Exception, above: int = 0) -> BrokenSql:
    """Turn DuckDB's error into one of a file; `above` is how many lines were sent before it."""
    message = str(error)
    location = re.search(r"^LINE (\d+):", message, re.MULTILINE)
    line = int(location.group(1)) - above if location else 1
    return BrokenSql(file, max(line, 1), message.splitlines()[0])


def describe_left_out(error: BrokenSql) -> str:
    """Say that a custom report was left out, and why."""
    return (
        f"{error.where} This report was left out; everything else is published. "
        "Fix the file and run `p4books report`."
    )
