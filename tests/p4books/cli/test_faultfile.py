"""How are the faults of rows written into a file?"""

import csv
import json
from pathlib import Path

import pytest

from p4books.cli.render_push import fault_format, write_faults
from p4books.errors import NotWritten, UsageError
from p4books.push.types import Fault

NAMES = ("row", "column", "value", "what", "remedy")
FAULTS = [
    Fault(7, "Precio", "1,5,0", "This is no number.", "Write it as 1.50."),
    Fault(0, "", 'Ñ "x"\ny', "No row has a code.", "Give each one."),
]


def test_csv(tmp_path: Path) -> None:
    """A line for each fault, with a header, to be read back as it was."""
    write_faults(tmp_path / "faults.CSV", FAULTS)

    with (tmp_path / "faults.CSV").open(encoding="utf-8", newline="") as text:
        header, *rows = csv.reader(text)
    assert header == ["row", "column", "value", "what", "remedy"]
    assert rows == [[str(getattr(fault, name)) for name in NAMES] for fault in FAULTS]


def test_json(tmp_path: Path) -> None:
    """An object for each fault, in a list."""
    write_faults(tmp_path / "faults.json", FAULTS)

    assert json.loads((tmp_path / "faults.json").read_bytes()) == [
        {name: getattr(each, name) for name in NAMES} for each in FAULTS
    ]


@pytest.mark.parametrize(
    ("name", "body"), [("f.csv", "row,column,value,what,remedy\n"), ("f.json", "[]\n")]
)
def test_no_fault(tmp_path: Path, name: str, body: str) -> None:
    """Without faults the old ones are gone from the file."""
    write_faults(tmp_path / name, FAULTS)

    write_faults(tmp_path / name, [])

    assert (tmp_path / name).read_text() == body


@pytest.mark.parametrize("name", ["faults.xlsx", "faults"])
def test_another_ending(tmp_path: Path, name: str) -> None:
    """Another ending is refused before anything is done."""
    with pytest.raises(UsageError, match=rf"{name} is neither \.csv nor \.json"):
        fault_format(tmp_path / name)
    with pytest.raises(UsageError):
        write_faults(tmp_path / name, FAULTS)

    assert not list(tmp_path.iterdir())


def test_no_folder(tmp_path: Path) -> None:
    """Where it can't be written, it is told, and nothing is made."""
    with pytest.raises(NotWritten, match=r"faults\.csv cannot be written \(No such file"):
        write_faults(tmp_path / "gone" / "faults.csv", FAULTS)

    assert not list(tmp_path.iterdir())


def test_half_a_file(tmp_path: Path) -> None:
    """What can't be written to its end leaves what stood there."""
    file = tmp_path / "faults.csv"
    write_faults(file, FAULTS)
    before = file.read_bytes()

    with pytest.raises(UnicodeEncodeError):
        write_faults(
            file, [*FAULTS, Fault(8, "a", "\ud800", "It is half a character.", "Mend it.")]
        )

    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
