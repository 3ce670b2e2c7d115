"""What may differ from one sandbox to the next?"""

import math
from dataclasses import dataclass
from datetime import date

from p4books_sandbox.ways import Ways


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
