"""Which files are written of the published one?"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook

from p4books.errors import NotWritten, QueryFailed
from p4books.publish.export import export_models

Files = Callable[..., Path]

NUMBERS = "-- One row per number.\n-- key: i\n-- order: i desc\nselect i from range(20) as r (i)"


@pytest.fixture
def file(publish_models: Files) -> Path:
    """A published file with a model in each of three layers."""
    return publish_models(
        staging__vendors="-- One row per vendor.\nselect id, name, balance from raw.vendors",
        reporting__numbers=NUMBERS,
        custom__mine="-- One row.\nselect 'Ñandú' as word",
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_for_each_model(file: Path, tmp_path: Path, kind: str) -> None:
    """Each model of reporting and custom has its file, in the order people want."""
    folder = tmp_path / "new" / "exports"

    done = export_models(file, [], kind, folder, 0o640)

    assert [each.file for each in done] == [
        folder / f"acme.reporting.numbers.{kind}",
        folder / f"acme.custom.mine.{kind}",
    ]
    assert [each.rows for each in done] == [20, 1]
    assert sorted(folder.iterdir()) == sorted(each.file for each in done)
    with duckdb.connect() as con:
        found = con.execute(f"from '{done[0].file}'").fetchall()
    assert found == [(number,) for number in reversed(range(20))]
    assert done[0].file.stat().st_mode & 0o777 == 0o640


def test_what_is_named(file: Path, tmp_path: Path) -> None:
    """Words choose models and layers."""
    done = export_models(file, ["staging", "mine"], "csv", tmp_path / "out", 0o640)

    assert [each.models for each in done] == [("staging.vendors",), ("custom.mine",)]


def test_a_workbook(file: Path, tmp_path: Path) -> None:
    """One workbook, named for the tenant, holds all models."""
    (done,) = export_models(file, [], "xlsx", tmp_path / "out", 0o640)

    assert done.file == tmp_path / "out" / "acme.xlsx"
    assert (done.models, done.rows) == (("reporting.numbers", "custom.mine"), 21)
    assert load_workbook(done.file).sheetnames == ["Contents", "numbers", "mine"]
    assert list((tmp_path / "out").iterdir()) == [done.file]


def test_what_a_sheet_cannot_hold(file: Path, tmp_path: Path) -> None:
    """A model with more rows than a sheet lies whole in CSV beside the workbook, which says so."""
    book, beside = export_models(file, [], "xlsx", tmp_path / "out", 0o640, most=10)

    assert book.notes == ("numbers: Holds the first 7 of 20 rows; the CSV beside has all.",)
    assert beside.file.name == "acme.reporting.numbers.csv"
    assert beside.file.read_text().splitlines() == ["i", *map(str, reversed(range(20)))]


def test_nothing_to_export(publish_models: Files, tmp_path: Path) -> None:
    """Where there is no report and nothing is named, it is said what to name."""
    file = publish_models(staging__one="-- One row.\nselect 1 as one")

    with pytest.raises(QueryFailed, match="no model of reporting or custom; nothing was written"):
        export_models(file, [], "csv", tmp_path / "out", 0o640)

    assert not (tmp_path / "out").exists()


def test_all_or_none(publish_models: Files, tmp_path: Path) -> None:
    """Where one model can't be written none is, and what stood there is untouched."""
    file = publish_models(
        reporting__a="-- One row.\nselect 1 as one",
        reporting__b="-- One row.\n-- order: nothing\nselect 1 as one",
    )
    (tmp_path / "out").mkdir()
    old = tmp_path / "out" / "acme.reporting.a.csv"
    old.write_text("old")

    with pytest.raises(QueryFailed, match=r"reporting\.b: .*nothing"):
        export_models(file, [], "csv", tmp_path / "out", 0o640)

    assert list((tmp_path / "out").iterdir()) == [old]
    assert old.read_text() == "old"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_place_that_is_taken(file: Path, tmp_path: Path, kind: str) -> None:
    """A folder where a file should stand is named, and left."""
    name = {"csv": "acme.reporting.numbers.csv", "xlsx": "acme.xlsx"}[kind]
    (tmp_path / name).mkdir()

    with pytest.raises(NotWritten, match="something stands there that is not a file"):
        export_models(file, [], kind, tmp_path, 0o640)

    assert (tmp_path / name).is_dir()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".p4books")]


def test_a_folder_that_is_a_file(file: Path, tmp_path: Path) -> None:
    """A file where the folder should stand is named, and left."""
    (tmp_path / "out").write_text("old")

    with pytest.raises(NotWritten, match="something stands there that is not a folder"):
        export_models(file, [], "csv", tmp_path / "out", 0o640)

    assert (tmp_path / "out").read_text() == "old"
