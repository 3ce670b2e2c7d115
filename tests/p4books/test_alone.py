"""How does a run work undisturbed?"""

from pathlib import Path

import filelock
import pytest

from p4books.alone import alone, scratch
from p4books.errors import AlreadyRunning, DiskTrouble
from p4books.settings import Settings


def test_alone(settings: Settings) -> None:
    """While one holds the tenant another is told so at once; then it is free again."""
    with alone(settings):
        assert settings.private.stat().st_mode & 0o777 == 0o700
        with pytest.raises(AlreadyRunning, match="tenant acme"), alone(settings):
            pass

    with alone(settings):
        pass


def test_free_after_an_error(settings: Settings) -> None:
    """A run that fails holds nobody up."""
    with pytest.raises(KeyError), alone(settings):
        raise KeyError

    with filelock.FileLock(settings.private / "run.lock", timeout=0):
        pass


def test_two_tenants(settings: Settings) -> None:
    """Tenants do not wait for each other."""
    with alone(settings), alone(settings.model_copy(update={"tenant": "north"})):
        pass


def test_no_place(settings: Settings, tmp_path: Path) -> None:
    """A folder that can't be made is named."""
    (tmp_path / "data").write_text("in the way")

    with pytest.raises(DiskTrouble, match="cannot be written"), alone(settings):
        pass


def test_scratch(tmp_path: Path) -> None:
    """The scratch folder is empty whatever a dead run left, for us only, and gone afterwards."""
    folder = tmp_path / "work"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "left").write_text("half")

    with scratch(folder) as found:
        assert found == folder
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


def test_no_scratch(tmp_path: Path) -> None:
    """A scratch folder that can't be made is named."""
    with pytest.raises(DiskTrouble, match="nowhere"), scratch(tmp_path / "nowhere" / "work"):
        pass
