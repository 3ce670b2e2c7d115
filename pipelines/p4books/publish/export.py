"""Export of models to files: Excel, CSV, Parquet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from p4books.errors import NotWritten, OutOfMemory, QueryFailed
from p4books.publish.query import (
    CatalogEntry,
    choose_models,
    describe_interrupted,
    fetch_rows,
    list_models,
    open_published,
    query_model,
    result_columns,
)
from p4books.storage.database import MEMORY_STEPS, open_database, quote_literal
from p4books.storage.exact_json import encode_rows, unique_names
from p4books.storage.files import replace_atomically


@contextmanager
def temporary_folder(folder: Path, shown: Path) -> Iterator[Path]:
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
def write_atomically(target: Path, mode: int) -> Iterator[Path]:
    """Give a place beside a file at which to write it; once it is written it is put in its place.

    Raises NotWritten, with what stood there untouched.
    """
    final = target.resolve()  # a link goes on leading where it leads
    check_target(final, target)
    with temporary_folder(final.parent, target) as scratch:
        made = scratch / final.name
        yield made
        replace_atomically(made, final, mode)


def check_target(final: Path, shown: Path) -> None:
    """Raise NotWritten where something stands that is not a file, as a folder or a device."""
    if final.exists() and not final.is_file():
        raise NotWritten(shown, "something stands there that is not a file")


QUERY_FORMATS = ("csv", "json", "parquet")
WRITE_BATCH = 20_000  # rows handed over at a time

_OPTIONS = {"csv": "format csv, header", "parquet": "format parquet, compression zstd"}


def write_rows(answer: duckdb.DuckDBPyConnection, path: Path, kind: str) -> None:
    """Write the rows that wait on a connection, in one of FORMATS, without holding them all.

    In CSV an empty field is null and `""` an empty text. Raises QueryFailed where the rows do not
    come to their end, OutOfMemory, and duckdb.IOException or OSError where the file can't be
    written.
    """
    if kind == "json":
        with path.open("wb") as out:
            out.writelines(encode_rows(result_columns(answer), fetch_rows(answer)))
        return
    _copy(answer, path, _OPTIONS[kind])


def _copy(answer: duckdb.DuckDBPyConnection, path: Path, options: str) -> None:
    """Hand the rows to a database of our own: the one that is asked may write nothing."""
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s that only who writes a file waits for

    failed: list[QueryFailed] = []
    reader = answer.to_arrow_reader(WRITE_BATCH)
    names = unique_names(reader.schema.names)

    def batches() -> Iterator[Any]:
        try:
            for batch in reader:
                yield batch.rename_columns(names)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            failed.append(describe_interrupted(error))
            raise

    fields = zip(names, reader.schema, strict=True)
    schema = pa.schema([field.with_name(each) for each, field in fields])
    with open_database(spill=path.parent, memory=MEMORY_STEPS[1]) as con:
        con.register("answer", pa.RecordBatchReader.from_batches(schema, batches()))
        try:
            con.execute(f"copy (from answer) to {quote_literal(str(path))} ({options})")
        except duckdb.Error as error:
            if failed:
                raise failed[0] from None
            if isinstance(error, duckdb.OutOfMemoryException):
                raise OutOfMemory(str(error).splitlines()[0]) from None
            raise


EXPORT_FORMATS = ("xlsx", "csv", "parquet")
NAME_PATTERN = 80  # letters of what is chosen, in the name of a workbook
EXPORTED_LAYERS = ("reporting", "custom")  # what is exported where nothing is named


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written: of which models, and with how many rows.

    `notes` say what it lacks of them.
    """

    file: Path
    models: tuple[str, ...]
    rows: int
    notes: tuple[str, ...] = ()


def export_models(  # noqa: PLR0913
    published: Path,
    words: Sequence[str],
    kind: str,
    folder: Path,
    mode: int,
    most: int | None = None,
) -> list[ExportedFile]:
    """Write models of a published file into a folder, sorted, all of one picture.

    One workbook for all, in which a sheet has at most `most` rows, or one file for each. None is
    put in place before all are made. Raises NotPublished, QueryFailed, OutOfMemory and NotWritten.
    """
    with open_published(published) as con:
        models = _choose_entries(con, words, published)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotWritten(folder, "something stands there that is not a folder") from None
        except OSError as error:
            raise NotWritten(folder, error.strerror or str(error)) from None
        with temporary_folder(folder, folder) as scratch:
            if kind == "xlsx":
                book = ".".join([published.stem, *_file_name(words)])
                made = _export_workbook(con, models, scratch / f"{book}.xlsx", most)
            else:
                made = [_export_file(con, model, scratch, published.stem, kind) for model in models]
            return _move_into_place(made, folder, mode)


def _choose_entries(
    con: duckdb.DuckDBPyConnection, words: Sequence[str], published: Path
) -> list[CatalogEntry]:
    models = list_models(con)
    if words:
        return choose_models(models, words)
    chosen = [model for model in models if model.layer in EXPORTED_LAYERS]
    if not chosen:
        raise QueryFailed(
            f"{published} has no model of {' or '.join(EXPORTED_LAYERS)}; nothing was written. "
            "Name what to export, as in `p4books export staging`."
        )
    return chosen


def _file_name(words: Sequence[str]) -> list[str]:
    """Give a workbook of some models a name of its own, so that it replaces none of all."""
    plain = "-".join(dict.fromkeys(word.lower().replace("/", "-") for word in words))
    return [plain[:NAME_PATTERN]] if plain else []


def _export_file(
    con: duckdb.DuckDBPyConnection, model: CatalogEntry, folder: Path, stem: str, kind: str
) -> ExportedFile:
    path = folder / f"{stem}.{model.full}.{kind}"
    write_rows(query_model(con, model), path, kind)
    return ExportedFile(path, (model.full,), model.rows)


def _export_workbook(
    con: duckdb.DuckDBPyConnection, models: Sequence[CatalogEntry], path: Path, most: int | None
) -> list[ExportedFile]:
    """Write the workbook, and beside it in CSV what does not fit into it."""
    from p4books.publish.workbook import MAX_ROWS, describe_omissions, write_workbook  # noqa: PLC0415 - 0.1 s that only a workbook takes

    held = write_workbook(con, models, path, most or MAX_ROWS)
    notes = tuple(f"{h.sheet}: {describe_omissions(h)}" for h in held if not h.is_whole)
    book = ExportedFile(path, tuple(m.full for m in models), sum(h.rows for h in held), notes)
    beside = [
        _export_file(con, h.model, path.parent, path.stem, "csv") for h in held if not h.is_whole
    ]
    return [book, *beside]


def _move_into_place(made: Sequence[ExportedFile], folder: Path, mode: int) -> list[ExportedFile]:
    done = [replace(each, file=folder / each.file.name) for each in made]
    for each in done:
        check_target(each.file, each.file)
    for new, each in zip(made, done, strict=True):
        replace_atomically(new.file, each.file, mode)
    return done
