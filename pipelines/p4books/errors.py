"""Exceptions; each message is shown to the user as it is."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from p4books.spelling import split_class_name

MAX_LISTED = 10  # names that are listed although a similar one was found


class P4BooksError(Exception):
    """Base of all errors that p4books raises on purpose; `str()` is the complete message.

    One that `is_transient` may be over soon, without anybody doing anything about it.
    """

    exit_code = 1
    is_transient = False


class StopRequested(KeyboardInterrupt):
    """A person or the system stopped the command; `str()` is the complete message."""


class SettingsError(P4BooksError):
    """A setting is missing, unknown or invalid."""

    exit_code = 2


class UsageError(P4BooksError):
    """The arguments of a command are wrong."""

    exit_code = 2


class BadCertificateFile(SettingsError):
    """An environment variable names a file of certificates that cannot be used."""

    def __init__(self, variable: str, path: str, what: str) -> None:
        super().__init__(
            f"The environment variable {variable} names the file {path}, which {what}. Nothing was "
            f"requested and nothing was changed. Correct the path, or unset {variable}."
        )


class BadProxy(SettingsError):
    """An environment variable names a proxy that cannot be used; its value may have a password."""

    def __init__(self, variable: str, what: str) -> None:
        super().__init__(
            f"The environment variable {variable} {what}. Nothing was requested and nothing was "
            "changed. Set it to http://HOST:PORT, or name this host in NO_PROXY."
        )


class AlreadyRunning(P4BooksError):
    """Another run of this tenant is in progress."""

    exit_code = 75

    def __init__(self, tenant: str, holder: str = "") -> None:
        where = f" on {holder}" if holder else ""
        super().__init__(
            f"Another run of tenant {tenant} is in progress{where}; this one requested and changed "
            "nothing. Try again when it has finished; a schedule does so by itself."
        )


class ApiError(P4BooksError):
    """P4 Books could not be read; any earlier copy is unchanged."""


class KeyRefused(ApiError):
    """The key is wrong (401)."""

    def __init__(self, tenant: str, place: str = "") -> None:
        super().__init__(
            f"P4 Books rejected the API key of tenant {tenant} (401). Any earlier copy is "
            "unchanged. Create a new key (Settings > API > Generate API Key) and set it as "
            f"{place or 'SOURCES__P4BOOKS__API_KEY'}."
        )


class Abandoned(ApiError):
    """A list was not read to its end because another one failed; never shown by itself."""

    def __init__(self) -> None:
        super().__init__(
            "Reading was cancelled. Pages already fetched are kept; run again to continue."
        )


class RightMissing(ApiError):
    """The key may not read one endpoint (403)."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint}: the API key is not allowed to read this list (403). Any earlier copy "
            "of it is unchanged, and the other lists are read. Grant the key that permission, or "
            f"leave {endpoint} out of the setting `endpoints`."
        )


class NotFound(ApiError):
    """An address does not exist (404)."""

    def __init__(self, endpoint: str, address: str) -> None:
        super().__init__(
            f"{endpoint}: {address} does not exist (404). Nothing was changed. "
            "Check the settings `tenant` and `base_url`."
        )


class Unreachable(ApiError):
    """No connection: name, network or certificate."""

    is_transient = True

    def __init__(self, endpoint: str, host: str, why: str, remedy: str) -> None:
        super().__init__(
            f"{endpoint}: {host} could not be reached ({why}). Any earlier copy is "
            f"unchanged. {remedy} Then run again."
        )


class BadAnswer(ApiError):
    """A response that is not a page of the list: HTML, `data: null`, a wrong echo, a cut body."""

    is_transient = True

    def __init__(self, endpoint: str, page: int, what: str, remedy: str = "") -> None:
        remedy = remedy or "Run again; if it persists, run `p4books check`."
        super().__init__(
            f"{endpoint}: P4 Books answered the request for page {page} with {what}. Any "
            f"earlier copy is unchanged. {remedy}"
        )


class Refused(ApiError):
    """The request was answered with a status that a retry does not change."""

    def __init__(self, endpoint: str, page: int, status: int) -> None:
        self.is_transient = status == 429
        now = "Run `p4books check`."
        if status in {400, 406, 422}:  # the request is wrong, and all that we choose is in it
            now = "Lower the setting `page_size`, or run `p4books check --deep` to find the cause."
        if status == 429:
            now = (
                "It goes on refusing although p4books waits as asked: other programs may use the "
                "same key. Run again later, or lower the setting `requests_per_window`."
            )
        super().__init__(
            f"{endpoint}: P4 Books refused the request for page {page} with status {status}. Any "
            f"earlier copy is unchanged. {now}"
        )


class Redirected(ApiError):
    """The server redirects to another host, to which the key is not sent."""

    def __init__(self, host: str, target: str, remedy: str) -> None:
        super().__init__(
            f"{host} redirects to {target}; the API key was not sent there and nothing was "
            f"changed. {remedy}"
        )


class Incomplete(ApiError):
    """A list announced more rows than it returned."""

    def __init__(
        self, endpoint: str, announced: int, given: int, *, held: bool, doubtful: bool = False
    ) -> None:
        kept = (
            f"Nothing was loaded for {endpoint}, because these may be rows of other books"
            if doubtful
            else "The returned rows were loaded and no row was closed"
            if held
            else f"Nothing was loaded for {endpoint}, because a first copy must be complete"
        )
        super().__init__(
            f"{endpoint}: P4 Books announced {count_of(announced, 'row')} but returned {given:,}. "
            f"{kept}. Run again; if it persists with the same numbers, its total may count rows "
            f"that are not listed: run `p4books check --deep`, and name {endpoint} in the setting "
            "`ignore_totals` to do without it."
        )


class TooManyGone(ApiError):
    """More rows would be closed than the deletion guard allows."""

    def __init__(self, endpoint: str, gone: int, held: int) -> None:
        self.endpoint = endpoint
        self.count = f"{gone:,} of {count_of(held, 'row')}"
        super().__init__(describe_gone({endpoint: self.count}))


class RowsReplaced(ApiError):
    """More rows are gone than the deletion guard allows, and most of those returned are new."""

    def __init__(self, endpoint: str, gone: int, held: int, new: int) -> None:
        super().__init__(
            f"{endpoint}: P4 Books no longer returns {gone:,} of {count_of(held, 'row')}, more "
            f"than `max_gone_share` allows, but {count_of(new, 'new row')}. The API key of another "
            f"company looks the same. Nothing was loaded for {endpoint}; its last complete copy is "
            "unchanged. If the rows really were deleted, run "
            f"`p4books sync --allow-gone {endpoint}`."
        )


class TooManyChanged(ApiError):
    """More rows have become others than the identity guard allows."""

    def __init__(self, endpoint: str, changed: int, compared: int, fields: Sequence[str]) -> None:
        what = (
            f"{changed:,} of {compared:,} rows that were read again have another "
            f"{', '.join(fields[:-1])} or {fields[-1]}, more than `max_changed_share` allows"
            if compared
            else "none of the rows that P4 Books returned was there before, and another list has "
            "other records too"
        )
        super().__init__(
            f"{endpoint}: {what}. The API key of another company looks the same. Nothing was "
            f"loaded for {endpoint}; its last complete copy is unchanged. If they are records of "
            f"the same company, run `p4books sync --allow-changed {endpoint}`."
        )


class ClockWrong(ApiError):
    """The clock of this machine cannot be right, or was not in an earlier run."""

    def __init__(self, now: str, server: str | None, newest: str) -> None:
        witness = (
            f"that of P4 Books says {server}, and the last times in the warehouse are of {newest}"
            if server
            else f"the warehouse has times up to {newest}: its history lies in the future"
        )
        super().__init__(
            f"The clock of this machine says {now}, but {witness}. Nothing was loaded, because "
            "history would get wrong days; pages already fetched are kept. Set the clock (`date` "
            "shows it) and run again. If it is right, run `p4books sync --trust-clock`: times that "
            "lie in the future are then corrected."
        )


class PageIgnored(ApiError):
    """The server returns the same rows whatever page is requested."""

    def __init__(self, endpoint: str, parameter: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books returns the same rows for every page; it seems to ignore the "
            f"parameter `{parameter}`. Any earlier copy is unchanged. Set `page_param` to "
            "the name that this tenant uses."
        )


class LoadMismatch(P4BooksError):
    """The warehouse did not receive what was sent to it."""

    def __init__(self, table: str, sent: int, found: int) -> None:
        super().__init__(
            f"{table}: {sent:,} versions were sent to the warehouse but {found:,} arrived. The "
            "load was discarded; any earlier copy is unchanged. Run again."
        )


class WarehouseDamaged(P4BooksError):
    """The private warehouse cannot be opened; `way_back` is how to get another one.

    `left` says what is unchanged.
    """

    def __init__(
        self, path: Path, why: str, way_back: str, left: str = "Nothing was changed."
    ) -> None:
        super().__init__(f"The warehouse {path} cannot be read ({why}). {left} {way_back}")


class WarehouseLost(P4BooksError):
    """The private warehouse is missing, but was there; `way_back` is how to get it back."""

    def __init__(self, path: Path, evidence: str, way_back: str) -> None:
        super().__init__(
            f"The warehouse {path} is missing, but {evidence}. Nothing was requested or changed, "
            f"because a new warehouse would begin without this history. {way_back}"
        )


class RestoreInterrupted(P4BooksError):
    """A restore was stopped while it put files in place."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"A restore of tenant {tenant} was stopped before all files were in place. Nothing was "
            "requested or changed. Run `p4books restore` to finish it, then run again."
        )


class NothingToContinue(P4BooksError):
    """There are no files of an earlier run, and the caller wants to continue from one."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no earlier run to continue from: {path} does not exist. Nothing was "
            "requested or made, because a new warehouse would begin without its history. Put the "
            "folder of the files back from a cache or a backup; for a first run, leave out "
            "--existing."
        )


class PublishedHasMore(P4BooksError):
    """The published file has lists whose first copy is not complete yet."""

    def __init__(self, file: Path, lists: Sequence[str]) -> None:
        it = "it" if len(lists) == 1 else "them"
        super().__init__(
            f"{file} is unchanged: it has rows of {' and '.join(lists)}, but the warehouse has no "
            f"complete copy of {it} yet. Run `p4books sync --full`. To publish the other lists "
            f"without {it}, as when P4 Books does not let the key read {it} any more: leave {it} "
            "out of the setting `endpoints`, or delete the file, and run `p4books report`."
        )


class OtherBooks(P4BooksError):
    """What this tenant has belongs to P4 Books at another address.

    `deed` is what happened there before, `left` what was not done now and why.
    """

    exit_code = 2

    def __init__(self, deed: str, now: str, left: str) -> None:
        super().__init__(
            f"{deed}; the settings now point to {now}. {left} For other books, use another tenant "
            "or data_dir; if these are the same books at a new address, use --same-books."
        )


class WarehouseOpen(P4BooksError):
    """Another program has the private warehouse open for writing."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"The warehouse {path} is open in {holder}. Nothing was changed. Close it "
            "there and open the published file instead, then run again."
        )


class WarehouseTooNew(P4BooksError):
    """The warehouse was written by a newer p4books."""

    def __init__(self, path: Path, theirs: object, ours: object) -> None:
        super().__init__(
            f"The warehouse {path} was written by a newer p4books (format {theirs}; this version "
            f"reads up to {ours}). Nothing was changed. Install the newer version."
        )


_UNCHANGED = (
    "Any published file is unchanged, and nothing that was fetched is lost. Fix that, then run "
    "again: the next run continues from here."
)


class DiskTrouble(P4BooksError):
    """A folder cannot be written, or the disk is full."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(f"{path} cannot be written ({why}). {_UNCHANGED}")


class OutOfMemory(P4BooksError):
    """A database needs more memory than it may use."""

    def __init__(self, why: str) -> None:
        super().__init__(f"DuckDB ran out of memory or disk space ({why}). {_UNCHANGED}")


class LoadFailed(P4BooksError):
    """dlt or DuckDB could not load."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The load failed ({why}) and was discarded; any earlier copy is unchanged. Run again."
        )


class BrokenSql(P4BooksError):
    """A file under sql/ cannot be used; `where` is the file, the line and the reason."""

    def __init__(self, file: Path, line: int, why: str) -> None:
        self.file, self.line, self.why = file, line, why
        self.where = f"{file}, line {line}: {end_sentence(why)}"
        super().__init__(
            f"{self.where} Any published file is unchanged. Fix the file and run `p4books report`."
        )


class BrokenSeed(BrokenSql):
    """A CSV file under sql/ is invalid."""


class QueryFailed(P4BooksError):
    """A query failed or names an unknown model."""

    exit_code = 2


class NotPublished(P4BooksError):
    """The published file does not exist yet; `is_new` if nothing was copied for it either."""

    def __init__(self, path: Path, remedy: str = "") -> None:
        self.path, self.is_new = path, not remedy
        remedy = remedy or "p4books sync"
        super().__init__(f"{path} does not exist yet. Run `{remedy}` first.")


class PublishedFileUnreadable(P4BooksError):
    """The published file cannot be opened by readers; `why` continues a sentence about it."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        self.why = why
        super().__init__(f"{path} {why}. {remedy}")


class PublishedFileBlocked(P4BooksError):
    """Something else is where the published file belongs; `why` continues a sentence about it."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(
            f"{path} {why}, so there is no published file to open. The warehouse is not affected. "
            f"{remedy}, then run `p4books report`."
        )


class CheckFailed(P4BooksError):
    """A check of sql/checks returned rows; `finding` is the claim and how many contradict it."""

    def __init__(self, claim: str, rows: int, shown: Sequence[str]) -> None:
        listed = "".join(f"\n- {row}" for row in shown)
        more = f"\n- and {rows - len(shown):,} more" if rows > len(shown) else ""
        count = "1 row contradicts it" if rows == 1 else f"{rows:,} rows contradict it"
        self.claim = claim
        self.finding = f"{claim}: {count}"
        super().__init__(
            f"The check `{claim}` failed: {count}. Nothing was published; any earlier file "
            f"is unchanged.{listed}{more}\nThe figures would not agree with the rows: report this "
            "with the rows above, or fix the SQL, and run `p4books report`."
        )


class NoPicture(P4BooksError):
    """The books cannot be shown as of a day: before the history, or not over yet."""

    exit_code = 2


class LetterMissing(P4BooksError):
    """No font has a letter of a PDF file, so the file was written in another format."""

    def __init__(self, letter: str) -> None:
        super().__init__(
            f"No font on this machine has '{letter}', so this statement is a workbook. Install a "
            "font that has it to get a PDF file."
        )


class NotWritten(P4BooksError):
    """An output file cannot be written."""

    def __init__(self, path: Path, why: str) -> None:
        reason = why.lower()
        if any(word in reason for word in ("space", "full", "quota")):
            remedy = "Free some space, or choose another path."
        elif "no such file" in reason:
            remedy = "Create its folder first, or choose another path."
        elif "permission" in reason or "read-only" in reason:
            remedy = "Get the right to write there, or choose another path."
        else:
            remedy = "Choose another path."
        super().__init__(
            f"{path} cannot be written ({why}). An existing file is unchanged. {remedy}"
        )


class NotDelivered(P4BooksError):
    """Files could not be written where the setting `deliver` wants them.

    `label` names what and where, `why` is the rest of a sentence about it.
    """

    def __init__(self, label: str, why: str) -> None:
        super().__init__(
            f"Delivery of {label} failed: {end_sentence(why)} What was loaded is published, and "
            "each file there is the last one or the new one. The next run delivers again."
        )


class OutputLost(P4BooksError):
    """Standard output cannot be written: its disk is full, say."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The output cannot be written ({why}). What the command was to do besides was done, "
            "and nothing else was changed. Fix that, or write to another file, and run it again "
            "if you need its output."
        )


def describe_unknown(kind: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Say that a name is unknown: "Unknown endpoint 'bill'. Available: customers, invoices."

    A similar name comes first ("Did you mean 'invoices'?"), regardless of case, with spaces or
    hyphens for underscores. `otherwise` is the last sentence if the names are too many to list.
    """
    spellings = {_normalize(each): each for each in known}
    names = list(spellings.values())
    sentences = [f"Unknown {kind} '{name}'."]
    close = difflib.get_close_matches(_normalize(name), spellings, 1, 0.52)
    sentences += [f"Did you mean '{spellings[each]}'?" for each in close]
    if otherwise and not close:
        sentences.append(otherwise)
    if names and not otherwise and (not close or len(names) <= MAX_LISTED):
        sentences.append(f"Available: {', '.join(names)}.")
    return " ".join(sentences)


def _normalize(name: str) -> str:
    return re.sub(r"[\s-]", "_", name.lower())


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun: `1 row`, `1,200 rows`, `2 pushes`."""
    plural = "es" if noun.endswith("sh") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def list_some(names: Sequence[str]) -> str:
    """Return names separated by commas, at most MAX_LISTED of them and how many more there are."""
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return f"{', '.join(names[:MAX_LISTED])}{more}"


def describe_gone(counts: Mapping[str, str]) -> str:
    """Say that too many rows are gone; `counts` says by endpoint how many of how many."""
    shown = ", ".join(f"{count} in {endpoint}" for endpoint, count in counts.items())
    if len(counts) == 1:
        shown = next(iter(counts.values()))
    options = " ".join(f"--allow-gone {endpoint}" for endpoint in counts)
    return (
        f"{', '.join(counts)}: P4 Books no longer returns {shown}, more than `max_gone_share` "
        "allows. A filter that hides rows (inactive, void) or a permission taken from the key "
        "looks the same. No row was closed; all other changes were loaded. If the rows really were "
        f"deleted, run `p4books sync {options}`."
    )


def name_kinds(errors: Iterable[P4BooksError]) -> list[str]:
    """Return the kinds of errors in words, each once."""
    return list(dict.fromkeys(split_class_name(type(error).__name__) for error in errors))


def fold_errors(errors: Iterable[P4BooksError]) -> list[str]:
    """Return the messages of errors, one for those that differ only in endpoint and numbers."""
    groups: dict[tuple[type, str], list[P4BooksError]] = {}
    for error in errors:
        template = "" if isinstance(error, TooManyGone) else _template(str(error))
        groups.setdefault((type(error), template), []).append(error)
    return [_fold_group(group) for group in groups.values()]


def _template(message: str) -> str:
    endpoint, colon, rest = message.partition(": ")
    if not colon or not re.fullmatch("[a-z_]+", endpoint):
        return message
    spellings = endpoint.replace("_", "[-_]?")  # as an address may have it
    return re.sub(r"[\d,]*\d", "#", re.sub(rf"(?i)\b{spellings}\b", "ENDPOINT", rest))


def _fold_group(group: Sequence[P4BooksError]) -> str:
    gone = {error.endpoint: error.count for error in group if isinstance(error, TooManyGone)}
    if gone:
        return describe_gone(gone)
    messages = list(dict.fromkeys(map(str, group)))
    first, *others = [message.partition(": ")[0] for message in messages]
    if not others:
        return messages[0]
    message = re.sub(
        rf"(--allow-\w+) {first}\b",
        lambda match: " ".join(f"{match[1]} {endpoint}" for endpoint in [first, *others]),
        messages[0],
    )
    return f"{message} The same holds for {', '.join(others)}."


def end_sentence(text: str) -> str:
    """Return a text with a full stop at its end, unless it ends with a question mark."""
    return text if text.endswith("?") else f"{text.rstrip('.')}."


def locate_sql_error(file: Path, error: Exception, above: int = 0) -> BrokenSql:
    """Turn DuckDB's error into one of a file; `above` is how many lines were sent before it."""
    text = str(error)
    match = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    line = int(match.group(1)) - above if match else 1
    return BrokenSql(file, max(line, 1), text.splitlines()[0])


def describe_left_out(error: BrokenSql) -> str:
    """Say that a custom report was left out, and why; or a file that only these use."""
    kind = "file" if isinstance(error, BrokenSeed) else "report"
    return (
        f"{error.where} This {kind} was left out; everything else is published. "
        "Fix the file and run `p4books report`."
    )
