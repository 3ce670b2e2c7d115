"""A sandbox to read from, and settings that lead to it and to a folder of the test's own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from p4books.places import PREFIX
from p4books.settings import Settings
from p4books_sandbox import Sandbox

MakeSettings = Callable[..., Settings]

_PLACES = {"DLT_PROJECT_DIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the user has set, and the user's home, out of every test."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.startswith(PREFIX) or upper.endswith("_PROXY") or upper in _PLACES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small P4 Books without limit, of the test's own."""
    with Sandbox(invoices=30, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Make settings that lead to a sandbox and keep their data in the test's folder."""

    def make(sandbox: Sandbox, **overrides: Any) -> Settings:
        given: dict[str, Any] = {
            "tenant": "acme",
            "api_key": sandbox.key,
            "base_url": sandbox.base_url,
            "data_dir": tmp_path / "data",
            "requests_per_window": 100_000,
        }
        return Settings(**{**given, **overrides})

    return make


@pytest.fixture
def settings(make_settings: MakeSettings, sandbox: Sandbox) -> Settings:
    """Settings that lead to the test's sandbox."""
    return make_settings(sandbox)
