"""Commands that read the published file: query, export, models, report."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from p4books.cli.runtime import as_of_option, json_option, log_error, parse_day, tenant_option
from p4books.errors import UsageError

if TYPE_CHECKING:  # `--help` imports neither
    import duckdb

    from p4books.settings import Settings


@click.command(
    short_help="Ask the published file, in SQL, read-only.",
    epilog='\b\nExample:\n  p4books query "select count(*) from staging.invoices"\n'
    "  p4books query --model ar_aging -o ar_aging.csv\n"
    "  p4books query --file question.sql --json",
)
@click.argument("sql", required=False)
@click.option("--file", "file", metavar="F.sql", type=Path, help="Ask what a file says.")
@click.option("--model", metavar="NAME", help="All of a model, sorted as people want it.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    help="How the answer is told (default: as FILE ends, else table).",
)
@click.option("-o", "--output", metavar="FILE", type=Path, help="Write it into a file.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@as_of_option
@tenant_option
def query(  # noqa: PLR0913
    sql: str | None,
    file: Path | None,
    model: str | None,
    kind: str | None,
    output: Path | None,
    as_json: bool,
    as_of: str | None,
    tenant: str | None,
) -> None:
    """Ask the published file, read-only and shut off from every other file.

    Ask in one way: with SQL, with a file of it, or with the name of a model.
    """
    if (sql is not None) + (file is not None) + (model is not None) != 1:
        raise UsageError("Ask in one way: with SQL, with --file F.sql or with --model NAME.")
    kind = _output_format(kind, output, as_json=as_json)
    if file:
        sql = _read_sql(file)
    from p4books.cli.console import print_rows
    from p4books.publish.query import execute_query, fetch_rows, open_published, result_columns
    from p4books.settings import load_settings

    found = load_settings(tenant, need_key=False)
    with open_published(_published_file(found, as_of)) as con:
        answer = execute_query(con, _model_query(con, model) if model else sql or "")
        if kind != "table":
            _write_output(answer, output, kind, found.published_mode)
            return
        names, rows = result_columns(answer), list(fetch_rows(answer))
    print_rows(names, rows)


@click.command(
    short_help="Write models as a workbook, CSV or Parquet.",
    epilog="\b\nExample:\n  p4books export\n"
    "  p4books export ar_aging staging.invoices --format csv\n"
    "  p4books export reporting staging --format parquet --to /srv/lake",
)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["xlsx", "csv", "parquet"]),
    default="xlsx",
    show_default=True,
    help="xlsx: one workbook; csv, parquet: one file for each model.",
)
@click.option(
    "--to", "folder", metavar="DIR", type=Path, default=Path("exports"), show_default=True
)
@as_of_option
@tenant_option
@json_option
def export(  # noqa: PLR0913
    models: tuple[str, ...],
    kind: str,
    folder: Path,
    as_of: str | None,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Write models into files for those who ask no database, sorted as people want them.

    MODEL is the name of a model or of a layer, as `p4books models` lists them; without any, all
    of reporting and custom. The files are DIR/TENANT.xlsx (of some, DIR/TENANT.MODEL.xlsx), or
    DIR/TENANT.LAYER.MODEL.csv. What a sheet of Excel can't hold lies in CSV beside the workbook.
    """
    from p4books.cli.console import display_path, print_json, print_table
    from p4books.publish.export import ExportOptions, export_models
    from p4books.settings import load_settings

    found = load_settings(tenant, need_key=False)
    options = ExportOptions(kind, folder, found.published_mode)
    done = export_models(_published_file(found, as_of), models, options)
    if as_json:
        print_json([{**vars(each), "file": str(each.file)} for each in done])
        return
    print_table(
        ("file", "models", "rows"),
        ((display_path(each.file), len(each.models), each.rows) for each in done),
    )
    for each in done:
        for note in each.notes:
            log_error(note)


@click.command(
    short_help="List the models of the published file, or show one.",
    epilog="\b\nExample:\n  p4books models\n  p4books models ar_aging",
)
@click.argument("name", required=False, metavar="[MODEL]")
@as_of_option
@tenant_option
@json_option
def models(name: str | None, as_of: str | None, tenant: str | None, as_json: bool) -> None:
    """List the models of the published file; or what one's columns mean and what it is made of."""
    from p4books.cli.console import print_json
    from p4books.cli.render_sync import print_model, print_models
    from p4books.publish.query import find_model, list_columns, list_models, open_published
    from p4books.settings import load_settings

    found = load_settings(tenant, need_key=False)
    with open_published(_published_file(found, as_of)) as con:
        listed = list_models(con)
        one = find_model(listed, name) if name else None
        columns = list_columns(con, one) if one else []
    if as_json:
        print_json({**vars(one), "columns": columns} if one else listed)
    elif one:
        print_model(one, columns)
    else:
        print_models(listed)


@click.command(
    short_help="Publish the reports anew, or as of a past day.",
    epilog="\b\nExample:\n  p4books report\n  p4books report --as-of 2026-10-31",
)
@click.option("--as-of", metavar="DAY", help="As the books stood at the end of that day.")
@tenant_option
@json_option
def report(as_of: str | None, tenant: str | None, as_json: bool) -> None:
    """Publish the reports anew from what is held, as after a change of the SQL.

    With --as-of they show the books as they stood at the end of a day, in a file of their own
    beside the published one. P4 Books is asked nothing.
    """
    day = parse_day(as_of)
    from p4books.cli.console import print_json
    from p4books.cli.render_sync import print_published
    from p4books.errors import describe_left_out
    from p4books.publish.publish import publish_report
    from p4books.publish.query import open_published, read_about
    from p4books.settings import load_settings

    found = load_settings(tenant, need_key=False)
    file, made = publish_report(found, day)
    with open_published(file) as con:
        about = read_about(con)
    if as_json:
        told = {name: about[name] for name in ("as_of_on", "as_of_at", "published_at", "models")}
        lost = [describe_left_out(fault) for fault in made.left_out]
        print_json({"file": str(file), **told, "left_out": lost})
        return
    print_published(file, about, found, len(made.left_out))
    for fault in made.left_out:
        log_error(describe_left_out(fault))


def _published_file(found: "Settings", as_of: str | None) -> Path:
    """Give the file to open: the published one, or that of a day. Raises NotPublished."""
    from p4books.errors import NotPublished

    day = parse_day(as_of)
    file = found.published_as_of(day)
    if day and not file.exists():
        raise NotPublished(file, f"p4books report --as-of {day}")
    return file


def _output_format(kind: str | None, output: Path | None, *, as_json: bool) -> str:
    """Choose how an answer is told. Raises UsageError where that is said in two ways or not."""
    if as_json and kind not in {None, "json"}:
        raise UsageError(f"--json is short for --format json; it can't be {kind} too.")
    ending = output.suffix.lower().removeprefix(".") if output else "table"
    kind = "json" if as_json else kind or ending
    if output and kind not in {"csv", "json", "parquet"}:
        raise UsageError(f"{output} can't be written so; say --format csv, json or parquet.")
    if kind == "parquet" and not output:
        raise UsageError("Parquet is written into a file only: name it with -o FILE.")
    return kind


def _read_sql(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{file} cannot be read ({why}).") from None


def _model_query(con: "duckdb.DuckDBPyConnection", model: str) -> str:
    from p4books.publish.query import find_model, list_models

    return find_model(list_models(con), model).select()


def _write_output(
    answer: "duckdb.DuckDBPyConnection", output: Path | None, kind: str, mode: int
) -> None:
    """Write an answer into a file, or whole onto the standard output, but never half."""
    from p4books.publish.export import temporary_folder, write_atomically, write_rows

    if output:
        with write_atomically(output, mode) as made:
            write_rows(answer, made, kind)
        return
    with TemporaryDirectory() as folder, temporary_folder(Path(folder), Path(folder)) as scratch:
        write_rows(answer, scratch / "answer", kind)
        with (scratch / "answer").open("rb") as told:
            shutil.copyfileobj(told, sys.stdout.buffer)
