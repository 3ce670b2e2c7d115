"""Commands that messages suggest, with the option --tenant that the user gave."""

import re
import shlex
from contextvars import ContextVar

import click

_SUGGESTED = re.compile(r"`p4books (?!demo|sandbox)([a-z][^`]*)`")
_given: ContextVar[str | None] = ContextVar("given", default=None)  # to this command or thread


def remember_tenant(_: click.Context, __: click.Parameter, tenant: str | None) -> str | None:
    """Remember the tenant that the user gave, as the callback of an option."""
    if tenant:
        suggest_tenant(tenant)
    return tenant


def suggest_tenant(tenant: str | None) -> None:
    """Suggest commands for this tenant from now on, in this thread; None: as they are."""
    _given.set(tenant)


def forget_tenant() -> None:
    """Forget the tenant of an earlier command in this process."""
    _given.set(None)


def complete_suggestions(message: str, tenant: str | None = None) -> str:
    """Add a tenant to the commands in a message, so that they can be run as they are.

    Without one it is that which the user gave, if any.
    """
    given = tenant or _given.get()
    if given is None:
        return message
    option = f" --tenant {shlex.quote(given)}"
    return _SUGGESTED.sub(
        lambda match: match[0] if "--tenant" in match[1] else f"`p4books {match[1]}{option}`",
        message,
    )
