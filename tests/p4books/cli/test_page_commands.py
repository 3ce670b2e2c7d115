"""Tests of the command page."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from openpyxl import load_workbook
from tests.command import Run
from tests.p4books.cli.conftest import assert_one_sentence

from p4books.settings import ENV_PREFIX


def test_page(run_shop: Run, home: Path) -> None:
    """The page is written where exports are, in the language and with the name of the settings."""
    settings = {f"{ENV_PREFIX}LANGUAGE": "es", f"{ENV_PREFIX}COMPANY": "Istmo, S.A."}

    done = run_shop("page", "--json", **settings)

    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    file = home / shown["file"]
    assert shown == {
        "file": "exports/shop.html",
        "currencies": ["USD"],
        "bytes": file.stat().st_size,
    }
    assert file.stat().st_mode & 0o777 == 0o640
    text = file.read_text()
    assert '<html lang="es">' in text
    assert "<h1><bdi>Istmo, S.A.</bdi></h1>" in text


def test_runs_that_changed_nothing(p4books: Run, synced: Path, tmp_path: Path) -> None:
    """Books that were read again without a change are not called old: the run log knows of it."""
    moment = {"sync_interval": "0.000001"}  # minutes: the published file is older
    file = tmp_path / "exports" / "shop.html"

    p4books("page", **moment)
    old = file.read_text()
    with sqlite3.connect(synced / ".private" / "shop" / "runs.sqlite") as log:
        log.execute("update reading set current_to = started_at + 86400")
    p4books("page", **moment)
    p4books("export", company="Istmo, S.A.", **moment)

    read = file.read_text()
    summary = load_workbook(tmp_path / "exports" / "shop.xlsx").worksheets[0]
    assert "Istmo, S.A." in summary["A1"].value
    assert summary["A2"].value in read, "page and workbook have the same times"
    with sqlite3.connect(synced / ".private" / "shop" / "runs.sqlite") as log:
        log.execute("update reading set ended_at = started_at + 86400")
    p4books("page", **moment)

    assert "Not up to date" in old
    assert "Not up to date" not in read
    assert "Not up to date" in file.read_text(), "what was loaded is not published"


def test_output(run_shop: Run, tmp_path: Path) -> None:
    """With -o the folder is made, too; an existing file is replaced."""
    file = tmp_path / "new" / "books.html"
    file.parent.mkdir()
    file.write_text("old")

    done = run_shop("page", "-o", str(file), "--lang", "en", "--currency", "usd")

    assert done.returncode == 0, done.stderr
    assert '<html lang="en">' in file.read_text()
    assert done.stdout.splitlines()[0].split() == ["file", "currencies", "bytes"]
    assert [path.name for path in file.parent.iterdir()] == ["books.html"]


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (["--currency", "EUR"], 2, ["Unknown currency 'EUR'. Available: USD. Nothing was written"]),
        (["-o", "."], 1, ["it exists and is not a file", "unchanged"]),
        (["-o", "data/shop.duckdb/x.html"], 1, ["cannot be written"]),
        (["--as-of", "2026-10-31"], 1, ["p4books report --as-of 2026-10-31"]),
        (["--as-of", "yesterday"], 2, ["not a valid day"]),
    ],
)
def test_wrong_use(run_shop: Run, words: list[str], code: int, parts: list[str]) -> None:
    """What cannot be written is one sentence and an exit code."""
    done = run_shop("page", *words)

    assert done.returncode == code
    assert_one_sentence(done, *parts)


def test_without_the_extra(run_shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages that draw it, the command says how to get them."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)

    done = run_shop("page")

    assert done.returncode == 2
    assert_one_sentence(done, "vl_convert", "pip install 'p4books[page]'")
