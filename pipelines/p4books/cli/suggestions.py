"""Commands that messages suggest, with the tenant and the place of backups that the user gave."""

import re
import shlex
from contextvars import ContextVar

import click

_SUGGESTED = re.compile(r"`p4books (?!demo|sandbox)([a-z][^`]*)`")
_given: ContextVar[str | None] = ContextVar("given", default=None)  # to this command or thread
_place: ContextVar[str | None] = ContextVar("place", default=None)  # of backups


def remember_tenant(_: click.Context, __: click.Parameter, tenant: str | None) -> str | None:
    """Remember the tenant that the user gave, as the callback of an option."""
    if tenant:
        suggest_tenant(tenant)
    return tenant


def remember_place(_: click.Context, __: click.Parameter, place: str | None) -> str | None:
    """Remember the place of backups that the user gave, as the callback of an option."""
    if place:
        _place.set(place)
    return place


def suggest_tenant(tenant: str | None) -> None:
    """Suggest commands for this tenant from now on, in this thread; None: as they are."""
    _given.set(tenant)


def forget_words() -> None:
    """Forget what was given to an earlier command in this process."""
    _given.set(None)
    _place.set(None)


def complete_suggestions(message: str, tenant: str | None = None) -> str:
    """Add a tenant to the commands in a message, so that they can be run as they are.

    Without one it is that which the user gave, if any; `restore` has the place of backups, too.
    """
    given = tenant or _given.get()
    return _SUGGESTED.sub(lambda match: f"`p4books {_complete(match[1], given)}`", message)


def _complete(command: str, tenant: str | None) -> str:
    place = _place.get()
    if place and command.split(maxsplit=1)[0] == "restore" and "--from" not in command:
        command += f" --from {shlex.quote(place)}"
    if tenant and "--tenant" not in command:
        command += f" --tenant {shlex.quote(tenant)}"
    return command
