"""Which files are written of the published one?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from p4books import swap
from p4books.warehouse import catalogue, files, query
from p4books.warehouse.catalogue import Listed
from p4books.warehouse.errors import NotWritten, QueryFailed
from p4books.warehouse.whole import aside, check

FORMATS = ("xlsx", "csv", "parquet")
NAME = 80  # letters of what is chosen, in the name of a workbook
LAYERS = ("reporting", "custom")  # what is exported where nothing is named


@dataclass(frozen=True)
class Written:
    """A file that was written: of which models, and with how many rows.

    `notes` say what it lacks of them.
    """

    file: Path
    models: tuple[str, ...]
    rows: int
    notes: tuple[str, ...] = ()


def export(  # noqa: PLR0913
    published: Path,
    words: Sequence[str],
    kind: str,
    folder: Path,
    mode: int,
    most: int | None = None,
) -> list[Written]:
    """Write models of a published file into a folder, sorted, all of one picture.

    One workbook for all, in which a sheet has at most `most` rows, or one file for each. None is
    put in place before all are made. Raises NotPublished, QueryFailed, OutOfMemory and NotWritten.
    """
    with query.connect(published) as con:
        models = _chosen(con, words, published)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotWritten(folder, "something stands there that is not a folder") from None
        except OSError as error:
            raise NotWritten(folder, error.strerror or str(error)) from None
        with aside(folder, folder) as scratch:
            if kind == "xlsx":
                book = ".".join([published.stem, *_named(words)])
                made = _workbook(con, models, scratch / f"{book}.xlsx", most)
            else:
                made = [_file(con, model, scratch, published.stem, kind) for model in models]
            return _in_place(made, folder, mode)


def _chosen(con: duckdb.DuckDBPyConnection, words: Sequence[str], published: Path) -> list[Listed]:
    models = catalogue.listed(con)
    if words:
        return catalogue.choose(models, words)
    chosen = [model for model in models if model.layer in LAYERS]
    if not chosen:
        raise QueryFailed(
            f"{published} has no model of {' or '.join(LAYERS)}; nothing was written. Name what to "
            "export, as in `p4books export staging`."
        )
    return chosen


def _named(words: Sequence[str]) -> list[str]:
    """Give a workbook of some models a name of its own, so that it replaces none of all."""
    plain = "-".join(dict.fromkeys(word.lower().replace("/", "-") for word in words))
    return [plain[:NAME]] if plain else []


def _file(
    con: duckdb.DuckDBPyConnection, model: Listed, folder: Path, stem: str, kind: str
) -> Written:
    path = folder / f"{stem}.{model.full}.{kind}"
    files.write(catalogue.ask(con, model), path, kind)
    return Written(path, (model.full,), model.rows)


def _workbook(
    con: duckdb.DuckDBPyConnection, models: Sequence[Listed], path: Path, most: int | None
) -> list[Written]:
    """Write the workbook, and beside it in CSV what does not fit into it."""
    from p4books.warehouse import workbook  # noqa: PLC0415 - 0.1 s that only a workbook takes

    held = workbook.write(con, models, path, most or workbook.ROWS)
    notes = tuple(f"{h.sheet}: {workbook.note(h)}" for h in held if not h.is_whole)
    book = Written(path, tuple(m.full for m in models), sum(h.rows for h in held), notes)
    beside = [_file(con, h.model, path.parent, path.stem, "csv") for h in held if not h.is_whole]
    return [book, *beside]


def _in_place(made: Sequence[Written], folder: Path, mode: int) -> list[Written]:
    done = [replace(each, file=folder / each.file.name) for each in made]
    for each in done:
        check(each.file, each.file)
    for new, each in zip(made, done, strict=True):
        swap.into_place(new.file, each.file, mode)
    return done
