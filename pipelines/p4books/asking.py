"""Which words lead to what was published?"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from p4books import options
from p4books.errors import UsageError
from p4books.eventlog import say

if TYPE_CHECKING:  # --help waits for neither
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
@options.as_of
@options.tenant
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
    kind = _kind(kind, output, as_json=as_json)
    if file:
        sql = _read(file)
    from p4books import screen, settings
    from p4books.warehouse import query as asked

    found = settings.load(tenant, need_key=False)
    with asked.connect(_published(found, as_of)) as con:
        answer = asked.ask(con, _select(con, model) if model else sql or "")
        if kind != "table":
            _write(answer, output, kind, found.published_mode)
            return
        names, rows = asked.columns(answer), list(asked.rows(answer))
    screen.answer(names, rows)


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
@options.as_of
@options.tenant
@options.as_json
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
    from p4books import screen, settings
    from p4books.warehouse.export import export as run

    found = settings.load(tenant, need_key=False)
    done = run(_published(found, as_of), models, kind, folder, found.published_mode)
    if as_json:
        screen.as_json([{**vars(each), "file": str(each.file)} for each in done])
        return
    screen.table(
        ("file", "models", "rows"),
        ((screen.shown(each.file), len(each.models), each.rows) for each in done),
    )
    for each in done:
        for note in each.notes:
            say(note)


@click.command(
    short_help="List the models of the published file, or show one.",
    epilog="\b\nExample:\n  p4books models\n  p4books models ar_aging",
)
@click.argument("name", required=False, metavar="[MODEL]")
@options.as_of
@options.tenant
@options.as_json
def models(name: str | None, as_of: str | None, tenant: str | None, as_json: bool) -> None:
    """List the models of the published file; or what one's columns mean and what it is made of."""
    from p4books import listing, screen, settings
    from p4books.warehouse import catalogue
    from p4books.warehouse import query as asked

    found = settings.load(tenant, need_key=False)
    with asked.connect(_published(found, as_of)) as con:
        listed = catalogue.listed(con)
        one = catalogue.one(listed, name) if name else None
        columns = catalogue.columns(con, one) if one else []
    if as_json:
        screen.as_json({**vars(one), "columns": columns} if one else listed)
    elif one:
        listing.model(one, columns)
    else:
        listing.models(listed)


@click.command(
    short_help="Publish the reports anew, or as of a past day.",
    epilog="\b\nExample:\n  p4books report\n  p4books report --as-of 2026-10-31",
)
@click.option("--as-of", metavar="DAY", help="As the books stood at the end of that day.")
@options.tenant
@options.as_json
def report(as_of: str | None, tenant: str | None, as_json: bool) -> None:
    """Publish the reports anew from what is held, as after a change of the SQL.

    With --as-of they show the books as they stood at the end of a day, in a file of their own
    beside the published one. P4 Books is asked nothing.
    """
    day = options.day(as_of)
    from p4books import listing, screen, settings
    from p4books.report import report as run
    from p4books.warehouse import catalogue
    from p4books.warehouse import query as asked
    from p4books.warehouse.errors import left_out

    found = settings.load(tenant, need_key=False)
    file, made = run(found, day)
    with asked.connect(file) as con:
        about = catalogue.about(con)
    if as_json:
        told = {name: about[name] for name in ("as_of_on", "as_of_at", "published_at", "models")}
        lost = [left_out(fault) for fault in made.left_out]
        screen.as_json({"file": str(file), **told, "left_out": lost})
        return
    listing.published(file, about, found, len(made.left_out))
    for fault in made.left_out:
        say(left_out(fault))


def _published(found: "Settings", as_of: str | None) -> Path:
    """Give the file to open: the published one, or that of a day. Raises NotPublished."""
    from p4books.warehouse.errors import NotPublished

    day = options.day(as_of)
    file = found.published_as_of(day)
    if day and not file.exists():
        raise NotPublished(file, f"p4books report --as-of {day}")
    return file


def _kind(kind: str | None, output: Path | None, *, as_json: bool) -> str:
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


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{file} cannot be read ({why}).") from None


def _select(con: "duckdb.DuckDBPyConnection", model: str) -> str:
    from p4books.warehouse import catalogue

    return catalogue.one(catalogue.listed(con), model).select()


def _write(answer: "duckdb.DuckDBPyConnection", output: Path | None, kind: str, mode: int) -> None:
    """Write an answer into a file, or whole onto the standard output, but never half."""
    from p4books.warehouse import files, whole

    if output:
        with whole.whole(output, mode) as made:
            files.write(answer, made, kind)
        return
    with TemporaryDirectory() as folder, whole.aside(Path(folder), Path(folder)) as scratch:
        files.write(answer, scratch / "answer", kind)
        with (scratch / "answer").open("rb") as told:
            shutil.copyfileobj(told, sys.stdout.buffer)
