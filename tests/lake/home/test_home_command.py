"""The command `home`, and what other commands say of state off the machine."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.command import Completed, run_here
from tests.lake.home.conftest import Make
from tests.postgres import PASSWORD

from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA

Run = Callable[..., Completed]


@pytest.fixture
def p4books(catalog: SecretStr, tmp_path: Path) -> Run:
    """Run the command with the settings of two tenants, whose files are those of a machine."""
    folder = tmp_path / "project"
    (folder / ".dlt").mkdir(parents=True)
    (folder / ".dlt" / "secrets.toml").write_text(
        f"""
        [sources.p4books]
        home = "{tmp_path / "home"}"
        [sources.p4books.lake]
        catalog = "postgres:{catalog.get_secret_value()}"
        [sources.p4books.tenants.acme]
        api_key = "{"k" * 20}"
        [sources.p4books.tenants.north]
        api_key = "{"n" * 20}"
        """
    )

    def run(machine: str, *words: str) -> Completed:
        places = {"SOURCES__P4BOOKS__DATA_DIR": str(tmp_path / machine)}
        done = run_here(words, folder, {"DLT_PROJECT_DIR": str(folder), **places})
        assert PASSWORD not in done.stdout + done.stderr
        return done

    return run


def test_home(p4books: Run, make_machine: Make) -> None:
    """It shows what the home has and what is here, takes it, and puts the files of a machine."""
    one = make_machine("one")
    one.write()

    def look(machine: str, *options: str) -> dict[str, Any]:
        done = p4books(machine, "home", "--tenant", "acme", "--json", *options)
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    assert look("one") == {
        **dict.fromkeys(("state", "put_by", "put_at", "size", "holder")),
        "tenant": "acme",
        "here": "not put",
    }
    assert look("two")["here"] == "nothing"
    one.hold()
    found = look("one")
    assert (found["state"], found["here"], found["holder"]) == (1, "current", None)
    assert found["size"] > 500_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", found["put_at"])
    assert look("two")["here"] == "nothing"
    make_machine("three").write()
    assert look("three")["here"] == "unrelated"
    assert look("two", "--take")["here"] == "current"
    one.hold()
    assert look("two")["here"] == "older"
    put = look("two", "--put")
    assert (put["state"], put["here"]) == (3, "current")
    assert one.hold().found == 2
    shown = p4books("one", "home", "--all")
    assert "acme" in shown.stdout
    assert "north" in shown.stdout
    with connect_postgres(one.catalog, "") as connection:
        connection.execute(f"delete from {SCHEMA}.state".encode())
    assert look("one")["here"] == "newer"


def test_usage(p4books: Run, tmp_path: Path) -> None:
    """What makes no sense is one sentence, and changes nothing."""
    assert p4books("one", "home", "--tenant", "acme", "--put").returncode == 2
    assert p4books("one", "home", "--tenant", "acme", "--put", "--take").returncode == 2
    assert p4books("one", "home", "--all", "--put").returncode == 2
    pushed = p4books("one", "push", "vendors", "x.csv", "--tenant", "acme")
    assert pushed.returncode == 2
    assert not (tmp_path / "one" / ".private" / "acme" / "ledger.sqlite").exists()


def test_no_home(tmp_path: Path) -> None:
    """Without the setting the command says how to get one, and where it looked for it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "north.duckdb").touch()
    words = {"SOURCES__P4BOOKS__TENANT": "acme", "DLT_PROJECT_DIR": str(tmp_path)}
    done = run_here(["home"], tmp_path, words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no home" in done.stderr
    looked = f"those of {tmp_path}; {tmp_path / 'data'} has files of north."
    assert looked in done.stderr
    done = run_here(["lake", "--tenant", "acme"], tmp_path, {"DLT_PROJECT_DIR": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Tenant acme has no lake. The settings are {looked}" in done.stderr


@pytest.mark.parametrize("words", [("home",), ("home", "--take"), ("lake",), ("lake", "--upkeep")])
def test_without_the_extra(
    words: tuple[str, ...], p4books: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package for Postgres nothing is done for any tenant, as one sentence says."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    done = p4books("one", *words, "--all")

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Postgres cannot be used without another package. Nothing was done.")
