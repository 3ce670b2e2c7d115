"""Errors of backups; each message is shown to the user as it is."""

from pathlib import Path

from p4books.errors import P4BooksError, UsageError

UNCHANGED = "The files of the tenant and complete backups are unchanged."


class BackupDamaged(P4BooksError):
    """A backup is not as its manifest says; `why` is that as part of a sentence."""

    def __init__(self, name: str, what: str) -> None:
        self.why = what
        super().__init__(
            f"The backup {name} is damaged: {what}. Nothing was changed. `p4books restore` lists "
            "the others."
        )


class BackupTooNew(P4BooksError):
    """A backup was made by a newer p4books; `why` is that as part of a sentence."""

    def __init__(self, name: str, version: str) -> None:
        self.why = f"it was made by p4books {version}, which is newer than this one"
        super().__init__(
            f"The backup {name} was made by p4books {version}, which is newer than this one. "
            "Nothing was changed. Install that version."
        )


class NoUsableBackup(P4BooksError):
    """There are backups of a tenant, of which none can be restored; `name` is the newest."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"No backup can be restored; the newest, {name}, is unusable: {why}. Nothing was "
            "changed. `p4books restore` lists the others, and the generations."
        )


class NothingToBackUp(P4BooksError):
    """A tenant has no warehouse yet."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"There is nothing to back up: tenant {tenant} has no warehouse yet. "
            f"Run `p4books sync --tenant {tenant}` first."
        )


class LogDamaged(P4BooksError):
    """The log of runs or the ledger cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be read ({why}). No backup was made; earlier ones are unchanged. "
            "`p4books restore` puts an earlier one in its place."
        )


class BooksKeepChanging(P4BooksError):
    """No instant was found at which the warehouse and the log of runs fit each other."""

    def __init__(self) -> None:
        super().__init__(
            "The warehouse was replaced each time it was copied. No backup was made; earlier ones "
            "are unchanged. Run it again."
        )


class OtherTenantsBackup(UsageError):
    """A backup belongs to another tenant, or to books at another address."""

    def __init__(self, name: str, theirs: str, ours: str, remedy: str) -> None:
        super().__init__(
            f"The backup {name} is of {theirs}; the settings are those of {ours}. Nothing was "
            f"changed. {remedy}"
        )


class PlaceMissing(UsageError):
    """The folder that should have backups does not exist."""

    def __init__(self, place: str) -> None:
        super().__init__(f"There is no folder {place}, so it has no backups. Nothing was changed.")


class UnknownBackup(UsageError):
    """There is no backup or generation of a name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no backup and no generation {name}. Nothing was changed. "
            "`p4books restore` lists them; --from FOLDER or URL says where backups are."
        )
