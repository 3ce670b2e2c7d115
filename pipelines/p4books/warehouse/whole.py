"""How does a file that was asked for come into its place, whole or not at all?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from p4books import swap
from p4books.warehouse.errors import NotWritten


@contextmanager
def aside(folder: Path, shown: Path) -> Iterator[Path]:
    """Give a folder inside another in which to make files; it is gone afterwards.

    What goes wrong with the disk meanwhile is told as NotWritten, of what is `shown`.
    """
    try:
        with TemporaryDirectory(
            dir=folder, prefix=".p4books-", ignore_cleanup_errors=True
        ) as scratch:
            yield Path(scratch)
    except BrokenPipeError:  # nobody reads on; that is no trouble of the disk
        raise
    except OSError as error:
        raise NotWritten(shown, error.strerror or str(error)) from None
    except duckdb.IOException as error:
        raise NotWritten(shown, str(error).splitlines()[0].rpartition(": ")[2]) from None


@contextmanager
def whole(target: Path, mode: int) -> Iterator[Path]:
    """Give a place beside a file at which to write it; once it is written it is put in its place.

    Raises NotWritten, with what stood there untouched.
    """
    final = target.resolve()  # a link goes on leading where it leads
    check(final, target)
    with aside(final.parent, target) as scratch:
        made = scratch / final.name
        yield made
        swap.into_place(made, final, mode)


def check(final: Path, shown: Path) -> None:
    """Raise NotWritten where something stands that is not a file, as a folder or a device."""
    if final.exists() and not final.is_file():
        raise NotWritten(shown, "something stands there that is not a file")
