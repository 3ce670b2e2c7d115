"""Export of models to files: Excel, CSV, Parquet."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from p4books.errors import MAX_LISTED, NotWritten, OutOfMemory, QueryFailed, UsageError
from p4books.publish.excel_csv import BYTE_ORDER_MARK, ExcelCsv, select_for_excel
from p4books.publish.figures.overview import FindReading, find_no_reading
from p4books.publish.language import Language
from p4books.publish.period import Period, select_period
from p4books.publish.query import (
    CatalogColumn,
    CatalogEntry,
    choose_columns,
    choose_models,
    describe_interrupted,
    execute_for_model,
    fetch_rows,
    list_columns,
    list_models,
    load_value_labels,
    open_published,
    read_about,
    result_columns,
)
from p4books.settings import check_folder
from p4books.storage.database import (
    MEMORY_STEPS,
    open_database,
    quote_identifier,
    quote_literal,
    quote_path,
)
from p4books.storage.exact_json import encode_rows, unique_names
from p4books.storage.files import replace_atomically

QUERY_FORMATS = ("csv", "excel-csv", "json", "parquet")
EXPORT_FORMATS = ("xlsx", "csv", "excel-csv", "parquet")
EXPORTED_LAYERS = ("reporting", "custom")  # if no model is named
BATCH_ROWS = 20_000  # handed to DuckDB at a time

_SUFFIXES = {"excel-csv": "csv"}  # of formats whose files end with another word
_COPY_OPTIONS = {"csv": "format csv, header", "parquet": "format parquet, compression zstd"}
_MAX_LABEL = 80  # characters for the chosen models in the name of a workbook


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export: format (one of EXPORT_FORMATS), folder, and mode of the files.

    A workbook is in a language, and its sheets have at most `sheet_rows` rows, None means as many
    as Excel can hold. `excel` is how people expect CSV, for the format excel-csv. Of lists by date
    the files have the rows of the `period`, None means all. A workbook has the name of the
    `company` on top, None means the tenant's, and says as of `find_reading` how fresh it is.
    """

    format: str
    folder: Path
    mode: int
    sheet_rows: int | None = None
    excel: ExcelCsv | None = None
    language: Language = field(default_factory=lambda: Language("en"))
    period: Period | None = None
    company: str | None = None
    find_reading: FindReading = find_no_reading


@dataclass(frozen=True)
class PeopleWords:
    """What people call the columns of a model, and values in them by column and value."""

    columns: Sequence[CatalogColumn]
    values: Mapping[tuple[str, str], str]

    def select(self) -> str:
        """Return the columns as SQL."""
        return ", ".join(quote_identifier(column.name) for column in self.columns)


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written: its models, their rows, and `notes` on what it lacks of them."""

    file: Path
    models: tuple[str, ...]
    rows: int
    notes: tuple[str, ...] = ()


def export_models(
    published: Path, words: Sequence[str], options: ExportOptions
) -> list[ExportedFile]:
    """Write the models named by `words`, sorted, all from the same published file.

    Without words, all models of EXPORTED_LAYERS, and a workbook begins with a summary. Writes one
    workbook, or one file per model; no file is replaced before all are complete. Raises
    NotPublished, QueryFailed, UsageError for a period of models without dates, OutOfMemory and
    NotWritten.
    """
    with open_published(published) as con:
        models = _choose_entries(con, words, published)
        options = _resolve_period(con, models, options)
        make_folder(options.folder)
        with temporary_folder(options.folder, options.folder) as scratch:
            if options.format == "xlsx":
                name = ".".join([_stem(published, options), *_label(words)])
                path = scratch / f"{name}.xlsx"
                files = _export_workbook(con, models, path, options, is_chosen=bool(words))
            else:
                stem = scratch / _stem(published, options)
                files = [_export_file(con, model, stem, options) for model in models]
            return _move_into_place(files, options.folder, options.mode)


def write_rows(
    result: duckdb.DuckDBPyConnection,
    path: Path,
    file_format: str,
    excel: ExcelCsv | None = None,
    words: PeopleWords | None = None,
) -> int:
    """Write a query's result in one of QUERY_FORMATS; return the number of rows.

    The rows are not held in memory. In CSV an empty field is NULL and `""` an empty string.
    excel-csv needs `excel`; if the result is a model, `words` are what people call its columns.
    Raises QueryFailed if a row cannot be computed, OutOfMemory, and duckdb.IOException or OSError
    if the file cannot be written.
    """
    if file_format == "json":
        return _write_json(result, path)
    if file_format == "excel-csv" and excel:
        return _write_for_excel(result, path, excel, words)
    return _copy_rows(result, path, _COPY_OPTIONS[file_format])


@contextmanager
def write_atomically(target: Path, mode: int) -> Iterator[Path]:
    """Yield a temporary path, and move the file written there to `target` at the end.

    Raises NotWritten, with `target` untouched.
    """
    final = target.resolve()  # a symbolic link is kept
    check_target(final, target)
    with temporary_folder(final.parent, target) as scratch:
        file = scratch / final.name
        yield file
        replace_atomically(file, final, mode)


@contextmanager
def temporary_folder(folder: Path, shown: Path) -> Iterator[Path]:
    """Yield a temporary folder inside another; it is removed at the end.

    Errors of the disk are raised as NotWritten for the path `shown`.
    """
    try:
        with TemporaryDirectory(
            dir=folder, prefix=".p4books-", ignore_cleanup_errors=True
        ) as scratch:
            yield Path(scratch)
    except BrokenPipeError:  # the reader of the output has closed it; not an error of the disk
        raise
    except OSError as error:
        raise NotWritten(shown, error.strerror or str(error)) from None
    except duckdb.IOException as error:
        raise NotWritten(shown, str(error).splitlines()[0].rpartition(": ")[2]) from None


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there. Raises UsageError and NotWritten."""
    try:
        check_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except ValueError as error:
        raise UsageError(f"The files cannot go there: {error}. Nothing was written.") from None
    except FileExistsError:
        raise NotWritten(folder, "it exists and is not a folder") from None
    except OSError as error:
        raise NotWritten(folder, error.strerror or str(error)) from None


def load_people_words(
    con: duckdb.DuckDBPyConnection, model: CatalogEntry, excel: ExcelCsv
) -> PeopleWords:
    """Load what people call the columns of a model and the values in it.

    Values in staging are those of P4 Books, and stay as they are.
    """
    code = excel.language.code
    values = {} if model.layer == "staging" else load_value_labels(con, code)
    return PeopleWords(choose_columns(list_columns(con, model), code), values)


def check_target(final: Path, shown: Path) -> None:
    """Raise NotWritten if a path is taken by something other than a file."""
    if final.exists() and not final.is_file():
        raise NotWritten(shown, "it exists and is not a file")


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


def _resolve_period(
    con: duckdb.DuckDBPyConnection, models: Sequence[CatalogEntry], options: ExportOptions
) -> ExportOptions:
    """Return the options with the days of the period.

    Raises UsageError if it was chosen and no model is a list by date.
    """
    if options.period is None:
        return options
    if options.period.is_chosen and not any(model.period for model in models):
        names = ", ".join(model.model for model in models[:MAX_LISTED])
        raise UsageError(
            f"{names}: as of a day, not by date, so a period makes no sense. Nothing was written. "
            "Leave the period out; --as-of DAY shows reports as of a past day."
        )
    about = read_about(con)
    period = options.period.resolve(about["as_of_on"], about["timezone"])
    return replace(options, period=period)


def _stem(published: Path, options: ExportOptions) -> str:
    """Return the first part of a file's name: the tenant, and the period that was chosen."""
    label = options.period.label if options.period else ""
    return ".".join(filter(None, [published.stem, label]))


def _write_for_excel(
    result: duckdb.DuckDBPyConnection, path: Path, excel: ExcelCsv, words: PeopleWords | None
) -> int:
    body = path.with_name(f"{path.name}.body")  # DuckDB writes no byte order mark
    code = excel.language.code
    columns = [CatalogColumn(name, str(kind), "") for name, kind in _describe_columns(result)]
    headers = [column.label(code) for column in (words.columns if words else columns)]
    selected = ", ".join(
        f"{select_for_excel(column, excel, _words_of(column, words))} as {quote_identifier(header)}"
        for column, header in zip(columns, unique_names(headers), strict=True)
    )
    options = f"{_COPY_OPTIONS['csv']}, delimiter {quote_literal(excel.delimiter)}"
    rows = _copy_rows(result, body, options, selected)
    with body.open("rb") as source, path.open("wb") as file:
        file.write(BYTE_ORDER_MARK)
        shutil.copyfileobj(source, file)
    body.unlink()
    return rows


def _words_of(column: CatalogColumn, words: PeopleWords | None) -> dict[str, str]:
    """Return what values of a column are called, without those called as they are."""
    named = words.values.items() if words else ()
    return {value: word for (name, value), word in named if name == column.name and word != value}


def _describe_columns(result: duckdb.DuckDBPyConnection) -> list[tuple[str, object]]:
    """Return the columns of a result, with unique names, and their DuckDB types."""
    described = result.description or ()
    names = unique_names([column[0] for column in described])
    return [(name, column[1]) for name, column in zip(names, described, strict=True)]


def _write_json(result: duckdb.DuckDBPyConnection, path: Path) -> int:
    count = 0

    def count_rows() -> Iterator[tuple[Any, ...]]:
        nonlocal count
        for row in fetch_rows(result):
            count += 1
            yield row

    with path.open("wb") as file:
        file.writelines(encode_rows(result_columns(result), count_rows()))
    return count


def _label(words: Sequence[str]) -> list[str]:
    """Return the part of a workbook's name for chosen models, so that it replaces no full one."""
    label = "-".join(dict.fromkeys(word.lower().replace("/", "-") for word in words))
    return [label[:_MAX_LABEL]] if label else []


def _export_file(
    con: duckdb.DuckDBPyConnection,
    model: CatalogEntry,
    stem: Path,
    options: ExportOptions,
) -> ExportedFile:
    suffix = _SUFFIXES.get(options.format, options.format)
    path = stem.with_name(f"{stem.name}.{model.full_name}.{suffix}")
    words = load_people_words(con, model, options.excel) if options.excel else None
    condition = select_period(model, list_columns(con, model), options.period)
    query = model.select(words.select() if words else "*", condition)
    result = execute_for_model(con, model, query)
    rows = write_rows(result, path, options.format, options.excel, words)
    return ExportedFile(path, (model.full_name,), rows)


def _export_workbook(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[CatalogEntry],
    path: Path,
    options: ExportOptions,
    *,
    is_chosen: bool,
) -> list[ExportedFile]:
    """Write the workbook, and CSV files of the models that do not fit into it.

    If nobody chose the models, it begins with a summary.
    """
    from p4books.publish.workbook.sheet import MAX_ROWS, describe_omissions  # noqa: PLC0415 - 0.1 s that only a workbook takes
    from p4books.publish.workbook.write import WorkbookOptions, write_workbook  # noqa: PLC0415

    choice = WorkbookOptions(
        options.language,
        options.period,
        not is_chosen,
        options.sheet_rows or MAX_ROWS,
        options.company,
        options.find_reading,
    )
    sheets = write_workbook(con, models, path, choice)
    incomplete = [sheet for sheet in sheets if not sheet.is_complete]
    as_csv = replace(options, format="csv", excel=None)
    book = ExportedFile(
        file=path,
        models=tuple(model.full_name for model in models),
        rows=sum(sheet.rows for sheet in sheets),
        notes=tuple(
            f"{sheet.name}: {describe_omissions(sheet, options.language)}" for sheet in incomplete
        ),
    )
    return [
        book,
        *(_export_file(con, sheet.model, path.with_suffix(""), as_csv) for sheet in incomplete),
    ]


def _move_into_place(files: Sequence[ExportedFile], folder: Path, mode: int) -> list[ExportedFile]:
    placed = [replace(file, file=folder / file.file.name) for file in files]
    for file in placed:
        check_target(file.file, file.file)
    for new, file in zip(files, placed, strict=True):
        replace_atomically(new.file, file.file, mode)
    return placed


def _copy_rows(
    result: duckdb.DuckDBPyConnection, path: Path, options: str, columns: str = "*"
) -> int:
    """Copy the rows through a second database: the published one may not write files."""
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s that only a file takes

    failures: list[QueryFailed] = []
    reader = result.to_arrow_reader(BATCH_ROWS)
    names = unique_names(reader.schema.names)

    def read_batches() -> Iterator[Any]:
        try:
            for batch in reader:
                yield batch.rename_columns(names)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            failures.append(describe_interrupted(error))
            raise

    fields = zip(names, reader.schema, strict=True)
    schema = pa.schema([field.with_name(name) for name, field in fields])
    with open_database(spill=path.parent, memory=MEMORY_STEPS[1]) as con:
        con.register("result", pa.RecordBatchReader.from_batches(schema, read_batches()))
        try:
            copied = con.execute(
                f"copy (select {columns} from result) to {quote_path(path)} ({options})"
            ).fetchone()
        except duckdb.Error as error:
            if failures:
                raise failures[0] from None
            if isinstance(error, duckdb.OutOfMemoryException):
                raise OutOfMemory(str(error).splitlines()[0]) from None
            raise
    return int(copied[0]) if copied else 0
