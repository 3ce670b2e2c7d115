"""Errors of the lake; each message is shown to the user as it is."""

import shlex

from p4books.errors import P4BooksError, SettingsError, end_sentence

LEFT = "The last snapshot of the lake is unchanged; the next run writes what is missing."
LEFT_READING = "Nothing was changed."


class LakeTrouble(P4BooksError):
    """The lake of a tenant cannot be read or written; `left` says what is unchanged."""

    def __init__(self, tenant: str, why: str, left: str, remedy: str = "") -> None:
        what = f"The lake of tenant {tenant} cannot be used: {end_sentence(why)} {left}"
        super().__init__(" ".join(filter(None, (what, remedy))))


class LakeConflict(P4BooksError):
    """Another program wrote into the lake of a tenant at the same time."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"Another program wrote into the lake of tenant {tenant} at the same time, so this "
            f"snapshot was not. {LEFT}"
        )


class LakeUncertain(P4BooksError):
    """Postgres was asked to commit, and did not answer."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"Postgres did not answer whether it committed the last change to the lake of tenant "
            f"{tenant}. Either all of it is there or nothing; the next run finds out."
        )


class LakeLost(P4BooksError):
    """The tenant was taken over by another machine before the snapshot was written."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"Another machine has taken over tenant {tenant}, so this run wrote no snapshot of the "
            "lake. The run there does."
        )


class LakeMoved(P4BooksError):
    """The files of a lake are not where the settings say; `statement` tells the catalog."""

    def __init__(self, tenant: str, known: str, now: str, statement: str) -> None:
        super().__init__(
            f"The files of the lake of tenant {tenant} are in {known}, but the setting lake leads "
            f"to {now}. Nothing was written into it. Set `storage` back; or move the files there, "
            f"and run in the database of the catalog: {statement};"
        )


class LakeOccupied(P4BooksError):
    """The folder or prefix of an empty lake has files, perhaps of the lake of another catalog."""

    exit_code = 2

    def __init__(self, tenant: str, data: str) -> None:
        super().__init__(
            f"The catalog knows no files of the lake of tenant {tenant}, but there are files in "
            f"{data}, which another catalog may need. Nothing was written. Check `catalog`, or set "
            "another `storage`."
        )


class LakeDiffers(P4BooksError):
    """A table of the lake would not have the rows that were published."""

    def __init__(self, table: str, rows: int, found: int) -> None:
        super().__init__(
            f"The lake would have {found:,} rows of {table} instead of {rows:,}. {LEFT} If it "
            "persists, report this."
        )


class LakeMissing(P4BooksError):
    """The lake of a tenant has no snapshot yet, or not the one that was named."""

    exit_code = 2

    def __init__(self, tenant: str, which: str = "yet", member: str | None = None) -> None:
        """`member` is a tenant of a group, which has no snapshots of its own."""
        option = f"--tenant {shlex.quote(member or tenant)}"
        remedy = f"`p4books lake {option}` lists them."
        if which == "yet":
            remedy = f"Run `p4books sync {option}` first."
        super().__init__(f"The lake of tenant {tenant} has no snapshot {which}. {remedy}")


class LakeEmpty(LakeMissing):
    """The snapshot of a lake that was named is the one in which it was created."""

    def __init__(self, tenant: str, which: str) -> None:
        super().__init__(tenant, f"{which} with tables in it")


class LakeForbidden(LakeMissing):
    """The user of the catalog may not read the lake of a tenant; `grants` are what it lacks."""

    def __init__(self, tenant: str, user: str, grants: str) -> None:
        P4BooksError.__init__(
            self,
            f"The user {user} of Postgres may not read the lake of tenant {tenant}. Nothing was "
            f"changed. Its owner grants that with: {grants}",
        )


class NoLake(SettingsError):
    """The settings of a tenant name no lake; `place` says which settings."""

    def __init__(self, tenant: str, place: str) -> None:
        super().__init__(
            f"Tenant {tenant} has no lake. {place} Nothing was done. Set `catalog` and `storage` "
            "under [sources.p4books.lake] in .dlt/config.toml or .dlt/secrets.toml."
        )
