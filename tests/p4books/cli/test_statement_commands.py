"""Tests of the command statement."""

import json
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.command import Completed, Run
from tests.p4books.cli.conftest import assert_one_sentence

from p4books.settings import ENV_PREFIX


def written_files(done: Completed) -> list[Path]:
    """Return the files of `statement --json`, which ended well."""
    assert done.returncode == 0, done.stderr
    return [Path(each["file"]) for each in json.loads(done.stdout)["statements"]]


def test_overdue(run_shop: Run, tmp_path: Path) -> None:
    """With --overdue there is a statement for everyone who is late, in the language of the setting
    and with the letterhead."""
    settings = {
        f"{ENV_PREFIX}COMPANY": "Istmo, S.A.",
        f"{ENV_PREFIX}COMPANY_DETAILS": "RUC 1-2-3 | | Vía España ",
        f"{ENV_PREFIX}LANGUAGE": "es",
    }

    done = run_shop("statement", "--overdue", "--to", str(tmp_path), "--json", **settings)

    files = written_files(done)
    late = run_shop("query", "--json", "select overdue from reporting.ar_aging where overdue > 0")
    shown = json.loads(done.stdout)
    assert sorted(each["overdue"] for each in shown["statements"]) == sorted(
        row["overdue"] for row in json.loads(late.stdout)
    )
    assert shown["manifest"] == str(tmp_path / "manifest.csv")
    assert f"{len(files)} statements, listed in " in done.stderr
    text = PdfReader(files[0]).pages[0].extract_text()
    assert text.splitlines()[:4] == [
        *("Istmo, S.A.", "RUC 1-2-3", "Vía España", "Estado de cuenta"),
    ]


def test_one_customer(run_shop: Run, tmp_path: Path) -> None:
    """Without a company in the settings the tenant is the sender; the table shows the amounts, and
    --lang overrules the setting."""
    found = run_shop(
        "query", "--json", "select customer_code, balance from reporting.ar_aging limit 1"
    )
    (row,) = json.loads(found.stdout)
    words = ["statement", row["customer_code"], "--to", str(tmp_path), "--lang", "en"]

    done = run_shop(*words, "--format", "pdf", **{f"{ENV_PREFIX}LANGUAGE": "es"})
    again = run_shop(*words, "--format", "xlsx")

    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    assert f"{float(row['balance']):,.2f}" in done.stdout
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".pdf", ".xlsx"]
    (file,) = tmp_path.glob("*.pdf")
    assert PdfReader(file).pages[0].extract_text().startswith("shop Statement of account\n")
    assert "1 statement, listed in " in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Name customers, or give --overdue for all that are late."),
        (["C-1", "--overdue"], "Name customers, or give --overdue"),
        (["no-such-customer"], "Unknown customer 'no-such-customer'."),
        (["1", "--format", "docx"], "docx"),
        (["1", "--lang", "fr"], "fr"),
        (["1", "--as-of", "yesterday"], "yesterday is not a valid day"),
    ],
)
def test_wrong_usage(run_shop: Run, tmp_path: Path, words: list[str], says: str) -> None:
    """Wrong words end with 2 and write nothing."""
    done = run_shop("statement", *words, "--to", str(tmp_path / "out"))

    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_day_that_was_not_published(run_shop: Run, tmp_path: Path) -> None:
    """Like export, the command opens the file of a past day and says how to publish it."""
    done = run_shop("statement", "--overdue", "--as-of", "2026-01-31", "--to", str(tmp_path))

    assert done.returncode != 0
    assert_one_sentence(done, "`p4books report --as-of 2026-01-31`")
    assert not list(tmp_path.glob("*.pdf"))


def test_folder_that_is_a_file(run_shop: Run, tmp_path: Path) -> None:
    """A folder that cannot be made is one sentence."""
    (tmp_path / "out").write_text("old")

    done = run_shop("statement", "--overdue", "--to", str(tmp_path / "out"))

    assert done.returncode == 1
    assert_one_sentence(done, "out cannot be written (it exists and is not a folder)")
