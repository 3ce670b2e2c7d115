"""Errors of state off the machine; each message is shown to the user as it is."""

from pathlib import Path

from p4books.errors import P4BooksError, end_sentence
from p4books.settings import Settings

UNTOUCHED = "Nothing was requested or changed."
NOT_PUT = (
    "What was done is saved on this machine, but not put back, and other machines do not have it. "
    "The next run here continues from it, unless another machine runs the tenant before."
)


class LeaseLost(P4BooksError):
    """The lease of a tenant expired, or another machine has it."""

    def __init__(self, tenant: str, why: str, left: str) -> None:
        self.tenant, self.why = tenant, why
        super().__init__(
            f"This machine may not work for tenant {tenant} any more: {end_sentence(why)} {left} "
            "Run again."
        )


class StateNotPut(P4BooksError):
    """A run was done, but its state could not be put back; the message is that of the cause."""

    def __init__(self, cause: P4BooksError) -> None:
        super().__init__(str(cause))


class StateDamaged(P4BooksError):
    """What the home has of a tenant is not what was put there."""

    def __init__(self, tenant: str, what: str, put: str) -> None:
        super().__init__(
            f"The state of tenant {tenant} cannot be taken from its home: {what} is missing or is "
            f"not as it was put there. It is of {put}. Nothing on this machine was changed. Run "
            f"`p4books home --put` on a machine that has these files, or `p4books restore` to go "
            "back to a backup."
        )


class StateTorn(P4BooksError):
    """Taking the state was interrupted, so that some files are of another state than the others."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"The files of tenant {settings.tenant} in {settings.private} are not whole: taking "
            f"them from its home was interrupted. {UNTOUCHED} With the setting home, run `p4books "
            "home --take`; if the home is lost, remove that setting, and go back to a backup with "
            "`p4books restore`. Then run again."
        )


class StateUnrelated(P4BooksError):
    """This machine has files of a tenant that do not come from its home."""

    def __init__(self, tenant: str, private: Path, put: str) -> None:
        super().__init__(
            f"This machine has files of tenant {tenant} in {private} that do not come from its "
            f"home, which has those of {put}. {UNTOUCHED} To use those of the home, move that "
            "folder away; to replace them by these, run `p4books home --put`. Then run again."
        )


class StateMissing(P4BooksError):
    """The home lacks the state from which this machine's files come, or has an older one."""

    def __init__(self, tenant: str, number: int, found: str) -> None:
        super().__init__(
            f"This machine has state {number} of tenant {tenant}, but its home has {found}: "
            f"Postgres was put back to an earlier time, or is another one. {UNTOUCHED} To continue "
            "from the files of this machine, run `p4books home --put`; to use those of the home, "
            "move them away. Then run again."
        )


class HomeMissing(P4BooksError):
    """The folder with the state of a tenant is not there; its storage may not be mounted."""

    def __init__(self, tenant: str, folder: str, put: str) -> None:
        super().__init__(
            f"The folder {folder} is missing, which has the state of tenant {tenant} of {put}: is "
            f"its storage mounted? {UNTOUCHED} Mount it, and run again. If the files of the home "
            "are lost for good, run `p4books home --put` on a machine that has them, or make that "
            "folder and run `p4books restore`."
        )


class StateTooNew(P4BooksError):
    """The state of a tenant was put by a newer p4books."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"The state of tenant {tenant} was put to its home by a newer p4books. {UNTOUCHED} "
            "Install the newer version on this machine."
        )
