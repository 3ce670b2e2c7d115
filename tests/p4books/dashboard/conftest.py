"""Fixtures: pages of the dashboard without a browser, and a server of it with one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from p4books.dashboard import tenants
from p4books.settings import Settings, validate_settings

ShowPage = Callable[..., AppTest]


def settings_of(file: Path, **others: object) -> Settings:
    """Return settings whose published file is a given one."""
    return validate_settings({"tenant": file.stem, "data_dir": file.parent, **others})


def run_page(name: str) -> None:
    """Show a page, as Streamlit does for its address."""
    from p4books.dashboard.address import choose_language, restore_parameters  # noqa: PLC0415
    from p4books.dashboard.tenants import configured  # noqa: PLC0415
    from p4books.dashboard.views import PAGES, show_page  # noqa: PLC0415

    given = restore_parameters()
    show_page(configured(), choose_language(given, configured()), given, PAGES[name])


@pytest.fixture
def show_page() -> ShowPage:
    """Show a page of a published file, with parameters of an address and settings."""

    def show(file: Path, name: str, settings: Settings | None = None, **query: str) -> AppTest:
        tenants.configure(settings or settings_of(file))
        app = AppTest.from_function(run_page, kwargs={"name": name}, default_timeout=60)
        app.query_params.update(query)
        return app.run()

    return show


@pytest.fixture
def own_file(fixed_file: Path, tmp_path: Path) -> Path:
    """A copy of the published file of the fixed books, for one test to replace or to break."""
    folder = tmp_path / "own"
    folder.mkdir()
    return Path(shutil.copy(fixed_file, folder / fixed_file.name))
