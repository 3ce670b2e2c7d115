"""Options of a sandbox: its size, its rate limit, and the server behaviour it imitates.

The contract leaves many points open (is the first page 0 or 1? what does a 429 say?). `Behaviour`
has one option for each, so that the connector can be tested against every possible server.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date
from random import Random
from typing import Any, NamedTuple

Draw = Callable[[], float]
"""Returns the next random number, from 0 to below 1."""


class PageParameters(NamedTuple):
    """Names of the two query parameters of a list, and the number of its first page."""

    page: str = "page"
    page_size: str = "page_size"
    first_page: int = 1


def _choice(*values: str, text: str) -> Any:
    """Declare an option with several values; the first is the default."""
    return field(default=values[0], metadata={"choices": values, "help": text})


def _setting(default: object, text: str) -> Any:
    """Declare an option that is a switch, a number, a name, or a tuple of names."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One option for each point that the contract leaves open; each applies to all lists.

    Field names are given in snake_case, whatever spelling the server uses. Raises ValueError for
    a value that is not allowed; its message is one sentence.
    """

    first_page: str = _choice("1", "0", text="the number of the first page")
    past_end: str = _choice(
        "empty", "404", "last", text="past the last page: no rows, 404, or the last page again"
    )
    page_parameter: str = _setting("page", "name of the parameter for the page")
    page_size_parameter: str = _setting("page_size", "name of the parameter for the page size")
    over_cap: str = _choice(
        "capped", "default", "refused", text="page size over the cap: the cap, the default, or 422"
    )
    ignores_page: bool = _setting(False, "return page 1 whichever page is requested")
    ignores_page_size: bool = _setting(False, "use the default page size whichever is requested")
    total: str = _choice(
        "list", "page", "null", "missing", text="total counts the list's rows, the page's, or none"
    )
    echo: str = _choice(
        "given", "asked", "missing", text="page echoes the one returned, the one requested, or none"
    )
    order: str = _choice(
        *("ascending", "descending", "date", "newest_date", "none"),
        text="order of the rows, and where new ones appear",
    )
    ids: str = _choice("integers", "long", "uuids", text="small integers, 19 digits, or UUIDs")
    spelling: str = _choice("snake", "pascal", "camel", text="spelling of field names in records")
    amounts: str = _choice("numbers", "strings", text="amounts as JSON numbers or as text")
    unknown_fields: bool = _setting(False, "add fields to every record that the contract lacks")
    leave_out: tuple[str, ...] = _setting((), "fields that no record has; * is all but id")
    nulls: tuple[str, ...] = _setting((), "fields that are null in every record; * is all but id")
    mixed: tuple[str, ...] = _setting((), "fields with the text N/A in every fifth record")
    hidden: tuple[str, ...] = _setting((), "statuses whose records are neither listed nor counted")
    limit_kind: str = _choice(
        "sliding", "fixed", "bucket", text="sliding window, fixed window, or token bucket"
    )
    retry_after: str = _choice(
        "seconds", "none", "date", "soon", "huge", text="the Retry-After header of a 429"
    )
    limit_headers: str = _choice(
        "none",
        "seconds",
        "epoch",
        text="X-RateLimit-* on every response, and the unit of its reset",
    )
    foreign: int = _setting(0, "requests per window that another program makes with the same key")
    blocked_for: float = _setting(0.0, "seconds during which every request is refused with 429")
    blocked_from: float = _setting(0.0, "seconds from the first request until that starts")

    created: str = _choice("201", "200", text="status of a POST that created a record")
    twins: str = _choice(
        *("made", "refused", "first", "conflict"),
        text="a POST with an existing code: a duplicate, 422, the existing record, or 409",
    )
    codes: str = _choice(
        "kept", "own", text="a new record keeps the code that was sent, or gets one of the server's"
    )
    bad_input: str = _choice("422", "400", "406", text="status of a request that is not valid")
    bad_input_as: str = _choice("json", "text", text="format of that response's message")

    @property
    def page_parameters(self) -> PageParameters:
        """How a page is requested."""
        return PageParameters(self.page_parameter, self.page_size_parameter, int(self.first_page))

    def __post_init__(self) -> None:
        for option in fields(Behaviour):
            value, choices = getattr(self, option.name), option.metadata.get("choices")
            _check_value(option.name, value, option.default, choices)
        if "id" in (*self.leave_out, *self.nulls, *self.mixed):
            raise ValueError("Every record has an id: it can't be left out, null or mixed.")


@dataclass(frozen=True, kw_only=True)
class Options(Behaviour):
    """All settings of a sandbox.

    `limit` is requests per `window` (seconds) and key, 0 for no limit. `lines` is the number of
    lines on every document (None: one to eight), every `long_every`-th document has 1,000 lines (0:
    none has), `last_day` is the last day of the sample data (None: 30 June 2026). Raises ValueError
    for a value that is not allowed; its message is one sentence.
    """

    invoices: int = 2000
    lines: int | None = None
    long_every: int = 0
    last_day: date | None = None
    seed: int = 7
    limit: int = 100
    window: float = 60.0
    page_size: int = 50
    page_size_cap: int = 500
    key: str = "sandbox-key"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_minimum("invoices", self.invoices, 0)
        _check_minimum("lines", 1 if self.lines is None else self.lines, 1)
        _check_minimum("long_every", self.long_every, 0)
        _check_minimum("limit", self.limit, 0)
        _check_minimum("page_size", self.page_size, 1)
        _check_minimum("page_size_cap", self.page_size_cap, 1)
        if self.foreign and not 0 < self.foreign < self.limit:
            raise ValueError("foreign must be at least 0 and less than limit.")
        for name in ("blocked_for", "blocked_from"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be 0 seconds or more.")
        if not (math.isfinite(self.window) and self.window > 0):
            raise ValueError(f"window must be more than 0 seconds, not {self.window:g}.")
        if not (self.key.isascii() and self.key.isprintable() and self.key.split() == [self.key]):
            raise ValueError("key must be printable ASCII characters without spaces.")


def seeded_random(seed: int, purpose: str) -> Draw:
    """Return a source of random numbers that is the same in every run and Python version."""
    return Random(f"{seed} {purpose}").random  # noqa: S311 - to be repeated, not to be secret


def _check_value(
    name: str, value: object, default: object, choices: tuple[str, ...] | None
) -> None:
    if choices and value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    if isinstance(default, tuple) and isinstance(value, str):
        message = f"{name} must be a sequence of names, like [{value!r}], not one string."
        raise ValueError(message)  # noqa: TRY004 - every wrong option is a ValueError
    if isinstance(default, str) and not value:
        raise ValueError(f"{name} must not be empty.")


def _check_minimum(name: str, value: int, minimum: int) -> None:
    if value < minimum:
        raise ValueError(f"{name} must be {minimum} or more, not {value}.")
