"""A tenant whose published file is written by hand, and its lake."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from pydantic import SecretStr

from p4books.lake import LakeSnapshot, open_lake, write_lake
from p4books.lake.place import require_lake
from p4books.lake.tables import list_tables
from p4books.publish.published_file import FileAccess, replace_published
from p4books.settings import Lake, Settings
from p4books.storage.database import open_database, quote_path
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
        built.parent.mkdir(exist_ok=True)
        shutil.copyfile(last if last.exists() else self.source, built)
        built.chmod(0o600)
        with duckdb.connect(built) as con:
            con.execute("create schema if not exists custom")
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
                table = ours[name]
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
