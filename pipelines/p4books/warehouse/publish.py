"""What do readers open?

One file per tenant with every model as a table, made beside the last one and renamed over it:
who has the old one open goes on reading it, who opens it next gets the new one.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import duckdb

from p4books import swap
from p4books.database import MEMORY, STORAGE, THREADS, connect, text
from p4books.errors import DiskTrouble, OutOfMemory
from p4books.warehouse import views
from p4books.warehouse.views import View


def publish(  # noqa: PLR0913
    warehouse: Path,
    models: list[View],
    scratch: Path,
    published: Path,
    *,
    about: dict[str, str | datetime],
    mode: int,
    memory: str = MEMORY[0],
) -> None:
    """Write the views of the warehouse as tables into a new published file.

    `about` becomes the one row of the table `about`. Raises BrokenSql where a view can't be
    computed, OutOfMemory and DiskTrouble; the last published file then stays.
    """
    made = scratch / "published.duckdb"
    made.unlink(missing_ok=True)
    try:
        with connect(spill=scratch, memory=memory) as con:
            con.execute("set preserve_insertion_order = false")  # a table has no order anyway
            con.execute(f"attach {text(str(warehouse))} as warehouse (read_only)")
            con.execute(f"attach {text(str(made))} as made (storage_version '{STORAGE}')")
            con.execute("set checkpoint_threshold = '1GB'")
            for layer in sorted({model.layer for model in models}):
                con.execute(f"create schema made.{layer}")
            with ThreadPoolExecutor(THREADS) as writers:  # a table is the work of one thread
                written = [writers.submit(_write, con.cursor(), model) for model in models]
                for each in written:
                    each.result()
            _describe(con, about)
            con.execute("checkpoint made")
            con.execute("detach made")
        swap.into_place(made, published, mode)
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except (OSError, duckdb.IOException) as error:
        raise DiskTrouble(published, str(error).splitlines()[0]) from None


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


def _write(con: duckdb.DuckDBPyConnection, model: View) -> None:
    name = f'{model.layer}."{model.name}"'
    con.execute("use warehouse")
    try:
        con.execute(f"create table made.{name} as from {name}")
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        raise views.broken(model, error) from None
    con.execute(f"comment on table made.{name} is '{model.grain.replace(chr(39), chr(39) * 2)}'")


def _describe(con: duckdb.DuckDBPyConnection, about: dict[str, str | datetime]) -> None:
    marks = ", ".join(f"? as {key}" for key in about)
    con.execute(f"create table made.about as select {marks}", list(about.values()))
    con.execute("comment on table made.about is 'One row: what this file is and when it was made.'")
