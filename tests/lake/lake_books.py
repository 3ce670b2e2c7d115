"""A tenant whose published file is written by hand, and its lake."""

import importlib.resources
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from pydantic import SecretStr

from p4books.lake import LakeSnapshot, open_lake, write_lake
from p4books.lake.place import require_lake
from p4books.lake.tables import fit_values, list_tables
from p4books.publish.published_file import FileAccess, replace_published
from p4books.settings import Lake, Settings
from p4books.storage.database import STORAGE_VERSION, open_database, quote_path
from p4books.storage.files import scratch_dir
from p4books.storage.run_log import RunLog


@dataclass
class LakeBooks:
    """A tenant with a published file, `source` at first, and a lake."""

    settings: Settings
    source: Path

    def publish(self, *changes: str) -> None:
        """Publish the file with changes, as SQL, to what was published last."""
        last = self.settings.published
        built = self.settings.data_dir / "built.duckdb"
        built.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(last if last.exists() else self.source, built)
        built.chmod(0o600)
        with duckdb.connect(built) as con:
            for change in changes:
                con.execute(change)
        record = replace_published(built, last, FileAccess(0o640))
        self.settings.private.mkdir(parents=True, exist_ok=True)
        RunLog(self.settings.run_log).save_published(record)

    def write(
        self, run: int | None = 7, is_mine: Callable[[], bool] = lambda: True
    ) -> LakeSnapshot | None:
        """Write the snapshot of what is published."""
        with scratch_dir(self.settings.work) as scratch:
            return write_lake(self.settings, run, scratch, is_mine)

    def write_number(self) -> int:
        """Write a snapshot that is needed, and return its number."""
        snapshot = self.write()
        assert snapshot is not None
        assert snapshot.number is not None
        return snapshot.number

    def query(self, sql: str, at: str | None = None) -> list[tuple[object, ...]]:
        """Query the lake."""
        with open_lake(self.settings, at) as lake:
            return lake.con.execute(sql).fetchall()

    def find_differences(self) -> list[str]:
        """Return the names of all tables that differ between the published file and the lake."""
        with (
            open_lake(self.settings) as lake,
            open_database() as file,
        ):
            file.execute(f"attach {quote_path(self.settings.published)} as published (read_only)")
            ours = {table.full_name: table for table in list_tables(file, "published")}
            theirs = {table.full_name: table for table in list_tables(lake.con, "lake")}
            theirs.pop("main.lake_tables")
            different = ours.keys() ^ theirs.keys()
            for name in ours.keys() & theirs.keys():
                table = fit_values(file, ours[name], "published")
                own = file.execute(f"select {table.values} from published.{table.quoted}")
                rows, columns = own.fetchall(), own.description
                held = lake.con.execute(f"from lake.{table.quoted}")
                if held.description != columns or sort_rows(held.fetchall()) != sort_rows(rows):
                    different |= {name}
        return sorted(different)

    def count_files(self) -> int:
        """Return the number of files in the storage, which must be a folder."""
        return sum(path.is_file() for path in Path(require_lake(self.settings).data).rglob("*"))


def make_lake_settings(
    folder: Path, catalog: SecretStr, storage: str | None = None, tenant: str = "acme"
) -> Settings:
    """Make the settings of a tenant with a lake, by default in a folder."""
    lake = Lake(catalog, storage or str(folder / "lake"))
    return Settings(tenant=tenant, data_dir=folder / "data").model_copy(update={"lake": lake})


def sort_rows(rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Return rows in an order that does not depend on where they are from."""
    return sorted(map(repr, rows))


SMALL = """
create table about as select
    'made of' as made_of, timestamptz '2026-03-31 12:45:00Z' as published_at,
    date '2026-03-31' as as_of_on, timestamptz '2026-03-31 12:30:00Z' as as_of_at,
    '1.0' as p4books_version;
create schema core;
create schema custom;
create table core.sales as
    select range as id, 'USD' as currency, range * 1.10::decimal(18, 2) as amount from range(5000);
comment on table core.sales is 'One row per sale.';
create view core.large_sales as select * exclude (currency, id) from core.sales where amount > 5000;
create table core.as_of as select 'acme' as tenant, date '2026-03-31' as as_of_on;
"""


def write_small_file(file: Path) -> Path:
    """Write a published file of three tables and a view."""
    with duckdb.connect(file, config={"storage_compatibility_version": STORAGE_VERSION}) as con:
        con.execute(SMALL)
    return file


def load_extension(extension: str | re.Match[str]) -> str:
    """Return the statement that loads an extension from its wheel, in place of `install`."""
    word = extension if isinstance(extension, str) else extension[1]
    name = {"postgres": "postgres_scanner"}.get(word, word)
    folder = importlib.resources.files(f"duckdb_extension_{name}")
    file = folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    return f"load '{file}';"
