"""The project's own promises: README, Makefile, lock file, start-up imports."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from p4books.cli.app import app
from p4books.endpoints import ENDPOINTS
from p4books.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("said", ["README", "make help"])
def test_every_verb_and_endpoint_is_named(said: str) -> None:
    """README and `make help` name every verb and every endpoint."""
    help_text = subprocess.run(
        ["make", "--no-print-directory", "help"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = {"README": (ROOT / "README.md").read_text(), "make help": help_text}[said]

    missing = {word for word in [*app.commands, *ENDPOINTS] if not re.search(rf"\b{word}\b", text)}

    assert not missing


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    """The README's table of settings has every setting, and the default it really has."""
    readme = (ROOT / "README.md").read_text()
    for name, field in Settings.model_fields.items():
        (row,) = [
            line for line in readme.splitlines() if re.match(rf"\|[^|]*`{name}`[^|]*\|", line)
        ]
        default = field.default
        if isinstance(default, (int, float, str)) and name != "published_mode":
            assert f"{default:g}" in row if isinstance(default, float) else str(default) in row


def test_every_make_target_says_what_it_does() -> None:
    """Each target of the Makefile that a person calls has its line in `make help`."""
    makefile = (ROOT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert declared is not None

    silent = {
        name
        for name in declared.group(1).split()
        if not re.search(rf"^{name}:.*## \w", makefile, re.MULTILINE)
    }

    assert not silent


def test_the_lock_holds_plain_pins_only() -> None:
    """The lock file has name==version lines and no address to download from."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()

    odd = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+", line)]

    assert lines
    assert not odd


@pytest.mark.parametrize(
    "words", [["--help"], ["query", "--help"], ["status"], ["query", "select 1"]]
)
def test_what_only_reads_starts_without_heavy_libraries(words: list[str], tmp_path: Path) -> None:
    """Help, `status` and `query` import neither dlt, pyarrow nor sqlglot."""
    program = (
        "import sys\n"
        "from p4books.cli.app import app\n"
        f"sys.argv = ['p4books', *{words!r}]\n"
        "try:\n"
        "    app()\n"
        "except BaseException as end:\n"
        "    print(repr(end), file=sys.stderr)\n"
        "heavy = {'dlt', 'pyarrow', 'sqlglot', 'openpyxl', 'xlsxwriter'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"SOURCES__P4BOOKS__TENANT": "acme"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "heavy: []", done.stderr


@pytest.mark.parametrize("first", ["", "import p4books.sync\n", "from p4books.sync import sync\n"])
def test_the_public_api(first: str) -> None:
    """Every public name is there, whichever module was imported before."""
    program = (
        f"{first}import p4books\n"
        "from p4books import P4BooksError, Settings, load_settings, p4books_source, sync\n"
        "assert sorted(p4books.__all__) == sorted(\n"
        "    ['P4BooksError', 'Settings', 'load_settings', 'p4books_source', 'sync'])\n"
        "assert all(callable(getattr(p4books, name)) for name in p4books.__all__)\n"
        "assert p4books.sync is sync and callable(sync)\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
