"""Tests of the schedules for GitHub and GitLab."""

import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.cli import main as check_schema
from click.testing import CliRunner

from p4books.errors import UsageError
from p4books.fleet.schedule.plan import SchedulePlan
from p4books.fleet.schedule.workflows import format_github, format_gitlab

ONE = SchedulePlan(timedelta(minutes=15), Path("p4books"), Path("/srv/p4books"), ("no",))
ALL = replace(ONE, tenants=("north", "south"), options=("--all",), data="b'k s/ñ: #1")


@pytest.mark.parametrize("plan", [ONE, ALL], ids=["one", "all"])
@pytest.mark.parametrize("kind", ["github-workflows", "gitlab-ci"])
def test_schema(plan: SchedulePlan, kind: str, tmp_path: Path) -> None:
    """A workflow follows the schema of its CI, whatever the names in it."""
    (file,) = (format_github if kind == "github-workflows" else format_gitlab)(plan)
    path = tmp_path / "ci.yml"
    path.write_text(file.text)

    done = CliRunner().invoke(check_schema, ["--builtin-schema", f"vendor.{kind}", str(path)])

    assert done.exit_code == 0, done.output


def test_where_the_package_is() -> None:
    """A comment says what to write if no index has p4books, and of which type the secrets are."""
    github, one, several = (each.text for each in (
        *format_github(ONE), *format_gitlab(ONE), *format_gitlab(ALL)))  # fmt: skip

    assert "git+https://… instead of p4books==" in github
    assert "API_KEY, masked.\n" in one
    assert ".dlt/secrets.toml: a variable of type File, protected.\n" in several


def read_steps(plan: SchedulePlan) -> dict[str, Any]:
    """Return the steps of the GitHub workflow by what they use or run."""
    (file,) = format_github(plan)
    (job,) = yaml.safe_load(file.text)["jobs"].values()
    return {step.get("uses", step.get("name", "")).partition("@")[0]: step for step in job["steps"]}


@pytest.mark.parametrize("plan", [ONE, ALL], ids=["one", "all"])
def test_data_of_github(plan: SchedulePlan) -> None:
    """Each run saves the files under a new key, also if it failed, and the next takes the last."""
    steps = read_steps(plan)
    restore, save = (steps[f"actions/cache/{name}"] for name in ("restore", "save"))

    assert restore["with"]["path"] == save["with"]["path"] == plan.data
    assert restore["with"]["key"] == save["with"]["key"]
    assert "run_id" in save["with"]["key"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert save["if"].startswith("always() && hashFiles(")
    assert steps["actions/upload-artifact"]["with"]["path"] == f"{plan.data}/*.duckdb"


def test_secrets() -> None:
    """The key comes from the store of the CI; of several tenants, all their settings do."""
    one, several = read_steps(ONE), read_steps(ALL)
    (file,) = format_gitlab(ALL)

    assert one["Sync"]["env"] == {
        "SOURCES__P4BOOKS__TENANT": "no",
        "SOURCES__P4BOOKS__API_KEY": "${{ secrets.P4BOOKS_API_KEY }}",
    }
    assert several["Settings"]["env"] == {"SECRETS": "${{ secrets.P4BOOKS_SECRETS }}"}
    assert several["Sync"]["run"].startswith("p4books sync --all ")
    assert 'cp "$P4BOOKS_SECRETS" .dlt/secrets.toml' in file.text


def read_scripts(first: bool) -> dict[str, str]:
    """Return the script that syncs, of each CI, as its shell gets it."""
    github = read_steps(ONE)["Sync"]["run"]
    head, _, rest = github.partition("${{")
    expression, _, tail = rest.partition("}}")
    assert expression == " inputs.first && ' ' || '--existing' "
    (file,) = format_gitlab(ONE)
    lines = yaml.safe_load(file.text)["p4books"]["script"][1:]
    return {
        "github": f"{head}{' ' if first else '--existing'}{tail}",
        "gitlab": "\n".join([f"FIRST={'1' if first else ''}", *lines]),
    }


@pytest.mark.parametrize(("code", "ends_with"), [(0, 0), (75, 0), (1, 1), (2, 2)])
@pytest.mark.parametrize("first", [True, False])
def test_scripts(code: int, ends_with: int, first: bool, tmp_path: Path) -> None:
    """A run continues unless it is the first one; an overlap is no failure, all else is."""
    program = tmp_path / "p4books"
    program.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for script in read_scripts(first).values():
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.stdout == ("sync\n" if first else "sync --existing\n")
        assert bool(done.returncode) == bool(ends_with)


def test_shortest_interval() -> None:
    """GitHub runs nothing more often than every five minutes."""
    with pytest.raises(UsageError, match="the nearest is 5m"):
        format_github(replace(ONE, every=timedelta(minutes=1)))
