"""The warehouse file: checks on opening, replacement, generations, errors."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import duckdb

from p4books.errors import (
    DiskTrouble,
    LoadFailed,
    OutOfMemory,
    P4BooksError,
    WarehouseDamaged,
    WarehouseOpen,
    WarehouseTooNew,
)
from p4books.load.schema import FORMAT
from p4books.settings.model import GENERATIONS_FOLDER
from p4books.storage.database import LOGS, borrow_reader, describe_holder
from p4books.storage.files import copy_file, measure_files, replace_atomically

T = TypeVar("T")

GENERATIONS = 3  # newest earlier warehouses to keep
GENERATION_DAYS = 7  # days whose last warehouse is kept, too
GENERATIONS_SIZE = 10**9  # bytes of these generations, at most, or
GENERATIONS_RATIO = 4  # times the size of the warehouse, if that is more

_DAMAGED = ("Corrupt database", "Could not read enough bytes")  # in messages of DuckDB
_KEPT = "kept-until-"  # a file whose name ends with the last generation that is kept for good


def check_warehouse(path: Path) -> None:
    """Check that the warehouse can be read; one that does not exist yet passes.

    Raises what `open_checked` raises.
    """
    if path.exists():
        with open_checked(path):
            pass


@contextmanager
def open_checked(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse that exists to read it, if its format is known.

    Raises WarehouseDamaged, WarehouseTooNew, WarehouseOpen and DiskTrouble.
    """
    with ExitStack() as stack:
        try:
            con = stack.enter_context(borrow_reader(path))
            version = read_format(con)
        except duckdb.Error as error:
            raise _translate_open_error(path, str(error)) from None
        if version < 1:
            raise WarehouseDamaged(path, "it has no known format", describe_way_back(path))
        if version > FORMAT:
            raise WarehouseTooNew(path, version, FORMAT)
        yield con


def read_format(con: duckdb.DuckDBPyConnection) -> int:
    """Return the format of an open warehouse; 0 if it has none."""
    row = con.execute("select max(format) from raw.p4books_format").fetchone()
    return int(row[0] or 0) if row else 0


def list_generations(warehouse: Path) -> list[Path]:
    """Return the earlier generations of a warehouse, the newest first."""
    return sorted(_generations_folder(warehouse).glob("warehouse-*.duckdb"), reverse=True)


def name_generation(generation: Path) -> str:
    """Return the name by which a generation is restored."""
    return generation.stem.removeprefix("warehouse-")


def parse_generation(path: Path) -> datetime | None:
    """Return when a generation was written; None if it was renamed."""
    return _parse_time(name_generation(path))


def measure_generations(warehouse: Path) -> tuple[int, int]:
    """Return how many earlier warehouses are kept, and their bytes on disk.

    Damaged ones and those that are kept for good count, too.
    """
    folder = _generations_folder(warehouse)
    return len(list(folder.glob("*.duckdb"))), measure_files(folder)


def describe_way_back(warehouse: Path) -> str:
    """Say how to replace a warehouse that is missing or damaged, in sentences."""
    over = "To start over without its history, run `p4books sync --from-nothing`."
    newest = next(filter(_is_usable, list_generations(warehouse)), None)
    if newest is None:
        folder = _generations_folder(warehouse)
        return (
            f"There is no generation to put back in {folder}. If there are backups, "
            f"`p4books restore --from PLACE` lists them. {over}"
        )
    at = parse_generation(newest)
    when = f", of {at:%Y-%m-%d %H:%M:%S} UTC," if at else ""
    command = f"p4books restore {shlex.quote(name_generation(newest))}"
    return f"Put back the newest generation{when} with `{command}`, and run again. {over}"


def set_aside(warehouse: Path) -> None:
    """Keep a warehouse that is about to be replaced, as a generation if it can be read.

    A log that another program left beside it is not kept. Raises DiskTrouble.
    """
    try:
        kept = _link_generation(warehouse, "damaged")
        if _is_usable(kept):
            _link_generation(warehouse, "warehouse")
            kept.unlink()
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


def keep_all_generations(warehouse: Path) -> None:
    """Keep the present generations for good: those that follow do not replace their history.

    Raises DiskTrouble.
    """
    generations = list_generations(warehouse)
    if not generations:
        return
    newest = max([datetime.now(UTC), *filter(None, map(parse_generation, generations))])
    try:
        (generations[0].parent / f"{_KEPT}{_format_generation(newest)}").touch()
    except OSError as error:
        raise DiskTrouble(generations[0].parent, error.strerror or str(error)) from None


def correct_generation_times(warehouse: Path, now: float) -> None:
    """Date generations and a warehouse that are of the future to just before `now`, in order.

    Else they would count as the newest ones until that day. A mark up to which generations are kept
    for good stays after the same ones. `now` in seconds since 1970. Raises DiskTrouble.
    """
    limit = datetime.fromtimestamp(now, UTC)
    dated = [(parse_generation(path), path) for path in list_generations(warehouse)]
    dated += [(_parse_mark(path), path) for path in _list_marks(warehouse)]
    future = [(at, not path.suffix, path) for at, path in dated if at and at > limit]
    try:
        for place, (_, is_mark, path) in enumerate(sorted(future, reverse=True), start=1):
            at = _format_generation(limit - timedelta(microseconds=place))
            path.rename(path.with_name(f"{_KEPT}{at}" if is_mark else f"warehouse-{at}.duckdb"))
        if warehouse.exists() and warehouse.stat().st_mtime > now:
            os.utime(warehouse, (now, now))
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


def change_warehouse(warehouse: Path, scratch: Path, change: Callable[[Path], T]) -> T:
    """Apply a change to a copy of the warehouse, replace it, and return what `change` returns.

    Raises what `change` raises, and the errors of `translate_error`.
    """
    copy = scratch / warehouse.name
    with translate_errors(warehouse, scratch):
        copy_file(warehouse, copy)
        result = change(copy)
    replace_warehouse(copy, warehouse, keep=True)
    return result


def replace_warehouse(copy: Path, warehouse: Path, *, keep: bool) -> None:
    """Replace the warehouse with a finished copy; `keep` the old one as a generation.

    A log that another program left beside it goes first: DuckDB would reject the copy because of
    it. Raises DiskTrouble.
    """
    try:
        if keep and warehouse.exists():
            _keep_generation(warehouse)
        for log in _find_logs(warehouse):
            log.unlink()
        replace_atomically(copy, warehouse, 0o600)
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


@contextmanager
def translate_errors(warehouse: Path, scratch: Path) -> Iterator[None]:
    """Raise errors of DuckDB and the system as P4BooksError."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise translate_error(error, warehouse, scratch) from None


def translate_error(error: BaseException, warehouse: Path, scratch: Path) -> P4BooksError:
    """Return the P4BooksError for an error of DuckDB, dlt or the system, by its first cause."""
    while error.__cause__ is not None:  # dlt wraps errors several times
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    first = text.splitlines()[0].rstrip(".")
    if isinstance(error, P4BooksError):
        return error
    if isinstance(error, OSError):
        return DiskTrouble(scratch, error.strerror or first)
    if "Out of Memory" in text:
        return OutOfMemory(first)
    if "No space left" in text or "could not write" in text.lower():
        return DiskTrouble(scratch, first.rsplit(": ", 1)[-1])
    if any(sign in text for sign in _DAMAGED) and "duckdb_temp" not in text:
        left = "Any published file is unchanged."
        return WarehouseDamaged(warehouse, first, describe_way_back(warehouse), left)
    return LoadFailed(first)


def _is_usable(generation: Path) -> bool:
    try:
        with borrow_reader(generation) as con:
            return read_format(con) in range(1, FORMAT + 1)
    except (duckdb.Error, OSError):
        return False


def is_too_new(text: str) -> bool:
    """Return whether DuckDB's message says that a file was written by a newer DuckDB."""
    return "newer version of DuckDB" in text or "newer DuckDB version" in text


def _translate_open_error(path: Path, text: str) -> P4BooksError:
    first = text.splitlines()[0].rstrip(".")
    if holder := describe_holder(text):
        return WarehouseOpen(path, holder)
    if "Permission denied" in text:
        return DiskTrouble(path, "permission denied")
    if is_too_new(text):
        return WarehouseTooNew(path, "of a newer DuckDB", "an older one")
    way_back = describe_way_back(path)
    if (logs := _find_logs(path)) and "WAL" in first:
        way_back = (
            f"The log beside it, {logs[0].name}, was left by another program: delete it with "
            f"`{_describe_removal(logs)}`, and run again. If that does not help: {way_back}"
        )
    return WarehouseDamaged(path, first, way_back)


def _find_logs(warehouse: Path) -> list[Path]:
    """Return the logs beside a warehouse, which p4books never leaves: another program did."""
    logs = (warehouse.with_name(f"{warehouse.name}{suffix}") for suffix in LOGS)
    return [log for log in logs if log.exists()]


def _describe_removal(logs: Sequence[Path]) -> str:
    return f"rm {shlex.join(map(str, logs))}"


def _keep_generation(warehouse: Path) -> None:
    """Keep the warehouse as a generation, and delete those that are too old, but none renamed.

    If those that are left are too large together, the oldest of them go, too.
    """
    _link_generation(warehouse, "warehouse")
    marks = [path.name for path in _list_marks(warehouse) if _parse_mark(path)]
    kept_until = max(marks, default="").removeprefix(_KEPT)
    newest_first = [
        path
        for path in list_generations(warehouse)
        if parse_generation(path) and name_generation(path) > kept_until
    ]
    last_of_day = {path.name[:18]: path for path in reversed(newest_first)}
    days = [last_of_day[day] for day in sorted(last_of_day, reverse=True)[:GENERATION_DAYS]]
    kept = {*newest_first[:GENERATIONS], *days}
    room = max(GENERATIONS_SIZE, GENERATIONS_RATIO * warehouse.stat().st_size)
    for path in newest_first:
        room -= path.stat().st_size if path in kept else 0
        if path not in kept or room < 0:
            path.unlink()


def _link_generation(warehouse: Path, kind: str) -> Path:
    """Add a warehouse to its generations, under the time at which it was written."""
    folder = _generations_folder(warehouse)
    folder.mkdir(exist_ok=True, mode=0o700)
    written = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
    kept = folder / f"{kind}-{_format_generation(written)}.duckdb"
    kept.unlink(missing_ok=True)
    os.link(warehouse, kept)
    return kept


def _generations_folder(warehouse: Path) -> Path:
    return warehouse.parent / GENERATIONS_FOLDER


def _list_marks(warehouse: Path) -> list[Path]:
    return list(_generations_folder(warehouse).glob(f"{_KEPT}*"))


def _format_generation(written: datetime) -> str:
    return f"{written:%Y%m%dT%H%M%S%f}Z"


def _parse_mark(path: Path) -> datetime | None:
    """Return until when generations are kept for good; None if the mark was renamed."""
    return _parse_time(path.name.removeprefix(_KEPT))


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
