"""The endpoints, one file each: every `Endpoint` in a module of this package is one."""

import pkgutil
from importlib import import_module

from p4books.endpoints.definition import Endpoint
from p4books.errors import UsageError, describe_unknown


def get_endpoint(name: str) -> Endpoint:
    """Return the endpoint of this name. Raises UsageError, which lists the names there are."""
    if name not in ENDPOINTS:
        raise UsageError(describe_unknown("endpoint", name, ENDPOINTS))
    return ENDPOINTS[name]


def _load_endpoints() -> dict[str, Endpoint]:
    modules = [import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    endpoints = {
        value.name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Endpoint)
    }
    return dict(sorted(endpoints.items(), key=lambda item: (item[1].position, item[0])))


ENDPOINTS = _load_endpoints()  # by name, in the order in which they are read
