"""Exact copies of P4 Books in DuckDB: the public API.

`p4books_source` is a dlt source for any pipeline. `sync` brings the warehouse and the published
file of a tenant up to date, as the command does, with the `Settings` that `load_settings` reads.
Everything that p4books raises on purpose is a `P4BooksError`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p4books.errors import P4BooksError
    from p4books.load.source import p4books_source
    from p4books.settings import Settings, load_settings
    from p4books.sync import sync

__all__ = ["P4BooksError", "Settings", "load_settings", "p4books_source", "sync"]

_HOMES = {
    "P4BooksError": "p4books.errors",
    "Settings": "p4books.settings",
    "load_settings": "p4books.settings",
    "p4books_source": "p4books.load.source",
    "sync": "p4books.sync",
}


class _LazyPackage(ModuleType):
    """The package: its public names are imported when they are first used, dlt takes a second.

    The import system sets the attribute `sync` to the submodule of that name once it is imported;
    that is ignored, so that `p4books.sync` is always the function, also for `import p4books.sync as
    name`. What else the module has is imported with `from p4books.sync import …`.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'p4books' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "sync":
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _LazyPackage
