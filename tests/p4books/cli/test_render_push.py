"""Tests of the file of faults."""

import csv
import json
from pathlib import Path

import pytest

from p4books.cli.render_push import FAULT_COLUMNS, parse_fault_format, print_report, write_faults
from p4books.errors import NotWritten, UsageError
from p4books.push.types import PushReport, RowFault
from p4books.settings import Settings

FAULTS = [
    RowFault(7, "Precio", "1,5,0", "Not a number.", "Write it as 1.50.", cell="Hoja1!C7"),
    RowFault(0, "", 'Ñ "x"\ny', "The row has no code.", "Add one."),
]


def test_csv_file(tmp_path: Path) -> None:
    """A CSV file has a header and a line per fault, whose values are read back unchanged."""
    write_faults(tmp_path / "faults.CSV", FAULTS)

    with (tmp_path / "faults.CSV").open(encoding="utf-8", newline="") as text:
        header, *rows = csv.reader(text)
    assert header == ["row", "column", "value", "what", "remedy", "cell"]
    assert rows == [[str(getattr(fault, name)) for name in FAULT_COLUMNS] for fault in FAULTS]


def test_json_file(tmp_path: Path) -> None:
    """A JSON file has a list with an object per fault."""
    write_faults(tmp_path / "faults.json", FAULTS)

    assert json.loads((tmp_path / "faults.json").read_bytes()) == [
        {name: getattr(fault, name) for name in FAULT_COLUMNS} for fault in FAULTS
    ]


@pytest.mark.parametrize(
    ("name", "body"), [("f.csv", "row,column,value,what,remedy,cell\n"), ("f.json", "[]\n")]
)
def test_no_faults(tmp_path: Path, name: str, body: str) -> None:
    """Without faults an existing file is replaced by one that lists none."""
    write_faults(tmp_path / name, FAULTS)

    write_faults(tmp_path / name, [])

    assert (tmp_path / name).read_text() == body


@pytest.mark.parametrize("name", ["faults.xlsx", "faults"])
def test_other_suffixes(tmp_path: Path, name: str) -> None:
    """Any other suffix is an error, and nothing is written."""
    with pytest.raises(UsageError, match=rf"{name} is neither \.csv nor \.json"):
        parse_fault_format(tmp_path / name)
    with pytest.raises(UsageError):
        write_faults(tmp_path / name, FAULTS)

    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path: Path) -> None:
    """A file that cannot be written is an error, and nothing is created."""
    with pytest.raises(NotWritten, match=r"faults\.csv cannot be written \(No such file"):
        write_faults(tmp_path / "gone" / "faults.csv", FAULTS)

    assert not list(tmp_path.iterdir())


def test_failure_in_the_middle(tmp_path: Path) -> None:
    """If writing fails in the middle, the existing file is untouched."""
    file = tmp_path / "faults.csv"
    write_faults(file, FAULTS)
    before = file.read_bytes()

    with pytest.raises(UnicodeEncodeError):
        write_faults(
            file, [*FAULTS, RowFault(8, "a", "\ud800", "Half a character.", "Correct it.")]
        )

    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [(0, "there are no rows to push"), (1, "1 record read"), (2, "2 records read")],
)
def test_report_without_states(
    rows: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without rows is called that; one with unknown columns only has its records counted."""
    report = PushReport("customers", rows=rows)

    print_report(report, Settings(tenant="acme"))

    assert capsys.readouterr().out == f"customers: {sentence}; nothing was sent.\n"
