"""Which view reads which, and are they right?

A folder under sql/ is a schema, a file in it a view, its first line the view's comment. What reads
what is read from the SQL itself.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import duckdb

from p4books.database import connect
from p4books.errors import BrokenSql

LAYERS = ("raw", "staging", "core", "reporting")  # a view reads its own layer or a lower one


@dataclass(frozen=True)
class View:
    """One file of sql/: `reads` are the relations named in it, as schema.name."""

    layer: str
    name: str
    file: Path
    sql: str
    grain: str
    reads: frozenset[str]

    @property
    def full(self) -> str:
        """Return its name with its schema."""
        return f"{self.layer}.{self.name}"


def folder() -> Path:
    """Return where the SQL files are: in the installed package, or in the working tree."""
    package = Path(__file__).parents[1]
    installed = package / "sql"
    return installed if installed.is_dir() else package.parents[1] / "sql"


def digest(root: Path) -> str:
    """Return a hash over all SQL files, by which a published file tells what it was made of."""
    found = hashlib.sha256()
    for file in sorted(root.glob("*/*.sql")):
        found.update(f"{file.parent.name}/{file.name}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def read(root: Path) -> list[View]:
    """Read all views, in an order in which each comes after what it reads.

    Raises BrokenSql for SQL that can't be parsed, a cycle, or a view that reads a higher layer or
    one that does not exist.
    """
    views = {
        view.full: view
        for layer in LAYERS
        for file in sorted((root / layer).glob("*.sql"))
        for view in [_view(layer, file)]
    }
    for view in views.values():
        _check_reads(view, views)
    try:
        order = TopologicalSorter(
            {full: [name for name in view.reads if name in views] for full, view in views.items()}
        ).static_order()
        return [views[full] for full in order]
    except CycleError as error:
        circle = error.args[1]
        raise BrokenSql(views[circle[0]].file, 1, f"a circle: {' → '.join(circle)}") from None


def build_in(path: Path, root: Path) -> list[View]:
    """Make all views anew in a database file and return them; raises BrokenSql, with none made."""
    models = read(root)
    with connect(path) as con:
        con.execute("begin")
        build(con, models)
        con.execute("commit")
    return models


def build(con: duckdb.DuckDBPyConnection, views: list[View]) -> None:
    """Make the views anew in the database of `con`. Raises BrokenSql, naming file and line."""
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    for view in views:
        try:
            con.execute(f'create view {view.layer}."{view.name}" as\n{view.sql}')
            grain = view.grain.replace("'", "''")
            con.execute(f"""comment on view {view.layer}."{view.name}" is '{grain}'""")
        except duckdb.Error as error:
            raise broken(view, error) from None


def broken(view: View, error: duckdb.Error) -> BrokenSql:
    """Say where in the file DuckDB found a fault."""
    text = str(error)
    told = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    line = max(int(told.group(1)) - 1, 1) if told else 1
    return BrokenSql(view.file, line, text.splitlines()[0])


def _view(layer: str, file: Path) -> View:
    try:
        sql = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    first = sql.split("\n", 1)[0]
    if not first.startswith("-- "):
        raise BrokenSql(file, 1, "the first line is not the grain: `-- One row per …`")
    return View(
        layer=layer,
        name=file.stem,
        file=file,
        sql=sql.rstrip().rstrip(";"),
        grain=first.removeprefix("-- "),
        reads=_reads(sql, file),
    )


def _reads(sql: str, file: Path) -> frozenset[str]:
    import sqlglot  # noqa: PLC0415 - 0.3 s that a run without news need not wait for
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415

    try:
        statements = [part for part in sqlglot.parse(sql, dialect="duckdb") if part]
    except ParseError as error:
        fault = error.errors[0] if error.errors else {}
        why = f"{fault.get('description', 'not SQL')} near {fault.get('highlight', '')!r}"
        raise BrokenSql(file, fault.get("line") or 1, why) from None
    except TokenError as error:
        raise BrokenSql(file, 1, str(error).splitlines()[0]) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BrokenSql(file, 1, "the file is not one select")
    return frozenset(
        f"{table.db}.{table.name}".lower()
        for table in statements[0].find_all(exp.Table)
        if table.db
    )


def _check_reads(view: View, views: Mapping[str, View]) -> None:
    for name in sorted(view.reads):
        layer = name.split(".")[0]
        if layer not in LAYERS:
            raise BrokenSql(view.file, _line(view, name), f"there is no layer {layer}")
        if LAYERS.index(layer) > LAYERS.index(view.layer):
            raise BrokenSql(view.file, _line(view, name), f"it reads {name}, of a higher layer")
        if layer != "raw" and name not in views:
            raise BrokenSql(view.file, _line(view, name), f"there is no {name}")


def _line(view: View, word: str) -> int:
    before, found, _ = view.sql.lower().partition(word)
    return before.count("\n") + 1 if found else 1
