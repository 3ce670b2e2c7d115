"""Commands that messages suggest, with the option --tenant that the user gave."""

import re
import shlex

import click

_SUGGESTED = re.compile(r"`p4books (?!demo|sandbox)([a-z][^`]*)`")
_given: dict[str, str] = {}  # of the command in progress


def remember_tenant(_: click.Context, __: click.Parameter, tenant: str | None) -> str | None:
    """Remember the tenant that the user gave, as the callback of an option."""
    if tenant:
        _given["tenant"] = tenant
    return tenant


def forget_tenant() -> None:
    """Forget the tenant of an earlier command in this process."""
    _given.clear()


def complete_suggestions(message: str) -> str:
    """Add the given tenant to the commands in a message, so that they can be run as they are."""
    if "tenant" not in _given:
        return message
    option = f" --tenant {shlex.quote(_given['tenant'])}"
    return _SUGGESTED.sub(
        lambda match: match[0] if "--tenant" in match[1] else f"`p4books {match[1]}{option}`",
        message,
    )
