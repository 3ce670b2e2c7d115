"""Fixtures of the command line: a shop that is synced once, and copies of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.command import Completed, Run, run_here
from tests.moved_books import move_books

from p4books.settings import ENV_PREFIX
from p4books_sandbox import Sandbox

Environment = dict[str, str]


def shop_environment(folder: Path, books: Sandbox | None = None) -> Environment:
    """Return the environment of a user whose tenant is `shop`, with a key if there are books."""
    environment = {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        f"{ENV_PREFIX}TENANT": "shop",
        f"{ENV_PREFIX}REQUESTS_PER_WINDOW": "100000",
    }
    if books:
        environment[f"{ENV_PREFIX}API_KEY"] = books.key
        environment[f"{ENV_PREFIX}BASE_URL"] = books.base_url
    return environment


def assert_one_sentence(done: Completed, *parts: str) -> None:
    """Expect an error of at most two lines with these parts, and neither a traceback nor a key."""
    assert "Traceback" not in done.stderr + done.stdout
    assert "sandbox-key" not in done.stderr + done.stdout
    assert 0 < len(done.stderr.strip().splitlines()) <= 2, done.stderr
    for part in parts:
        assert part in done.stderr


def get_error(done: Completed, code: int) -> str:
    """Return the one line on stderr of a command that ended with this code and printed nothing."""
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    return line


@dataclass(frozen=True)
class SyncedShop:
    """A shop that was synced once, in its folder, and the output of that sync."""

    folder: Path
    done: Completed


@pytest.fixture(scope="session")
def first_sync(tmp_path_factory: pytest.TempPathFactory) -> SyncedShop:
    """The first sync of the shop, to be copied; its sandbox is gone afterwards."""
    folder = tmp_path_factory.mktemp("shop")
    with Sandbox(invoices=30, limit=0) as books:
        done = run_here(["sync"], folder, shop_environment(folder, books))
    assert done.returncode == 0, done.stderr
    return SyncedShop(folder, done)


@pytest.fixture(scope="module")
def home(first_sync: SyncedShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's copy of the synced shop."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(first_sync.folder / "data", folder / "data")
    return folder


@pytest.fixture(scope="module")
def run_shop(home: Path) -> Run:
    """Run the command on the synced shop; settings and variables are given as keywords."""

    def run(*words: str, **variables: str) -> Completed:
        return run_here(words, home, {**shop_environment(home), **variables})

    return run


@pytest.fixture
def synced(first_sync: SyncedShop, sandbox: Sandbox, tmp_path: Path) -> Path:
    """The test's copy of the shop's data folder; the test's sandbox has the same books."""
    data = Path(shutil.copytree(first_sync.folder / "data", tmp_path / "data"))
    move_books(data / ".private" / "shop" / "warehouse.duckdb", sandbox.base_url)
    return data


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> Environment:
    """The environment of a user whose settings point to the test's sandbox."""
    return shop_environment(tmp_path, sandbox)


@pytest.fixture
def p4books(environment: Environment, tmp_path: Path) -> Run:
    """Run the command against the test's sandbox; settings are given as keywords."""

    def run(*words: str, **settings: str) -> Completed:
        given = {f"{ENV_PREFIX}{name.upper()}": value for name, value in settings.items()}
        return run_here(words, tmp_path, {**environment, **given})

    return run
