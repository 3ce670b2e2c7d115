"""A Postgres server, a catalog in it, and machines that share the home of a tenant."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.conftest import MakeSettings
from tests.lake.cut_catalog import CutCatalog
from tests.lake.lake_books import LakeBooks, make_lake_settings, write_small_file
from tests.postgres import PostgresServer, run_postgres

from p4books.settings import Lake, Settings
from p4books_sandbox import Sandbox

Machine = Callable[[str], Settings]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of a process."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def catalog(postgres: PostgresServer) -> SecretStr:
    """The words by which libpq finds an empty database of the test's own."""
    return postgres.make_catalog()


@pytest.fixture
def machine(
    make_settings: MakeSettings, sandbox: Sandbox, catalog: SecretStr, tmp_path: Path
) -> Machine:
    """Make the settings of the same tenant on several machines, by the name of the machine."""

    def make(name: str) -> Settings:
        return make_settings(
            sandbox,
            data_dir=tmp_path / name / "data",
            home=str(tmp_path / "home"),
            lake=Lake(catalog),
        )

    return make


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file of three tables and a view."""
    return write_small_file(tmp_path_factory.mktemp("small") / "acme.duckdb")


@pytest.fixture
def books(tmp_path: Path, catalog: SecretStr, small_file: Path) -> LakeBooks:
    """A tenant with a small published file, and a lake in a folder."""
    return LakeBooks(make_lake_settings(tmp_path, catalog), small_file)


@pytest.fixture
def cut_catalog(catalog: SecretStr) -> Iterator[CutCatalog]:
    """A way to the catalog that loses the answer to a commit."""
    with CutCatalog(catalog) as cut:
        yield cut
