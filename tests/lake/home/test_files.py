"""The files of a tenant as they lie on this machine, while others read or delete them."""

import os
import shutil
import sys
import time
from pathlib import Path
from types import FrameType

import pytest

from p4books.home.files import TenantFiles
from p4books.push.ledger import Ledger, list_pushes
from p4books.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A tenant whose home was not used yet."""
    settings = Settings(tenant="acme", data_dir=tmp_path)
    settings.private.mkdir(parents=True)
    return settings


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_vanishing_folder(settings: Settings, nth: int) -> None:
    """A folder that a run deletes while files are listed has none."""
    folder = settings.spool / "vendors"
    folder.mkdir(parents=True)
    (folder / "000001.ndjson").write_bytes(b"{}")
    settings.run_log.write_bytes(b"")
    lists: list[str] = []

    def delete(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and function is os.scandir:
            lists.append(frame.f_code.co_name)
            if len(lists) == nth:
                shutil.rmtree(folder)

    sys.setprofile(delete)
    try:
        names = TenantFiles(settings).list_names()
    finally:
        sys.setprofile(None)

    assert settings.run_log.name in names
    assert lists


def test_reading_a_ledger_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    """A ledger that is only read, or copied to be put, has the same mark; one with a push not."""
    with Ledger(settings.ledger) as ledger:
        assert ledger
    files, name = TenantFiles(settings), settings.ledger.name
    (mark,) = files.list_marks([name], time.time_ns() + 3 * 10**9).values()
    (tmp_path / "scratch").mkdir()

    for _ in range(2):
        files.freeze(name, tmp_path / "scratch")
        list_pushes(settings.ledger)
        assert files.read_mark(name) == mark
    with Ledger(settings.ledger) as ledger:
        ledger.close_gap()
        assert files.read_mark(name) != mark
    assert files.read_mark(name) != mark
