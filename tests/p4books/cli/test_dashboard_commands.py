"""The command `dashboard`: what it checks before anything is served."""

import socket
import sys
from pathlib import Path

import pytest
from tests.command import P4BOOKS, Run, run_process
from tests.p4books.cli.conftest import assert_one_sentence, shop_environment

from p4books.settings import ENV_PREFIX

PASSWORD = f"{ENV_PREFIX}DASHBOARD_PASSWORD"


def test_another_address_needs_a_password(run_shop: Run) -> None:
    """Nothing is served to other machines without a password."""
    done = run_shop("dashboard", "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert done.returncode == 2
    assert_one_sentence(done, "dashboard_password", "0.0.0.0")  # noqa: S104


def test_a_short_password(run_shop: Run) -> None:
    """A password that can be guessed is refused, and not repeated."""
    done = run_shop("dashboard", **{PASSWORD: "hunter2"})
    assert done.returncode == 2
    assert_one_sentence(done, "dashboard_password", "12 characters")
    assert "hunter2" not in done.stderr


def test_a_port_in_use(home: Path) -> None:
    """A port that another program uses is one sentence."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        words = [P4BOOKS, "dashboard", "--port", port]
        done = run_process(words, home, shop_environment(home))
    assert done.returncode == 2
    assert_one_sentence(done, port, "--port")


def test_an_unknown_host(home: Path) -> None:
    """An address that is not of this machine is one sentence."""
    words = [P4BOOKS, "dashboard", "--host", "nowhere.invalid"]
    done = run_process(words, home, {**shop_environment(home), PASSWORD: "a long password"})
    assert done.returncode == 2
    assert_one_sentence(done, "nowhere.invalid")


def test_nothing_published(p4books: Run, tmp_path: Path) -> None:
    """Without a published file it says what to do first."""
    done = p4books("dashboard", "--port", "0", data_dir=str(tmp_path / "none"))
    assert done.returncode == 1
    assert_one_sentence(done, "p4books sync")


def test_a_missing_package(run_shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra it says how to install it."""
    monkeypatch.setitem(sys.modules, "streamlit", None)
    done = run_shop("dashboard")
    assert done.returncode == 2
    assert_one_sentence(done, "pip install 'p4books[dashboard]'")
