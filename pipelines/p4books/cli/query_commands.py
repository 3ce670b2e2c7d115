"""Commands that read the published file: query, export, models."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from p4books.cli.fleet_options import TenantResult, all_option, choose_tenants, show_all
from p4books.cli.period_options import parse_period, period_option, split_to
from p4books.cli.runtime import (
    as_of_option,
    json_option,
    lang_option,
    log_error,
    log_note,
    log_progress,
    parse_day,
    tenant_option,
)
from p4books.errors import P4BooksError, UsageError

if TYPE_CHECKING:  # imported by the commands themselves, so that `--help` starts without them
    import duckdb

    from p4books.publish.excel_csv import ExcelCsv
    from p4books.publish.export import ExportedFile, PeopleWords
    from p4books.publish.language import Language
    from p4books.settings import Settings

decimal_option = click.option(
    "--decimal",
    type=click.Choice([".", ","]),
    help="With excel-csv: the decimal separator; with a comma, semicolons separate values.",
)


@click.command(
    short_help="Run a SQL query against the published file.",
    epilog='\b\nExample:\n  p4books query "select count(*) from staging.invoices"\n'
    "  p4books query --model ar_aging -o ar_aging.csv\n"
    "  p4books query --file question.sql --json",
)
@click.argument("sql", required=False)
@click.option("--file", "file", metavar="F.sql", type=Path, help="Read the SQL from a file.")
@click.option("--model", metavar="NAME", help="Select all of a model, in its sort order.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "excel-csv", "json", "parquet", "xlsx"]),
    help="Output format (default: by the suffix of FILE, else table); excel-csv and xlsx are for "
    "people.",
)
@click.option("-o", "--output", metavar="FILE", type=Path, help="Write the result to a file.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N rows only.")
@decimal_option
@lang_option
@click.option("--lake", is_flag=True, help="Read the lake instead of the published file.")
@click.option(
    "--at",
    metavar="SNAPSHOT|TIME",
    help="With --lake: as of a snapshot, by its number, or a day or an instant.",
)
@as_of_option
@tenant_option
def query(
    sql: str | None,
    file: Path | None,
    model: str | None,
    kind: str | None,
    output: Path | None,
    as_json: bool,
    limit: int | None,
    decimal: str | None,
    lang: str | None,
    lake: bool,
    at: str | None,
    as_of: str | None,
    tenant: str | None,
) -> None:
    """Run a read-only SQL query against the published file; no other file is accessible.

    Give the SQL itself, a file that contains it, or the name of a model. In a workbook, the columns
    of a model have their names for people.
    """
    if (sql is not None) + (file is not None) + (model is not None) != 1:
        raise UsageError("Give exactly one of SQL, --file F.sql and --model NAME.")
    kind = _choose_format(kind, output, as_json=as_json)
    _check_decimal(kind, decimal)
    source = _LakeChoice.parse(lake=lake, at=at, as_of=as_of)
    if file:
        sql = _read_sql(file)
    from p4books.cli.console import print_rows
    from p4books.publish.export import write_rows
    from p4books.publish.language import Language
    from p4books.publish.query import (
        execute_query,
        fetch_rows,
        limit_query,
        result_columns,
    )
    from p4books.settings import load_settings

    settings = load_settings(tenant, need_key=False)
    with _open_lake(settings, source, sql) if source else _open_file(settings, as_of) as con:
        if kind == "xlsx" and output:
            language = Language(lang or settings.language)
            choice = _WorkbookChoice(output, settings.export_mode, language, limit)
            _write_workbook(con, model, sql or "", choice)
            return
        excel = _describe_excel(settings, kind, lang, decimal)
        words = _load_words(con, model, excel) if model and excel else None
        sql = _build_model_query(con, model, words) if model else sql or ""
        result = execute_query(con, limit_query(sql, limit) if limit else sql)
        if kind != "table":
            write = partial(write_rows, result, file_format=kind, excel=excel, words=words)
            _write_result(write, output, settings.export_mode)
            return
        columns, rows = result_columns(result), list(fetch_rows(result))
    print_rows(columns, rows)


@click.command(
    short_help="Write models to a workbook, CSV or Parquet.",
    epilog="\b\nExample:\n  p4books export\n"
    "  p4books export ar_aging staging.invoices --format csv\n"
    "  p4books export ar_aging --format excel-csv --lang es\n"
    "  p4books export reporting staging --format parquet --to /srv/lake",
)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["xlsx", "csv", "excel-csv", "parquet"]),
    default="xlsx",
    show_default=True,
    help="xlsx: one workbook; csv, excel-csv, parquet: one file per model. csv is exact, for "
    "programs; excel-csv is for people.",
)
@period_option
@decimal_option
@lang_option
@as_of_option
@tenant_option
@all_option
@json_option
def export(
    models: tuple[str, ...],
    kind: str,
    to: tuple[str, ...],
    decimal: str | None,
    lang: str | None,
    as_of: str | None,
    tenant: str | None,
    all_tenants: bool,
    jobs: int | None,
    as_json: bool,
    **period: Any,
) -> None:
    """Write models to files for people without a database, in the sort order of each model.

    MODEL is the name of a model or of a layer, as listed by `p4books models`; the default is all
    of reporting and custom. The files are DIR/TENANT.xlsx (DIR/TENANT.MODEL.xlsx for selected
    models) or DIR/TENANT.LAYER.MODEL.csv, with a chosen period after TENANT. What does not fit into
    an Excel sheet is written to a CSV file next to the workbook.

    A workbook has the last 24 months of lists by date, other files all rows, unless a period is
    chosen. A month is whole if one of its days is in the period.
    """
    _check_decimal(kind, decimal)
    folder, last = split_to(to)
    chosen = parse_period(is_workbook=kind == "xlsx", last=last, **period)
    has_groups = as_of is None  # of which there are no files of past days
    tenants = choose_tenants(
        tenant, jobs, all_tenants=all_tenants, need_key=False, with_groups=has_groups
    )
    from p4books.cli.console import display_path, print_json, print_table
    from p4books.publish.export import ExportOptions, export_models
    from p4books.publish.figures.overview import find_latest_reading, find_no_reading
    from p4books.publish.language import Language
    from p4books.settings import load_settings

    def write(settings: "Settings") -> "list[ExportedFile]":
        excel = _describe_excel(settings, kind, lang, decimal)
        language = Language(lang or settings.language)
        options = ExportOptions(
            kind,
            folder,
            settings.export_mode,
            excel=excel,
            language=language,
            period=chosen,
            company=settings.company,
            find_reading=find_no_reading if as_of else partial(find_latest_reading, settings),
        )
        published = find_published_file(settings, as_of)
        done = export_models(published, models, options)
        warn_of_changes(settings, published)
        return list(done)

    def export_one(settings: "Settings") -> TenantResult:
        done = write(settings)
        for note in (note for item in done for note in item.notes):
            log_error(note)
        files = [display_path(item.file) for item in done]
        shown = files[0] if len(files) == 1 else f"{len(files)} in {display_path(folder)}"
        cells = (shown, sum(item.rows for item in done))
        return TenantResult(cells, {"files": _build_objects(done)})

    if tenants is not None:
        show_all(tenants, export_one, jobs, ("files", "rows"), as_json=as_json)
        return
    done = write(load_settings(tenant, need_key=False))
    if as_json:
        print_json(_build_objects(done))
        return
    print_table(
        ("file", "models", "rows"),
        ((display_path(item.file), len(item.models), item.rows) for item in done),
    )
    for item in done:
        for note in item.notes:
            log_error(note)


@click.command(
    short_help="List the models of the published file, or show one.",
    epilog="\b\nExample:\n  p4books models\n  p4books models reporting\n  p4books models ar_aging"
    "\n  p4books models --lang es",
)
@click.argument("name", required=False, metavar="[LAYER|MODEL]")
@lang_option
@as_of_option
@tenant_option
@json_option
def models(
    name: str | None, lang: str | None, as_of: str | None, tenant: str | None, as_json: bool
) -> None:
    """List the models of the published file, or of a layer, or show a model's columns.

    A layer is staging, core, reporting or custom. JSON has the texts in both languages.
    """
    from p4books.cli.console import print_json
    from p4books.cli.render_models import print_model, print_models
    from p4books.publish.language import Language
    from p4books.publish.query import (
        filter_layer,
        find_model,
        list_columns,
        list_models,
        open_published,
    )
    from p4books.settings import load_settings

    settings = load_settings(tenant, need_key=False)
    published = find_published_file(settings, as_of)
    with open_published(published) as con:
        warn_of_changes(settings, published)
        entries = list_models(con)
        of_layer = filter_layer(entries, name) if name else entries
        model = find_model(entries, name) if name and of_layer is None else None
        columns = list_columns(con, model) if model else []
    language = Language(lang or settings.language)
    if as_json:
        print_json({**vars(model), "columns": columns} if model else of_layer)
    elif model:
        print_model(model, columns, language)
    else:
        print_models(of_layer or [], language)


def _build_objects(done: "Sequence[ExportedFile]") -> list[dict[str, Any]]:
    return [{**vars(item), "file": str(item.file)} for item in done]


def find_published_file(settings: "Settings", as_of: str | None) -> Path:
    """Return the file to open: the published one, or that of a day. Raises NotPublished."""
    from p4books.errors import NotPublished

    day = parse_day(as_of)
    file = settings.published_as_of(day)
    if day and not file.exists():
        raise NotPublished(file, f"p4books report --as-of {day}")
    has_more = settings.members or os.access(settings.warehouse, os.F_OK)
    if has_more and not os.path.lexists(file):
        raise NotPublished(file, "p4books report")
    return file


def warn_of_changes(settings: "Settings", file: Path) -> None:
    """Say on stderr that the file has values of another program, if that can be found out."""
    from p4books.publish.published_file import describe_changes

    with suppress(P4BooksError, OSError):
        if changes := describe_changes(settings, file):
            log_note(changes)


@dataclass(frozen=True)
class _LakeChoice:
    """The snapshot of the lake to read; None is the last one."""

    at: str | None

    @classmethod
    def parse(cls, *, lake: bool, at: str | None, as_of: str | None) -> "_LakeChoice | None":
        """Return the choice of the options, None without --lake. Raises UsageError."""
        if at is not None and not lake:
            raise UsageError("--at is a snapshot of the lake; add --lake.")
        if lake and as_of:
            raise UsageError("--as-of is the file of a past day; with --lake use --at.")
        return cls(at) if lake else None


@contextmanager
def _open_file(settings: "Settings", as_of: str | None) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open the published file, or that of a day."""
    from p4books.publish.query import open_published

    published = find_published_file(settings, as_of)
    with open_published(published) as con:
        warn_of_changes(settings, published)
        yield con


@contextmanager
def _open_lake(
    settings: "Settings", choice: _LakeChoice, sql: str | None
) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a snapshot of the lake, and say what it lacks."""
    from p4books.lake.read import open_lake, refuse_writing

    refuse_writing(sql or "")
    with open_lake(settings, choice.at) as lake:
        for note in lake.notes:
            log_note(note)
        yield lake.con


def _choose_format(kind: str | None, output: Path | None, *, as_json: bool) -> str:
    """Return the output format. Raises UsageError if the options contradict each other."""
    if as_json and kind not in {None, "json"}:
        raise UsageError(f"--json is short for --format json; it excludes --format {kind}.")
    suffix = output.suffix.lower().removeprefix(".") if output else "table"
    kind = "json" if as_json else kind or suffix
    if output and kind not in {"csv", "excel-csv", "json", "parquet", "xlsx"}:
        raise UsageError(
            f"Unknown format for {output}; use --format csv, excel-csv, json, parquet or xlsx."
        )
    if kind in {"parquet", "xlsx"} and not output:
        what = "Parquet" if kind == "parquet" else "A workbook"
        raise UsageError(f"{what} needs a file; name it with -o FILE.")
    return kind


def _check_decimal(kind: str, decimal: str | None) -> None:
    """Check that the file is for people if its decimal separator is chosen. Raises UsageError."""
    if decimal and kind != "excel-csv":
        raise UsageError("--decimal needs --format excel-csv. Nothing was written.")


def _describe_excel(
    settings: "Settings", kind: str, lang: str | None, decimal: str | None
) -> "ExcelCsv | None":
    """Return how people expect their CSV; None if it is another format."""
    if kind != "excel-csv":
        return None
    from p4books.publish.excel_csv import ExcelCsv
    from p4books.publish.language import Language

    return ExcelCsv(settings.timezone, Language(lang or settings.language), decimal or ".")


def _read_sql(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{file} cannot be read ({why}).") from None


@dataclass(frozen=True)
class _WorkbookChoice:
    """Where a workbook is written, with its mode and language, and its number of rows."""

    output: Path
    mode: int
    language: "Language"
    limit: int | None


def _write_workbook(
    con: "duckdb.DuckDBPyConnection", model: str | None, sql: str, choice: _WorkbookChoice
) -> None:
    """Write a model, or the result of a query, to a workbook, completely or not at all."""
    from p4books.cli.console import display_path
    from p4books.publish.export import make_folder, write_atomically
    from p4books.publish.query import find_model, limit_query, list_models
    from p4books.publish.workbook.result import write_model_workbook, write_query_workbook

    language, limit = choice.language, choice.limit
    entry = find_model(list_models(con), model) if model else None
    make_folder(choice.output.parent)
    with write_atomically(choice.output, choice.mode) as scratch:
        if entry:
            written = write_model_workbook(con, entry, scratch, language, limit)
        else:
            query = limit_query(sql, limit) if limit else sql
            written = write_query_workbook(con, query, scratch, language)
    shown = display_path(choice.output)
    log_progress(f"{shown}: {written.rows:,} row{'' if written.rows == 1 else 's'}.")
    if missing := written.describe_missing():
        log_error(f"{shown}: {missing}")


def _load_words(con: "duckdb.DuckDBPyConnection", model: str, excel: "ExcelCsv") -> "PeopleWords":
    from p4books.publish.export import load_people_words
    from p4books.publish.query import find_model, list_models

    return load_people_words(con, find_model(list_models(con), model), excel)


def _build_model_query(
    con: "duckdb.DuckDBPyConnection", model: str, words: "PeopleWords | None"
) -> str:
    from p4books.publish.query import find_model, list_models

    return find_model(list_models(con), model).select(words.select() if words else "*")


def _write_result(write: Callable[[Path], int], output: Path | None, mode: int) -> None:
    """Write a result to a file or to stdout, completely or not at all."""
    from p4books.cli.console import display_path
    from p4books.publish.export import (
        make_folder,
        temporary_folder,
        write_atomically,
    )

    if output:
        make_folder(output.parent)
        with write_atomically(output, mode) as scratch:
            rows = write(scratch)
        log_progress(f"{display_path(output)}: {rows:,} row{'' if rows == 1 else 's'}.")
        return
    with TemporaryDirectory() as folder, temporary_folder(Path(folder), Path(folder)) as scratch:
        file = scratch / "result"
        write(file)
        with file.open("rb") as written:
            shutil.copyfileobj(written, sys.stdout.buffer)
