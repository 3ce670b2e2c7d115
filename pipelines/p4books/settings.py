"""What may differ?

Settings stand where dlt looks for them, under `sources.p4books`, and the first place that has one
wins: the environment (`SOURCES__P4BOOKS__API_KEY`), `.env`, `.dlt/secrets.toml`,
`.dlt/config.toml`. A tenant's own table `[sources.p4books.tenants.NAME]` goes before all of them
when `--tenant NAME` chooses it.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic import field_validator as validator

from p4books.endpoints import ENDPOINTS
from p4books.errors import SettingsError, nearest

PREFIX = "SOURCES__P4BOOKS__"
TENANT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def _as_list(value: object) -> object:
    """Take `invoices, customers` as well as a list."""
    if isinstance(value, str):
        return [part for part in re.split(r"[\s,\[\]\"']+", value) if part]
    return value


def _as_mode(value: object) -> object:
    """Take the digits of a file mode as octal, however they are written: 0640, 640, "0o640"."""
    text = f"{value:o}" if isinstance(value, int) and value > 0o777 else str(value)
    return int(text.removeprefix("0o"), 8) if re.fullmatch(r"(0o)?[0-7]{3,4}", text) else value


class Settings(BaseModel):
    """Everything that may differ between two installations, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: str
    api_key: SecretStr | None = None
    base_url: str = "https://{tenant}.p4books.com/api/v1"
    data_dir: Path = Path("data")
    endpoints: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = tuple(ENDPOINTS)
    requests_per_window: int = Field(default=90, ge=1)
    window_seconds: float = Field(default=60, gt=0)
    page_size: int = Field(default=100, ge=1)
    page_param: str = Field(default="page", min_length=1)
    page_size_param: str = Field(default="page_size", min_length=1)
    timezone: str = "America/Panama"
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    parallel_lists: int = Field(default=6, ge=1, le=32)
    published_mode: Annotated[int, BeforeValidator(_as_mode)] = 0o640

    @validator("tenant")
    @classmethod
    def _tenant_is_a_name(cls, value: str) -> str:
        if not TENANT_NAME.fullmatch(value):
            raise ValueError("a tenant's name has letters, digits and hyphens only")
        return value

    @validator("api_key")
    @classmethod
    def _key_fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        key = value.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the key is empty or has characters no key has")
        return SecretStr(key)

    @validator("base_url")
    @classmethod
    def _address_keeps_the_key_safe(cls, value: str) -> str:
        parts = urlsplit(value.replace("{tenant}", "tenant"))
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("an address begins with https://")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("an address holds no user, query or fragment")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("the key travels over http:// only to this machine; use https://")
        return value.rstrip("/")

    @validator("endpoints")
    @classmethod
    def _endpoints_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.replace("-", "_") for name in value)
        for name in names:
            if name not in ENDPOINTS:
                raise ValueError(f"there is no endpoint {name}{nearest(name, ENDPOINTS)}")
        return tuple(dict.fromkeys(names))

    @validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        import pendulum  # noqa: PLC0415 - 0.1 s that --help need not wait for

        try:
            pendulum.timezone(value)
        except Exception as error:
            raise ValueError(f"there is no time zone {value}") from error
        return value

    @property
    def key(self) -> str:
        """The API key itself. Raises SettingsError where none is set."""
        if self.api_key is None:
            raise SettingsError(_missing("api_key"))
        return self.api_key.get_secret_value()

    @property
    def address(self) -> str:
        """The base address of this tenant, without a slash at its end."""
        return self.base_url.replace("{tenant}", self.tenant)

    @property
    def private(self) -> Path:
        """The folder that only p4books opens."""
        return self.data_dir / ".private" / self.tenant

    @property
    def published(self) -> Path:
        """The file that readers open."""
        return self.data_dir / f"{self.tenant}.duckdb"


def load(tenant: str | None = None, root: Path | None = None, *, need_key: bool = True) -> Settings:
    """Read and check the settings; `tenant` chooses one of several.

    Who only reads the published file needs no key. Raises SettingsError with one sentence per
    fault.
    """
    root = root or project_root()
    found = _choose(_gather(root), tenant, known_only=need_key)
    if need_key and not found.get("api_key"):
        missing = [name for name in ("tenant", "api_key") if not found.get(name)]
        raise SettingsError("\n".join(_missing(name) for name in missing))
    try:
        settings = Settings.model_validate(found)
    except ValidationError as error:
        raise SettingsError(_say(error)) from None
    return settings.model_copy(update={"data_dir": root / settings.data_dir.expanduser()})


def project_root() -> Path:
    """Return the folder whose `.env` and `.dlt/` count: dlt's, by default the current one."""
    return Path(os.environ.get("DLT_PROJECT_DIR", ".")).resolve()


def _gather(root: Path) -> dict[str, Any]:
    """Collect what the four places say, the first place winning."""
    places: list[Mapping[str, Any]] = [
        _unflatten(os.environ),
        _unflatten(dotenv_values(root / ".env", interpolate=False)),
        _toml(root / ".dlt" / "secrets.toml"),
        _toml(root / ".dlt" / "config.toml"),
    ]
    merged: dict[str, Any] = {}
    for place in reversed(places):
        merged = _over(place, merged)
    return merged


def _unflatten(variables: Mapping[str, str | None]) -> dict[str, Any]:
    """Turn SOURCES__P4BOOKS__TENANTS__NAME__API_KEY into nested tables."""
    nested: dict[str, Any] = {}
    for name, value in variables.items():
        if value is None or not name.upper().startswith(PREFIX):
            continue
        *tables, last = name.lower().removeprefix(PREFIX.lower()).split("__")
        place = nested
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    return nested


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Nothing was done.") from None
    found = table.get("sources", {}).get("p4books", {})
    return found if isinstance(found, dict) else {}


def _over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _over(value, below) if both and below is not None else value
    return merged


def _choose(found: dict[str, Any], tenant: str | None, *, known_only: bool) -> dict[str, Any]:
    """Put the chosen tenant's own table over what holds for all."""
    tables = found.pop("tenants", {})
    name = tenant or found.get("tenant")
    if name is None and tables:
        raise SettingsError(f"Several tenants are set; choose one: --tenant {' | '.join(tables)}.")
    if name is None:
        return found
    own = {key.lower(): table for key, table in tables.items()}.get(str(name).lower())
    if known_only and own is None and tenant and tenant != found.get("tenant"):
        known = [*tables, *filter(None, [found.get("tenant")])]
        raise SettingsError(f"There is no tenant {tenant} in the settings{nearest(tenant, known)}")
    if own is not None and name != found.get("tenant"):
        found.pop("api_key", None)  # one tenant's key never goes to another's address
    return {**found, **(own or {}), "tenant": name}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _say(error: ValidationError) -> str:
    """Say all faults, one sentence each, without any value that may be a key."""
    return "\n".join(_sentence(fault) for fault in error.errors(include_input=False))


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0])
    variable = PREFIX + name.upper()
    if fault["type"] == "extra_forbidden":
        return f"There is no setting {name}{nearest(name, list(Settings.model_fields))}"
    if fault["type"] == "missing":
        return _missing(name)
    why = fault["msg"].removeprefix("Value error, ").rstrip(".")
    return f"The setting {name} is not right: {why}. It is {variable} in the environment or .env."


def _missing(name: str) -> str:
    return (
        f"The setting {name} is missing. Put {PREFIX}{name.upper()}=… into .env (see .env.example)."
    )
