"""Backups in an S3: made, listed, restored, deleted."""

import hashlib
from pathlib import Path

import pytest
from tests.s3 import SECRET
from tests.scenarios.test_backup_kill import change_books, read_state

from p4books.backup import back_up, list_backup_sources, restore
from p4books.backup.errors import UNCHANGED
from p4books.backup.manifest import MANIFEST
from p4books.settings import KeepRules, Settings
from p4books.storage.places import PlaceTrouble, open_place


@pytest.fixture
def settings(tmp_path: Path, s3: str) -> Settings:
    """The settings of a tenant whose backups go to a bucket."""
    settings = Settings(
        tenant="acme",
        data_dir=tmp_path / "data",
        backup_to=f"{s3}/{tmp_path.name}",
        backup_keep=KeepRules(2, 0, 0, 0),
    )
    settings.private.mkdir(parents=True)
    change_books(settings, 1)
    return settings


def test_bucket(settings: Settings, tmp_path: Path) -> None:
    """A bucket does what a folder does: remains and old backups go, the rest can be restored."""
    place = open_place(settings.backup_to or "", UNCHANGED)
    place.write("acme/20260101T000000000000Z", "warehouse.duckdb", [b"cut"])
    place.write("acme/20260101T000000000000Z", "begun-by.txt", [b"another machine, long ago"])
    states, names = [], []
    for number in (1, 2, 3):
        if number > 1:
            change_books(settings, number)
        states.append(read_state(settings.private))
        names.append(back_up(settings).manifest.name)

    assert not back_up(settings).is_new
    sources = list_backup_sources(settings)
    assert [source.name for source in sources] == names[:0:-1]
    assert sorted(place.list_folders("acme")) == names[1:]
    restore(settings, sources[1].location)
    warehouse = hashlib.sha256(settings.warehouse.read_bytes()).hexdigest()
    assert warehouse == states[1][0]
    place.delete(f"acme/{names[2]}", ["runs.sqlite"])
    problems = [source.problem for source in list_backup_sources(settings)]
    assert problems == ["runs.sqlite is missing or has another size", None]


def test_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials nothing is written, and no message has one."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(settings.data_dir))

    with pytest.raises(PlaceTrouble, match="credentials") as failure:
        back_up(settings)
    assert SECRET not in str(failure.value)
    assert MANIFEST not in str(failure.value)
