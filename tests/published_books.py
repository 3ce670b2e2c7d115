"""Published files of hand-written rows, for tests of what reads them."""

from datetime import UTC, datetime
from pathlib import Path

from tests.sql.books import Row, Rows, fill

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables
from p4books.publish.publish import PublishTarget, build_published_file
from p4books.settings import validate_settings
from p4books.storage.database import open_database
from p4books.transform.as_of import record_as_of
from p4books.transform.models import SqlSources, load_models
from p4books.transform.seeds import load_seeds

TENANT = "acme"


def publish_books(folder: Path, rows: Rows, as_of: Row) -> Path:
    """Publish all models of rows of raw as `acme.duckdb` in a new folder; return the file."""
    folder.mkdir()
    warehouse, file = folder / "warehouse.duckdb", folder / f"{TENANT}.duckdb"
    create_tables(warehouse, tuple(ENDPOINTS.values()))
    sources = SqlSources.at()
    with open_database(warehouse) as con:
        load_seeds(con, sources)
        record_as_of(con, validate_settings({"tenant": TENANT}), ())
        for table, table_rows in rows.items():
            fill(con, table, table_rows)
        if as_of:
            assignments = ", ".join(f"{column} = ?" for column in as_of)
            con.execute(f"update raw.as_of set {assignments}", list(as_of.values()))
        about = con.execute("select as_of_at, as_of_on from raw.as_of").fetchone() or (None, None)
    target = PublishTarget(
        folder,
        file,
        0o640,
        {
            "tenant": TENANT,
            "as_of_at": about[0],
            "as_of_on": about[1],
            "timezone": "America/Panama",
            "currency": "USD",
            "p4books_version": "0",
            "published_at": datetime(2026, 6, 30, 17, 1, tzinfo=UTC),
            "made_of": "rows of a test",
        },
    )
    build_published_file(warehouse, load_models(sources), target)
    return file
