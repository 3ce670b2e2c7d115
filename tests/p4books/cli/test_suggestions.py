"""Tests of the commands that messages suggest."""

from collections.abc import Iterator

import click
import pytest

from p4books.cli.runtime import log_error, run_command, tenant_option
from p4books.cli.suggestions import complete_suggestions, forget_words

MESSAGE = "Run `p4books sync --full`, or `p4books check`. Set `page_size`. Try `p4books demo`."


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    forget_words()


@click.command()
@tenant_option
def complain(tenant: str | None) -> None:
    """Print a message that suggests commands."""
    log_error(MESSAGE)


def test_given_tenant(capsys: pytest.CaptureFixture[str]) -> None:
    """Suggested commands have the tenant that was given, and can be run as they are."""
    run_command(complain, ["--tenant", "north"])

    assert capsys.readouterr().err == (
        "Run `p4books sync --full --tenant north`, or `p4books check --tenant north`. "
        "Set `page_size`. Try `p4books demo`.\n"
    )


def test_quoted_tenant(capsys: pytest.CaptureFixture[str]) -> None:
    """A tenant that the shell would take apart is quoted."""
    run_command(complain, ["--tenant", "a b"])

    assert "`p4books check --tenant 'a b'`" in capsys.readouterr().err


def test_no_tenant(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the option, and for the next command of a process, messages are as they are."""
    run_command(complain, ["--tenant", "north"])
    capsys.readouterr()
    run_command(complain, [])

    assert capsys.readouterr().err == f"{MESSAGE}\n"


def test_command_with_a_tenant() -> None:
    """A suggestion that names a tenant keeps it."""
    run_command(complain, ["--tenant", "north"])

    assert complete_suggestions("`p4books sync --tenant beta`") == "`p4books sync --tenant beta`"
