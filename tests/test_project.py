"""Tests of the project's own files: READMEs, Makefile, dependencies, and what a start imports."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from tests.command import run_here

from p4books.cli.app import app
from p4books.endpoints import ENDPOINTS
from p4books.settings import Settings

ROOT = Path(__file__).parents[1]
PIPELINES_README = (ROOT / "pipelines" / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()


def test_help_names_every_command_and_endpoint(tmp_path: Path) -> None:
    """`p4books --help` lists the commands and the endpoints, and `make help` refers to it."""
    shown = run_here(["--help"], tmp_path, {}).stdout
    make_help = subprocess.run(
        ["make", "--no-print-directory", "help"],  # noqa: S607 - the user's make
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert not [
        word for word in [*app.commands, *ENDPOINTS] if not re.search(rf"\b{word}\b", shown)
    ]
    assert "p4books --help" in make_help


@pytest.mark.parametrize("command", app.commands)
def test_readme_has_every_command(command: str) -> None:
    """The table of commands in pipelines/README.md has a row for each command."""
    assert re.search(rf"^\| `p4books {command}\b", PIPELINES_README, re.MULTILINE)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_readme_has_every_setting(name: str) -> None:
    """The table of settings in pipelines/README.md has each setting with its default."""
    settings = PIPELINES_README.partition("\n## Settings\n")[2]  # an extra may have the same name
    (row,) = re.findall(rf"^\|[^|]*`{name}`[^|]*\|.*$", settings, re.MULTILINE)
    default = Settings.model_fields[name].default

    if name == "published_mode":
        assert f"`{default:04o}`" in row
    elif isinstance(default, (int, float, str)):
        assert f"{default:g}" in row if isinstance(default, float) else str(default) in row


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in ROOT.rglob("*.md")
        if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
    ],
    ids=str,
)
def test_no_readme_lists_the_endpoints(file: Path) -> None:
    """No text lists the endpoints, so that a new one needs none: they come from ENDPOINTS.

    Output that is shown, and sql/README.md, which is generated, do list them.
    """
    text = re.sub(r"^```.*?^```", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    paragraphs = [] if file == ROOT / "sql" / "README.md" else text.split("\n\n")

    assert not [part for part in paragraphs if all(f"`{name}`" in part for name in ENDPOINTS)]


def test_every_make_target_has_help() -> None:
    """Each target of the Makefile has one line of help."""
    (declared,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    for name in declared.split():
        assert re.search(rf"^{name}:.*## \w", MAKEFILE, re.MULTILINE), name


def test_paths_in_the_makefile_exist() -> None:
    """Every test file and module of our own that the Makefile names is there."""
    for path in re.findall(r"\btests/[\w/]+\.py", MAKEFILE):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"-m ((?:p4books|tests)[\w.]+)", MAKEFILE):
        path = ROOT / ("." if module.startswith("tests") else "pipelines")
        path = path.joinpath(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_ci_ends_with_the_tests() -> None:
    """CI calls what a person calls, and the tests last."""
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line[:1] != "#"]

    assert commands[-1] == "make test"
    assert commands[-2].split()[-4:] == ["system", "setup", "lint", "demo"]


@pytest.mark.parametrize("lock", ["requirements.lock", "tests/recipes/requirements.lock"])
def test_the_lock_has_plain_pins_only(lock: str) -> None:
    """A lock file has name==version lines, and no address to download from."""
    lines = (ROOT / lock).read_text().splitlines()

    assert lines
    assert not [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+", line)
    ]


def test_the_lock_has_every_dependency() -> None:
    """Each dependency, including those of the extras, is pinned by the lock file."""
    project = tomllib.loads(PROJECT)["project"]
    required = list(chain(project["dependencies"], *project["optional-dependencies"].values()))
    pinned = {
        _normalize(line.partition("==")[0])
        for line in (ROOT / "requirements.lock").read_text().splitlines()
    }

    names = {_normalize(re.split(r"[\[<>=;]", line)[0].strip()) for line in required}
    assert names - pinned == {"p4books"}


@pytest.mark.parametrize(
    "section", ["dependencies", "sandbox", "statements", "page", "backup", "dagster"]
)
def test_dependencies_have_reasons(section: str) -> None:
    """Each runtime dependency has its reason as a comment."""
    (body,) = re.findall(rf"^{section} = \[\n(.*?)^\]", PROJECT, re.MULTILINE | re.DOTALL)
    lines = body.splitlines()

    assert lines
    assert not [line for line in lines if not re.search(r'", +# \w', line)]


HEAVY = {
    *("dlt", "pandas", "pyarrow", "sqlglot", "openpyxl", "xlsxwriter", "typst"),
    *("altair", "jinja2", "streamlit", "vl_convert"),
    *("fsspec", "s3fs", "botocore", "aiohttp"),
    *("dagster", "psycopg", "sqlalchemy"),
}


@pytest.mark.parametrize(
    "words", [["--help"], ["query", "--help"], ["status"], ["query", "select 1"]]
)
def test_reading_starts_without_heavy_libraries(words: list[str], tmp_path: Path) -> None:
    """Help, `status` and `query` import no library that only other commands need."""
    program = (
        "import sys\n"
        "from p4books.cli.app import app\n"
        f"sys.argv = ['p4books', *{words!r}]\n"
        "try:\n"
        "    app()\n"
        "except BaseException as end:\n"
        "    print(repr(end), file=sys.stderr)\n"
        f"print('heavy:', sorted({HEAVY!r} & set(sys.modules)))\n"
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
def test_public_api(first: str) -> None:
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


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
