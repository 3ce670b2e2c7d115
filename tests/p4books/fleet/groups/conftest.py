"""Fixtures: three tenants that share ids, one of them without books, and their group."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.published_books import publish_books
from tests.sql.fixed_books import AS_OF, rows

from p4books.fleet.groups.publish import publish_group
from p4books.publish.query import open_published
from p4books.settings import load_settings

TENANTS = ("north", "south", "empty")
_MODELS = (  # of the small files
    *("core.as_of", "core.fct_invoice", "core.today"),
    *("reporting.ar_aging", "reporting.dso", "reporting.sales_daily"),
)
_CATALOGUE = ("about", "catalogue", "catalogue_columns", "catalogue_values", "catalogue_sections")


@pytest.fixture(scope="session")
def member_files(
    fixed_file: Path, empty_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Published files by tenant; the south has the ids of the north, and other amounts."""
    southern = rows()
    southern["invoices"] = southern["invoices"][::2]
    south = publish_books(tmp_path_factory.mktemp("members") / "south", southern, AS_OF)
    return {"north": fixed_file, "south": south, "empty": empty_file}


@pytest.fixture(scope="session")
def made_group(member_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the settings and files of the tenants, and of the group `caribe`."""
    root = tmp_path_factory.mktemp("group")
    lay_out(root, member_files)
    publish_group(load_settings("group-caribe", root, need_key=False), root)
    return root


@pytest.fixture(scope="session")
def small_files(
    member_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The published files with a few of their models, since each model of a group takes time."""
    folder = tmp_path_factory.mktemp("small")
    for name, file in member_files.items():
        with duckdb.connect(folder / name) as con:
            con.execute(f"attach '{file}' as whole (read_only)")
            con.execute("create schema core; create schema reporting")
            for table in (*_MODELS, *(f"main.{each}" for each in _CATALOGUE)):
                con.execute(f"create table {table} as from whole.{table}")
    return {name: folder / name for name in member_files}


@pytest.fixture
def root(small_files: dict[str, Path], tmp_path: Path) -> Path:
    """A folder of the test's own with small tenants, whose group is not published yet."""
    lay_out(tmp_path, small_files)
    return tmp_path


@pytest.fixture(scope="session")
def group(made_group: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of the group."""
    with open_published(made_group / "data/group-caribe.duckdb") as con:
        yield con


@pytest.fixture(scope="session")
def members(made_group: Path) -> Iterator[dict[str, duckdb.DuckDBPyConnection]]:
    """The published files of the tenants."""
    files = {name: open_published(made_group / f"data/{name}.duckdb") for name in TENANTS}
    yield files
    for con in files.values():
        con.close()


def lay_out(root: Path, files: dict[str, Path]) -> None:
    """Put settings and published files of tenants into a folder."""
    (root / ".dlt").mkdir()
    (root / "data").mkdir()
    tables = [f"[sources.p4books.tenants.{name}]\napi_key = 'k-{name}'\n" for name in TENANTS]
    listed = ", ".join(f"'{name}'" for name in TENANTS)
    group = f"[sources.p4books.groups.caribe]\ntenants = [{listed}]\n"
    (root / ".dlt/secrets.toml").write_text("".join([*tables, group]), encoding="utf-8")
    for name, file in files.items():
        shutil.copyfile(file, root / f"data/{name}.duckdb")
