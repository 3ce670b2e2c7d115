"""Exceptions of a push."""

from pathlib import Path

from p4books.errors import P4BooksError, end_sentence

_STAYS = "What was sent stands in the ledger; the rest was not sent."


class BadFile(P4BooksError):
    """A file cannot be read as rows; `what` is no whole sentence yet, `remedy` is one."""

    exit_code = 2

    def __init__(self, file: Path | str, what: str, remedy: str) -> None:
        super().__init__(f"{file}: {end_sentence(what)} Nothing was sent. {remedy}")


class LedgerTrouble(P4BooksError):
    """The ledger cannot be read or written: without it nothing is sent."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The ledger {path} cannot be written ({why}), and nothing is sent without it. What it "
            "holds stands. Make room or mend the folder, then push the same file again."
        )


class NotCreated(P4BooksError):
    """P4 Books lets this key create nothing there."""

    def __init__(self, endpoint: str, status: int, said: str) -> None:
        said = said.rstrip(".")
        why = {
            401: "did not accept the API key",
            403: "gives the API key no right to create",
            404: "has nothing at this address",
            405: "takes no new records at this address",
        }[status]
        super().__init__(
            f"{endpoint}: P4 Books {why} ({status}){f': {said}' if said else ''}. {_STAYS} "
            "Mend that, then push the same file again."
        )


class NotReached(P4BooksError):
    """No connection, so nothing left."""

    def __init__(self, endpoint: str, host: str, why: str) -> None:
        super().__init__(
            f"{endpoint}: {host} could not be reached ({why}). {_STAYS} Push the same file again."
        )


class StillRefusing(P4BooksError):
    """429, again and again."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books answers that the limit is reached (429), however long we wait. "
            f"{_STAYS} Push the same file again later."
        )


class NoAnswers(P4BooksError):
    """Several rows in a row got no answer that says what became of them."""

    def __init__(self, endpoint: str, in_a_row: int, rows: int, last: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books did not say what became of {rows} records, {in_a_row} of them "
            f"one after the other (last: {last}). They are called unknown; the rest was not sent. "
            "Push the same file again when P4 Books is well."
        )


class OwnCodes(P4BooksError):
    """The tenant gives new records codes of its own."""

    def __init__(self, endpoint: str, ours: str, theirs: str | None, id_: str) -> None:
        told = f"the code {theirs}" if theirs else "no code that it tells"
        super().__init__(
            f"{endpoint}: P4 Books gave {ours} {told} (id {id_}): it numbers new records itself, "
            "so one whose answer is lost can't be found again by its code. The rest was not sent. "
            "If that is well with you: push the same file again with --allow-renumbering."
        )


class SentOn(P4BooksError):
    """A redirect: a POST is not sent on."""

    def __init__(self, endpoint: str, status: int, target: str) -> None:
        super().__init__(
            f"{endpoint}: P4 Books sends us on to {target} ({status}), and a new record is not "
            f"sent on. {_STAYS} If that address is right, put it into the setting `base_url`."
        )


class BadColumns(P4BooksError):
    """The columns of the file are not those of the endpoint."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"The file's columns can't be taken as fields of {endpoint}; nothing was sent. Mend "
            "what is listed, then push it again."
        )


class BadRows(P4BooksError):
    """Records of the file have faults, so none was sent."""

    def __init__(self, bad: int, rows: int) -> None:
        super().__init__(
            f"{bad:,} of {rows:,} records can't be sent as they are; nothing was sent. Mend them, "
            "or send the others with --skip-bad."
        )


class SkippedBad(P4BooksError):
    """Records of the file have faults, and were left out as wished."""

    def __init__(self, bad: int) -> None:
        were = "record was" if bad == 1 else "records were"
        super().__init__(f"{bad:,} {were} left out: not to be sent as they are.")


class OtherBooks(P4BooksError):
    """The ledger is of P4 Books at another address."""

    exit_code = 2

    def __init__(self, tenant: str, before: str, now: str) -> None:
        super().__init__(
            f"What tenant {tenant} pushed went to {before}; the settings lead to {now}. Nothing "
            "was sent: by that ledger records would be left out here, or sent twice. For other "
            "books use another tenant or data_dir; if these are the same, moved, say --same-books."
        )


class KeptOtherwise(P4BooksError):
    """P4 Books shows other values than were sent."""

    def __init__(self, push: int, records: int) -> None:
        super().__init__(
            f"{records:,} of the created records hold something else than was sent; "
            f"`p4books pushes {push}` shows in which fields. Compare them."
        )


class Stopped(KeyboardInterrupt):
    """The user stopped the push."""

    def __init__(self, push: int) -> None:
        super().__init__(
            f"Stopped. `p4books pushes {push}` shows what was sent; push the same file to go on."
        )


class NotAllCreated(P4BooksError):
    """P4 Books refused some records, or did not say what became of them."""

    def __init__(self, push: int, refused: int, unknown: int) -> None:
        told = [f"{refused:,} refused"] * bool(refused) + [f"{unknown:,} unknown"] * bool(unknown)
        super().__init__(
            f"Not all was created: {', '.join(told)}. `p4books pushes {push}` shows which, and why."
        )


class RefusedBefore(P4BooksError):
    """Records of the file were refused by an earlier push, and were not sent again."""

    def __init__(self, refused: int) -> None:
        super().__init__(
            f"{refused:,} refused by an earlier push, and not sent again; --resend-refused does."
        )


class NotSynced(P4BooksError):
    """What was created could not be brought into the warehouse at once."""

    def __init__(self, why: P4BooksError) -> None:
        super().__init__(
            f"What was created is not in the warehouse yet; the next sync brings it. {why}"
        )
