"""Exceptions of a push; each message is shown to the user as is."""

from pathlib import Path

from p4books.errors import P4BooksError, StopRequested, count_of, end_sentence

_LEDGER_KEPT = "Records already sent are in the ledger; the others were not sent."


class BadFile(P4BooksError):
    """A file cannot be read as rows; `what` is a clause without full stop, `remedy` a sentence."""

    exit_code = 2

    def __init__(self, file: Path | str, what: str, remedy: str) -> None:
        super().__init__(f"{file}: {end_sentence(what)} Nothing was sent. {remedy}")


class BadColumns(P4BooksError):
    """The columns of the file do not match the fields of the endpoint."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"Some columns of the file do not match the fields of {endpoint}; nothing was sent. "
            "Fix the columns listed above, then push the file again."
        )


class BadRows(P4BooksError):
    """Records of the file have faults, so none was sent."""

    def __init__(self, bad: int, rows: int) -> None:
        super().__init__(
            f"{bad:,} of {count_of(rows, 'record')} cannot be sent as written; nothing was "
            "sent. Fix the file, or send the others with --skip-bad."
        )


class SkippedBad(P4BooksError):
    """Records of the file have faults, and were skipped as requested."""

    def __init__(self, bad: int) -> None:
        records = "record" if bad == 1 else "records"
        super().__init__(f"Skipped {bad:,} {records} that cannot be sent as they are.")


class LedgerTrouble(P4BooksError):
    """The ledger cannot be read or written: without it nothing is sent."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"Cannot write the ledger {path} ({why}); nothing is sent without it. Its contents are "
            "unchanged. Free up space or fix the folder, then push the same file again."
        )


class LedgerHasGap(P4BooksError):
    """The ledger is from a backup, and records that it does not know were only looked up."""

    def __init__(self, since: str) -> None:
        super().__init__(
            f"The ledger was restored from a backup of {since}: what was pushed after it is not "
            "recorded. So new records were looked up in P4 Books, and what is not there was not "
            "sent. If nothing was pushed after that backup, or if you have checked that these "
            "records do not exist, push the file again with --ledger-complete."
        )


class OwnCodes(P4BooksError):
    """The tenant assigns its own codes to new records."""

    def __init__(self, endpoint: str, ours: str, theirs: str | None, id_: str) -> None:
        given = (
            f"saved {ours} under the code {theirs}" if theirs else f"saved {ours} without a code"
        )
        super().__init__(
            f"{endpoint}: P4 Books {given} (id {id_}): it assigns its own codes, so a record whose "
            "response is lost cannot be found by its code. The other records were not sent. If "
            "that is acceptable, push the same file again with --allow-renumbering."
        )


class NotReached(P4BooksError):
    """There was no connection, so no request was sent."""

    def __init__(self, endpoint: str, host: str, why: str, remedy: str) -> None:
        super().__init__(
            f"{endpoint}: could not connect to {host} ({why}). {_LEDGER_KEPT} {remedy} "
            "Then push the same file again."
        )


class NotCreated(P4BooksError):
    """P4 Books does not let this key create records at this endpoint."""

    def __init__(self, endpoint: str, status: int, message: str) -> None:
        message = message.rstrip(".")
        why = {
            401: "rejected the API key",
            403: "does not allow this API key to create records",
            404: "has nothing at this address",
            405: "does not accept new records at this address",
        }[status]
        super().__init__(
            f"{endpoint}: P4 Books {why} ({status}){f': {message}' if message else ''}. "
            f"{_LEDGER_KEPT} Fix that, then push the same file again."
        )


class StillRefusing(P4BooksError):
    """Every attempt was answered with 429."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books keeps answering that the rate limit is exceeded (429). "
            f"{_LEDGER_KEPT} Push the same file again later."
        )


class SentOn(P4BooksError):
    """P4 Books redirected a POST, and it was not followed; `remedy` None: it may be created."""

    def __init__(self, endpoint: str, status: int, target: str, remedy: str | None) -> None:
        redirected = f"{endpoint}: P4 Books redirected a new record to {target} ({status})"
        if remedy is None:
            super().__init__(
                f"{redirected}, which it may do after it has created it. The record is marked "
                f"unknown, and is looked up when the file is pushed again. {_LEDGER_KEPT} If every "
                "record is redirected like this, ask P4 Books for the address to create them at, "
                "and set it as `base_url`."
            )
            return
        super().__init__(
            f"{redirected}, where it was not sent; nothing was created. {_LEDGER_KEPT} {remedy} "
            "Then push the same file again."
        )


class NoAnswers(P4BooksError):
    """The outcome of several records in a row is unknown."""

    def __init__(self, endpoint: str, in_a_row: int, records: int, last: str) -> None:
        super().__init__(
            f"{endpoint}: the outcome of {count_of(records, 'record')} is unknown, {in_a_row} of "
            f"them in a row (last: {last}). They are marked unknown; the others were not sent. "
            "Push the same file again once P4 Books is responding normally."
        )


class Stopped(StopRequested):
    """The user stopped the push."""

    def __init__(self, push: int) -> None:
        super().__init__(
            f"Stopped. `p4books pushes {push}` shows what was sent; push the same file again to "
            "continue."
        )


class NotAllCreated(P4BooksError):
    """P4 Books refused some records, or their outcome is unknown."""

    def __init__(self, push: int, refused: int, unknown: int) -> None:
        counts = {"refused": refused, "unknown": unknown}
        parts = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
        super().__init__(
            f"Not all records were created: {parts}. `p4books pushes {push}` shows which, and why."
        )


class RefusedBefore(P4BooksError):
    """Records of the file were refused by an earlier push, and were not sent again."""

    def __init__(self, refused: int) -> None:
        super().__init__(
            f"{refused:,} refused by an earlier push and not sent again; use --resend-refused to "
            "send them."
        )


class KeptOtherwise(P4BooksError):
    """P4 Books stored other values than were sent."""

    def __init__(self, push: int, records: int) -> None:
        super().__init__(
            f"P4 Books stored other values than were sent in {records:,} of the created records; "
            f"`p4books pushes {push}` shows in which fields. Compare them."
        )


class NotSynced(P4BooksError):
    """The created records could not be synced right away."""

    def __init__(self, why: P4BooksError) -> None:
        super().__init__(
            f"The created records are not in the warehouse yet; the next sync adds them. {why}"
        )


class IllegalTransition(P4BooksError):
    """A defect of p4books: a record was about to change to a state that it must not have."""

    def __init__(self, record: int, event: str) -> None:
        super().__init__(
            f"Record {record} of the ledger cannot change its state: {event}. It was left as it "
            "is, and the push stopped; what was sent before is in the ledger. This is a defect of "
            "p4books: please report it. Push the same file again to continue with other records."
        )
