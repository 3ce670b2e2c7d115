"""How cost grows with the number of invoices held, and with the versions of each."""

import shutil
from pathlib import Path

import pytest
from tests.benchmarks import growth
from tests.benchmarks.growth import Results, Row, judge, load_results, write_results

FOLDER = Path(growth.__file__).parent
WRITTEN = ("README.md", "growth.svg", "growth.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what the benchmark wrote."""
    for name in WRITTEN:
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def make_row(first: float, changed: float) -> Row:
    seconds = {"first": first, "changed": changed, "quiet": 1.0}
    memory = {"first_memory": 400.0, "changed_memory": 300.0}
    return seconds | memory | {"json": 2e6, "private": 1e6, "published": 5e6}


def test_readme(folder: Path) -> None:
    """The table and the picture are those of what was measured, not edited."""
    write_results(folder, load_results(folder))

    for name in WRITTEN:
        assert (folder / name).read_text() == (FOLDER / name).read_text(), name


def test_other_results(folder: Path) -> None:
    """Other figures replace the table and the picture, but nothing else of README.md."""
    results: Results = {"invoices": {"1234": make_row(2, 9.87)}, "versions": {}}

    write_results(folder, results)

    old, new = (FOLDER / "README.md").read_text(), (folder / "README.md").read_text()
    row = "| 1,234 | 2.00 s | 9.87 s | 1.00 s | 400 MB | 300 MB | 2.0 MB | 1.0 MB (50%) |"
    assert f"{row} 5.0 MB (250%) |" in new
    assert new.split(growth.BEGIN)[0] == old.split(growth.BEGIN)[0]
    assert new.split(growth.END)[1] == old.split(growth.END)[1]
    assert new.count("---:") == 9 + 8
    assert load_results(folder) == results


@pytest.mark.parametrize(
    ("first", "changed", "met"),
    [(20, 3.1, [True, True]), (25, 3.1, [False, True]), (20, 3.3, [True, False])],
)
def test_judge(first: float, changed: float, met: list[bool]) -> None:
    """Ten times the invoices may take ten times as long at first, and √10 with changes."""
    results = {"invoices": {"100": make_row(2, 1), "1000": make_row(first, changed)}}

    figures = judge({**results, "versions": {}})

    assert [figure.meets(figure.bar) for figure in figures] == met
