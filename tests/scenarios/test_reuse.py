"""Published files that keep what did not change: the same as one built from scratch."""

import os
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb
import pytest
from tests.sql.books import fill
from tests.sql.random_books import AS_OF, BEGAN, DAYS, random_books

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables, stamp_change
from p4books.publish.publish import LARGE, publish_warehouse
from p4books.publish.published_file import inspect_published
from p4books.settings import Settings
from p4books.storage.database import open_database
from p4books.storage.files import scratch_dir
from p4books.storage.run_log import EndpointRun, Run
from p4books.transform.inputs import ModelInputs
from p4books.transform.models import SqlSources

Tables = dict[str, list[str]]

SOURCES = SqlSources.at()
SEEDS = range(min(int(os.environ.get("P4BOOKS_EXAMPLES", "1")), 30))
STEPS = 3 if "P4BOOKS_EXAMPLES" in os.environ else 1
FILED = "form,month,filed_on,box,amount\n" + "".join(
    f"430,{month},2026-06-29,,\n" for month in sorted({day[:7] for day in DAYS})
)
ONE_DAY = datetime(2026, 6, 30, 12, tzinfo=UTC)  # morning in Panama


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty warehouse."""
    path = tmp_path_factory.mktemp("reuse") / "warehouse.duckdb"
    create_tables(path, tuple(ENDPOINTS.values()))
    return path


class Replay:
    """A tenant whose warehouse shows random books as far as they were known at a time.

    All that happens to them happens within nine hours of one day, unless `spread` over months.
    """

    def __init__(self, folder: Path, empty: Path, seed: int, *, spread: bool = False) -> None:
        self.settings = Settings(tenant="acme", data_dir=folder)
        self._sources = SqlSources(SOURCES.builtin, folder / "sql")
        (folder / "sql" / "seeds").mkdir(parents=True)
        (folder / "sql" / "seeds" / "filed_returns.csv").write_text(FILED)
        self._small = Settings(tenant="acme", data_dir=folder / "small")
        self._rebuilt = Settings(tenant="acme", data_dir=folder / "rebuilt")
        for settings in (self.settings, self._small, self._rebuilt):
            settings.private.mkdir(parents=True)
        self._all, self._number = folder / "all.duckdb", 0
        self._all.write_bytes(empty.read_bytes())
        with open_database(self._all) as con:
            for name, rows in random_books(seed).items():
                fill(con, name, rows)
                for column in () if spread else ("_dlt_valid_from", "_dlt_valid_to"):
                    con.execute(
                        f"update raw.{name} set {column} = $day::timestamptz"
                        f" + ({column} - $began::timestamptz) / 500",
                        {"day": ONE_DAY, "began": BEGAN},
                    )
        self.begin, self.end = (
            (BEGAN, AS_OF)
            if spread
            else (
                ONE_DAY,
                ONE_DAY + (AS_OF - BEGAN) / 500,
            )
        )

    def go_to(self, at: datetime) -> None:
        """Load what was known at a time, as a run of that time would have."""
        self._number += 1
        self.settings.warehouse.write_bytes(self._all.read_bytes())
        with open_database(self.settings.warehouse) as con:
            for name in ENDPOINTS:
                con.execute(f"delete from raw.{name} where _dlt_valid_from > ?", [at])
                con.execute(
                    f"update raw.{name} set _dlt_valid_to = null where _dlt_valid_to > ?", [at]
                )
                con.execute(  # the run read a part of the list again
                    f"insert into raw.seen select '{name}', id,"
                    f" if(hash(id) % 3 = {self._number % 3}, $at::timestamptz, _dlt_valid_from)"
                    f" from raw.{name} where _dlt_valid_to is null",
                    {"at": at},
                )
            stamp_change(con, at.timestamp())
        self._runs = [make_run(at, self._number)]

    def publish(self) -> Tables:
        """Publish as if the books were large, and return what is in the file."""
        return self._publish(self.settings, large=0)

    def publish_small(self) -> Tables:
        """Publish in a folder of its own, as small books."""
        return self._publish(self._small)

    def rebuild(self) -> Tables:
        """Publish from scratch in a folder of its own."""
        return self._publish(self._rebuilt, rebuild=True)

    def _publish(self, settings: Settings, *, rebuild: bool = False, large: int = LARGE) -> Tables:
        inputs = ModelInputs(settings, self._sources, self._runs)
        with scratch_dir(settings.work) as scratch:
            found = None if rebuild else inspect_published(settings)
            publish_warehouse(self.settings.warehouse, inputs, scratch, found, large=large)
        return read_tables(settings.published)


def make_run(at: datetime, number: int) -> Run:
    """Return a run that read every list at a time."""
    seconds = at.timestamp()
    readings = tuple(
        EndpointRun(name, "whole", "done", seconds, seconds, current_to=seconds, complete=True)
        for name in ENDPOINTS
    )
    return Run(number, seconds, seconds, "done", len(ENDPOINTS), 0, 0.0, readings)


def read_tables(file: Path) -> Tables:
    """Return the rows of every table but `about`, and their columns with types and comments."""
    with duckdb.connect(file, read_only=True) as con:
        names = con.execute(
            "select distinct schema_name || '.' || table_name from duckdb_columns()"
            " where not internal order by all"
        ).fetchall()
        tables = {
            name: [str(row) for row in con.execute(f"from {name} order by all").fetchall()]
            for (name,) in names
            if name != "main.about"
        }
        tables["columns"] = [
            str(row)
            for row in con.execute(
                "select schema_name, table_name, column_name, data_type, comment"
                " from duckdb_columns() where not internal order by all"
            ).fetchall()
        ]
        tables["comments"] = [
            str(row)
            for row in con.execute(
                "select schema_name, table_name, comment from duckdb_tables() order by all"
            ).fetchall()
        ]
    return tables


def list_differences(kept: Tables, built: Tables) -> dict[str, tuple[list[str], list[str]]]:
    """Return by table the rows that are only in one of two files."""
    return {
        name: (
            [row for row in kept.get(name, []) if row not in built.get(name, [])],
            [row for row in built.get(name, []) if row not in kept.get(name, [])],
        )
        for name in kept.keys() | built.keys()
        if kept.get(name) != built.get(name)
    }


def count_kept(caplog: pytest.LogCaptureFixture) -> list[int]:
    """Return how many tables each file kept, without files that were built from scratch."""
    return [int(message.split()[0]) for message in caplog.messages if "tables kept" in message]


@pytest.mark.parametrize("seed", SEEDS)
def test_kept_is_as_built(
    empty: Path, tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """After each of several runs, a file that keeps what did not change equals one from scratch."""
    caplog.set_level("INFO")
    replay = Replay(tmp_path, empty, seed, spread=seed % 3 == 2)
    random = Random(seed)  # noqa: S311 - no secret
    span = replay.end - replay.begin
    times = sorted(replay.begin + random.random() * span for _ in range(STEPS))

    for at in [*times, replay.end]:
        replay.go_to(at)
        kept = replay.publish()
        built = replay.rebuild()

        assert list_differences(kept, built) == {}
        assert list_differences(replay.publish_small(), built) == {}
    counts = count_kept(caplog)
    assert list_differences(replay.publish(), built) == {}
    if count_kept(caplog) == counts:  # the file was half empty, so this one is new
        assert list_differences(replay.publish(), built) == {}
    *counts, last = count_kept(caplog)
    assert last > max(counts) > 5  # nothing changed before the last one
    assert [record.levelname for record in caplog.records if record.levelname != "INFO"] == []
