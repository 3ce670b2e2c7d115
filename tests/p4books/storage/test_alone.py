"""How does a run work undisturbed?"""

from pathlib import Path

import filelock
import pytest

from p4books.errors import AlreadyRunning, DiskTrouble
from p4books.settings import Settings
from p4books.storage.files import scratch_dir, tenant_lock


def test_alone(settings: Settings) -> None:
    """While one holds the tenant another is told so at once; then it is free again."""
    with tenant_lock(settings):
        assert settings.private.stat().st_mode & 0o777 == 0o700
        with pytest.raises(AlreadyRunning, match="tenant acme"), tenant_lock(settings):
            pass

    with tenant_lock(settings):
        pass


def test_free_after_an_error(settings: Settings) -> None:
    """A run that fails holds nobody up."""
    with pytest.raises(KeyError), tenant_lock(settings):
        raise KeyError

    with filelock.FileLock(settings.private / "run.lock", timeout=0):
        pass


def test_two_tenants(settings: Settings) -> None:
    """Tenants do not wait for each other."""
    with tenant_lock(settings), tenant_lock(settings.model_copy(update={"tenant": "north"})):
        pass


def test_no_place(settings: Settings, tmp_path: Path) -> None:
    """A folder that can't be made is named."""
    (tmp_path / "data").write_text("in the way")

    with pytest.raises(DiskTrouble, match="cannot be written"), tenant_lock(settings):
        pass


def test_scratch(tmp_path: Path) -> None:
    """The scratch folder is empty whatever a dead run left, for us only, and gone afterwards."""
    folder = tmp_path / "work"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "left").write_text("half")

    with scratch_dir(folder) as found:
        assert found == folder
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


def test_no_scratch(tmp_path: Path) -> None:
    """A scratch folder that can't be made is named."""
    with pytest.raises(DiskTrouble, match="nowhere"), scratch_dir(tmp_path / "nowhere" / "work"):
        pass
