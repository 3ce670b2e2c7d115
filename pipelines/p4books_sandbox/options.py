"""What may differ from one sandbox to the next?"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date
from random import Random
from typing import Any

Chance = Callable[[], float]


def chance(seed: int, purpose: str) -> Chance:
    """Give numbers from 0 to below 1 that are the same in every run and Python version."""
    return Random(f"{seed} {purpose}").random  # noqa: S311 - to be repeated, not to be secret


def _one_of(*words: str, said: str) -> Any:
    """Declare a way with several words for it; the first is the default."""
    return field(default=words[0], metadata={"choices": words, "help": said})


def _given(default: object, said: str) -> Any:
    """Declare a way that is a switch, a number, a name, or names (with commas between)."""
    return field(default=default, metadata={"help": said})


@dataclass(frozen=True, kw_only=True)
class Ways:
    """One answer to each question that the contract leaves open; all are for the whole server.

    Names of fields are given in snake_case, however they are spelt. Raises ValueError with a
    sentence.
    """

    first_page: str = _one_of("1", "0", said="the number of the first page")
    past_end: str = _one_of(
        "empty", "404", "last", said="past the last page: no rows, 404, or the last page again"
    )
    page_parameter: str = _given("page", "what the page is asked by")
    page_size_parameter: str = _given("page_size", "what the page's size is asked by")
    over_cap: str = _one_of(
        "capped", "default", "refused", said="a size over the cap: the cap, the default, or 422"
    )
    ignores_page: bool = _given(False, "give page 1 whatever is asked for")
    ignores_page_size: bool = _given(False, "give the default size whatever is asked for")
    total: str = _one_of(
        "list", "page", "null", "missing", said="count the list's rows, the page's, or nothing"
    )
    echo: str = _one_of(
        "given", "asked", "missing", said="name the page that is given, the one asked for, or none"
    )
    order: str = _one_of(
        *("ascending", "descending", "date", "newest_date", "none"),
        said="how rows stand and where new ones appear",
    )
    ids: str = _one_of("integers", "long", "uuids", said="small integers, 19 digits, or UUIDs")
    spelling: str = _one_of("snake", "pascal", "camel", said="how records' fields are spelt")
    amounts: str = _one_of("numbers", "strings", said="amounts as JSON numbers or as text")
    unknown_fields: bool = _given(False, "give every record fields that the contract has not")
    leave_out: tuple[str, ...] = _given((), "fields that no record has; * is all but id")
    nulls: tuple[str, ...] = _given((), "fields that are null in every record; * is all but id")
    mixed: tuple[str, ...] = _given((), "fields that hold the text N/A in every fifth record")
    hidden: tuple[str, ...] = _given((), "records of these statuses are not listed, nor counted")
    limit_kind: str = _one_of(
        "sliding", "fixed", "bucket", said="how the limit counts: windows, or a token bucket"
    )
    retry_after: str = _one_of(
        "seconds", "none", "date", "soon", "huge", said="what a 429 says of the wait"
    )
    limit_headers: str = _one_of(
        "none", "seconds", "epoch", said="X-RateLimit-* on every answer, its reset told so"
    )
    foreign: int = _given(0, "requests of each window that another program spends on the key")
    blocked_for: float = _given(0.0, "seconds in which every request is refused with 429")
    blocked_from: float = _given(0.0, "seconds from the first request until that begins")

    created: str = _one_of("201", "200", said="the status of a POST that made a record")
    twins: str = _one_of(
        *("made", "refused", "first", "conflict"),
        said="a POST of a code that is there: a twin, 422, that one, or 409",
    )
    codes: str = _one_of(
        "kept", "own", said="the code of a POST stays, or the record gets a new one of the server's"
    )
    bad_input: str = _one_of("422", "400", "406", said="the status of a request that is wrong")
    bad_input_as: str = _one_of("json", "text", said="how its message is written")

    @property
    def parameters(self) -> tuple[str, str, int]:
        """Give the names of page and size, and the first page's number."""
        return self.page_parameter, self.page_size_parameter, int(self.first_page)

    def __post_init__(self) -> None:
        for each in fields(Ways):
            _check(each.name, getattr(self, each.name), each.default, each.metadata.get("choices"))
        if "id" in (*self.leave_out, *self.nulls, *self.mixed):
            raise ValueError("Every record has its id: it can't be left out, null or mixed.")


def _check(name: str, value: object, default: object, words: tuple[str, ...] | None) -> None:
    if words and value not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, not {value!r}.")
    if isinstance(default, tuple) and isinstance(value, str):
        wish = f"{name} must be several words, like [{value!r}], not one."
        raise ValueError(wish)  # noqa: TRY004 - what an option can't be is a ValueError
    if isinstance(default, str) and not value:
        raise ValueError(f"{name} must not be empty.")


@dataclass(frozen=True, kw_only=True)
class Options(Ways):
    """A sandbox's settings, and the ways of its server.

    Counts are rows, `window` is seconds, `limit` is requests a window and key (0: no limit),
    `lines` is lines on every document (None: one to eight), `last_day` that of the books (None:
    30 June 2026). Raises ValueError with a sentence.
    """

    invoices: int = 2000
    lines: int | None = None
    last_day: date | None = None
    seed: int = 7
    limit: int = 100
    window: float = 60.0
    page_size: int = 50
    page_size_cap: int = 500
    key: str = "sandbox-key"

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("invoices", self.invoices, 0)
        _at_least("lines", 1 if self.lines is None else self.lines, 1)
        _at_least("limit", self.limit, 0)
        _at_least("page_size", self.page_size, 1)
        _at_least("page_size_cap", self.page_size_cap, 1)
        if self.foreign and not 0 < self.foreign < self.limit:
            raise ValueError("foreign must be from 0 to less than the limit.")
        for name in ("blocked_for", "blocked_from"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be 0 seconds or more.")
        if not (math.isfinite(self.window) and self.window > 0):
            raise ValueError(f"window must be more than 0 seconds, not {self.window:g}.")
        if not (self.key.isascii() and self.key.isprintable() and self.key.split() == [self.key]):
            raise ValueError("key must be plain letters, figures or signs, without spaces.")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be {least} or more, not {value}.")
