"""Tenant whose dashboard this process serves."""

from p4books.settings import Settings

_configured: list[Settings] = []


def configure(settings: Settings) -> None:
    """Choose the tenant whose books are shown."""
    _configured[:] = [settings]


def configured() -> Settings:
    """Return the settings of the tenant whose books are shown. Raises LookupError."""
    if not _configured:
        raise LookupError("no tenant is configured")
    return _configured[0]
