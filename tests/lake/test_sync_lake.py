"""Runs with a lake: a snapshot each that publishes, and what becomes of one that failed."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr
from tests.lake.lake_books import LakeBooks
from tests.postgres import PASSWORD, PostgresServer
from tests.staging_sync import sync_vendors

from p4books.settings import Lake, Settings
from p4books.sync import update_lake
from p4books_sandbox import Sandbox


def test_runs(
    make_settings: Callable[..., Settings],
    sandbox: Sandbox,
    catalog: SecretStr,
    postgres: PostgresServer,
    tmp_path: Path,
) -> None:
    """A run that publishes writes a snapshot; one that could not leaves that to the next one.

    That one writes it although P4 Books has nothing new, and a quiet run after it writes none.
    """
    settings = make_settings(sandbox, lake=Lake(catalog, str(tmp_path / "lake")))
    books = LakeBooks(settings, settings.published)
    first = sync_vendors(settings)
    quiet = sync_vendors(settings)
    sandbox.books["vendors"].replace(1, name="Renamed")
    postgres.kill()
    try:
        failed = sync_vendors(settings)
    finally:
        postgres.start()
    caught_up = sync_vendors(settings)

    assert (first.snapshot, first.faults, quiet.snapshot, quiet.faults) == (1, [], None, [])
    assert (failed.published, failed.snapshot) == (True, None)
    (fault,) = failed.faults
    assert "the next run writes what is missing" in str(fault)
    assert "published file" not in str(fault)  # which this run replaced
    assert PASSWORD not in str(fault)
    assert (caught_up.loaded, caught_up.snapshot, caught_up.faults) == (False, 2, [])
    assert caught_up.notes == ["The lake now has what was published before: snapshot 2."]
    assert books.find_differences() == []
    assert update_lake(settings) == ()
    assert sync_vendors(settings).snapshot is None
