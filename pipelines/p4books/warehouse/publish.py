"""What do readers open?

One file per tenant with every model as a table, made beside the last one, checked, and renamed over
it: who has the old one open goes on reading it, who opens it next gets the new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from p4books import swap
from p4books.database import MEMORY, STORAGE, connect, name, text
from p4books.errors import DiskTrouble, OutOfMemory
from p4books.warehouse import checks, making
from p4books.warehouse.model import Model
from p4books.warehouse.models import Found

About = Mapping[str, str | datetime]


@dataclass(frozen=True)
class Place:
    """Where a file is published, with which mode, and the folder in which it is made."""

    scratch: Path
    published: Path
    mode: int


def publish(  # noqa: PLR0913
    warehouse: Path,
    found: Found,
    place: Place,
    about: About,
    claims: Sequence[Path] = (),
    memory: str = MEMORY[0],
) -> Found:
    """Make the models as tables in a new published file, check them, and put it in place.

    The models are computed anew, each from the tables made before it. Returns those that were made;
    one of the user's own that can't be made is left out. `about` goes into the one row of the table
    `about`; `claims` are the files of checks. Raises BrokenSql where a model can't be computed,
    CheckFailed, OutOfMemory and DiskTrouble; the last published file then stays.
    """
    made = place.scratch / "published.duckdb"
    made.unlink(missing_ok=True)
    try:
        with connect(spill=place.scratch, memory=memory) as con:
            con.execute("set preserve_insertion_order = false")  # a table has no order anyway
            con.execute(f"attach {text(str(warehouse))} as warehouse (read_only)")
            con.execute(f"attach {text(str(made))} as made (storage_version '{STORAGE}')")
            con.execute("set checkpoint_threshold = '1GB'")
            ours = making.make(con, found.models)
            con.execute("use made")
            checks.run(con, ours, claims)
            published = making.add_custom(con, found, is_last_try=memory == MEMORY[-1])
            published = making.drop_unpublished(con, published)
            _describe(con, published.models, about)
            con.execute("use memory")
            con.execute("checkpoint made")
            con.execute("detach made")
        swap.into_place(made, place.published, place.mode)
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except (OSError, duckdb.IOException) as error:
        raise DiskTrouble(place.published, str(error).splitlines()[0]) from None
    return published


def made_of(published: Path) -> tuple[str | None, datetime | None]:
    """Read of what a published file was made, and when; None where there is none we can read."""
    if not published.exists():
        return None, None
    try:
        with connect(published, read_only=True) as con:
            row = con.execute("select made_of, published_at from about").fetchone()
    except duckdb.Error:
        return None, None
    return row or (None, None)


def _describe(con: duckdb.DuckDBPyConnection, models: Sequence[Model], about: About) -> None:
    """Write the tables `about` and `catalogue`."""
    con.execute(
        """
        create table made.catalogue (
            layer varchar, model varchar, grain varchar, key varchar, sorted_by varchar,
            question varchar, query varchar, reads varchar, rows bigint
        )
        """
    )
    con.execute("comment on table made.catalogue is 'One row per model in this file.'")
    total = 0
    for model in sorted(models, key=lambda each: each.full):
        counted = con.execute(
            f"select count(*) from made.{model.layer}.{name(model.name)}"
        ).fetchone()
        rows = counted[0] if counted else 0
        total += rows
        told = (model.grain, ", ".join(model.key), model.sorted_by, model.question, model.query)
        con.execute(
            "insert into made.catalogue values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [model.layer, model.name, *told, ", ".join(sorted(model.reads)), rows],
        )
    marks = ", ".join(f"? as {key}" for key in [*about, "models", "rows"])
    values = [*about.values(), len(models), total]
    con.execute(f"create table made.about as select {marks}", values)
    con.execute("comment on table made.about is 'One row: what this file is and when it was made.'")
