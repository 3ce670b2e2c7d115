"""Does the house still stand as drawn?"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p4books.cli import app
from p4books.endpoints import ENDPOINTS
from p4books.settings import Settings

ROOT = Path(__file__).parents[1]
CODE = ROOT / "pipelines"

# From the roof down. A room knows the floors below its own, and nobody on its own floor.
FLOORS = [
    {"cli"},
    {"tryout", "asking", "pushing"},
    {"options", "demo", "showing", "listing", "telling"},
    {"progress", "screen"},
    {"sync", "adopt", "report", "push.run"},
    {"account", "intake", "release", "summary"}
    | {"push.lost", "push.deliver", "push.history", "push.asking", "push.receive"},
    {"load.run", "warehouse.publish", "warehouse.status"}
    | {"push.verdict", "push.send", "push.taking", "push.report", "push.stops"},
    {"warehouse.export", "push.ledger", "push.seek"},
    {"warehouse.workbook"},
    {"warehouse.sheet"},
    {"warehouse.cells", "warehouse.files", "push.faultfile"},
    {"warehouse.catalogue", "warehouse.whole"},
    {"load.source", "load.settle", "warehouse.making", "push.reading"},
    {"push.checks"},
    {"push.meaning", "push.needs"},
    {"push.columns"},
    {"push.references"},
    {"push.books"},
    {"warehouse.views", "warehouse.seeds", "warehouse.checks"},
    {"load.delta", "load.migrate", "api.lists", "api.probe", "api.traits"}
    | {"warehouse.models", "warehouse.query", "warehouse.as_of"},
    {"api.plan"},
    {"api.scan", "load.spooled", "load.columns", "load.kinds"},
    {"api.walk", "api.pace", "alone"},
    {"load.typed", "load.tables", "load.fields", "api.client", "api.spool", "runlog"}
    | {"push.said", "push.same", "push.held"},
    {"api.known"},
    {"api.session", "api.answer"},
    {"api.shapes", "api.exact", "api.spelling", "api.throttle", "api.failing", "settings"},
    {"push.sheet"},
    {"push.book"},
    {"places", "swap", "database", "journal", "api.budget", "ending"}
    | {"push.lines", "push.records", "push.cell", "push.typed"},
    {"endpoints"},
    {"endpoints.customers", "endpoints.invoices", "endpoints.products"}
    | {"endpoints.purchase_orders", "endpoints.sales_orders", "endpoints.vendors"},
    {"endpoints.line"},
    {"push.document", "push.totals"},
    {"push.values"},
    {"endpoint"},
    {"warehouse.model"},
    {"warehouse.errors"},
    {"push.header", "push.plain"},
    {"push.errors", "push.change", "push.strict"},
    {"push.row", "push.draft", "push.fault", "push.entry", "push.wishes"},
    {"errors", "version", "nearest", "eventlog", "asjson", "warehouse.kinds"},
]
FLOOR = {room: height for height, rooms in enumerate(reversed(FLOORS)) for room in rooms}
DOORS = {"", "api", "load", "push", "warehouse"}  # an __init__ holds no code but names


def rooms(package: str) -> Iterator[tuple[str, Path]]:
    """Give each module's name below its package, and its file."""
    for file in sorted((CODE / package).rglob("*.py")):
        parts = file.relative_to(CODE / package).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), file


def imports(file: Path) -> set[str]:
    """Return the modules a file imports, wherever in it, with the names taken from each."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_room_is_on_a_floor() -> None:
    """A new room is given its place in the drawing, and a room taken away leaves it."""
    built = {name for name, _ in rooms("p4books")} - DOORS

    assert built == set(FLOOR)


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_looks_down_only(room: str) -> None:
    """A room imports only from floors below its own."""
    file = dict(rooms("p4books"))[room]
    known = {name.removeprefix("p4books.") for name in imports(file)} & set(FLOOR)

    climbs = {other for other in known if FLOOR[other] >= FLOOR[room]}

    assert not climbs, f"{room} climbs to {climbs}"


@pytest.mark.parametrize(
    ("package", "other"), [("p4books", "p4books_sandbox"), ("p4books_sandbox", "p4books")]
)
def test_the_wall_between_the_packages_stands(package: str, other: str) -> None:
    """The sandbox and the connector follow the contract, neither the other."""
    for name, file in rooms(package):
        broken = {found for found in imports(file) if found.split(".")[0] == other}

        assert not broken, f"{package}.{name} imports {broken}"


def test_only_two_rooms_import_dlt() -> None:
    """What needs no dlt does not wait a second for it."""
    with_dlt = {
        name
        for name, file in rooms("p4books")
        if any(found.split(".")[0] == "dlt" for found in imports(file))
    }

    assert with_dlt == {"load.source", "load.run"}


@pytest.mark.parametrize("package", ["p4books", "p4books_sandbox"])
def test_no_room_is_over_250_lines(package: str) -> None:
    """A room over 250 lines is two rooms."""
    long = {
        name: lines
        for name, file in rooms(package)
        if (lines := len(file.read_text().splitlines())) > 250
    }

    assert not long


@pytest.mark.parametrize("package", ["p4books", "p4books_sandbox"])
def test_every_room_answers_one_question(package: str) -> None:
    """A module's docstring begins with one line that ends in a question mark."""
    for name, file in rooms(package):
        said = ast.get_docstring(ast.parse(file.read_text())) or ""

        assert said.splitlines()[0].endswith("?"), f"{package}.{name}"


def test_no_room_has_a_name_that_says_nothing() -> None:
    """No utils, helpers, common, manager or base."""
    names = {file.stem for package in ("p4books", "p4books_sandbox") for _, file in rooms(package)}

    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}


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
