"""Settings: where they are looked up, their types, defaults and validation."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic import field_validator as validator

from p4books.endpoints import ENDPOINTS
from p4books.errors import SettingsError, did_you_mean

ENV_PREFIX = "SOURCES__P4BOOKS__"


def collect_settings(root: Path, tenant: str | None, *, known_only: bool) -> dict[str, Any]:
    """Return what the places under `root` say for a tenant, unchecked.

    With `known_only` the tenant must be one that they name. Raises SettingsError.
    """
    return _choose_tenant(_gather_places(root), tenant, known_only=known_only)


def _gather_places(root: Path) -> dict[str, Any]:
    """Collect what the four places say, the first place winning."""
    places = [
        _nest_variables(os.environ),
        _parse_file(root / ".env", _parse_dotenv),
        _parse_file(root / ".dlt" / "secrets.toml", _parse_toml),
        _parse_file(root / ".dlt" / "config.toml", _parse_toml),
    ]
    merged: dict[str, Any] = {}
    for place in reversed(places):
        merged = _merge_over(place, merged)
    return merged


def _parse_file(path: Path, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Nothing was done.") from None


def _parse_dotenv(text: str) -> dict[str, Any]:
    return _nest_variables(dotenv_values(stream=StringIO(text), interpolate=False))


def _nest_variables(variables: Mapping[str, str | None]) -> dict[str, Any]:
    """Turn SOURCES__P4BOOKS__TENANTS__NAME__API_KEY into nested tables; an empty one is not set."""
    nested: dict[str, Any] = {}
    for name, value in variables.items():
        if not value or not name.upper().startswith(ENV_PREFIX):
            continue
        *tables, last = name.lower().removeprefix(ENV_PREFIX.lower()).split("__")
        place = nested
        for table in tables:
            below = place.get(table)
            place[table] = below if isinstance(below, dict) else {}
            place = place[table]
        place[last] = value
    return nested


def _parse_toml(text: str) -> dict[str, Any]:
    sources = tomllib.loads(text).get("sources")
    found = sources.get("p4books") if isinstance(sources, dict) else None
    if not isinstance(found, dict):
        return {}
    tenants = found.get("tenants")
    if isinstance(tenants, dict):  # a tenant's name has no case, and variables are upper case
        found["tenants"] = {name.lower(): own for name, own in tenants.items()}
    return found


def _merge_over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merge_over(value, below) if both and below is not None else value
    return merged


def _choose_tenant(
    found: dict[str, Any], tenant: str | None, *, known_only: bool
) -> dict[str, Any]:
    """Put the chosen tenant's own table over what holds for all."""
    tables = found.pop("tenants", {})
    if not isinstance(tables, dict) or not all(isinstance(own, dict) for own in tables.values()):
        raise SettingsError("Each tenant has a table of its own: [sources.p4books.tenants.NAME].")
    name = tenant or found.get("tenant")
    if name is None and tables:
        raise SettingsError(f"Several tenants are set; choose one: --tenant {' | '.join(tables)}.")
    if name is None:
        return found
    own = tables.get(str(name).lower())
    if known_only and own is None and tenant and tenant != found.get("tenant"):
        known = [*tables, *filter(None, [found.get("tenant")])]
        raise SettingsError(
            f"There is no tenant {tenant} in the settings{did_you_mean(tenant, known)}"
        )
    if name != found.get("tenant"):
        found.pop("api_key", None)  # one tenant's key never goes to another's address
    return {**found, **(own or {}), "tenant": name}


TENANT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def _as_list(value: object) -> object:
    """Take `invoices, customers` as well as a list."""
    if isinstance(value, str):
        return [part for part in re.split(r"[\s,\[\]\"']+", value) if part]
    return value


def _as_mode(value: object) -> int:
    """Take a file's mode however it is written: 0o640, 640, "0640"; its digits are 0, 4 and 6."""
    texts = [f"{value:o}", str(value)] if type(value) is int else [str(value).removeprefix("0o")]
    for text in texts:  # no number reads as such a mode in both ways
        if re.fullmatch(r"0?[46][046]{2}", text):
            return int(text, 8)
    raise ValueError("a file's mode is three digits of 0, 4 and 6, the first not 0, as in 0640")


class Settings(BaseModel):
    """Everything that may differ between two installations, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tenant: str
    api_key: SecretStr | None = None
    base_url: str = "https://{tenant}.p4books.com/api/v1"
    data_dir: Path = Path("data")
    endpoints: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = tuple(ENDPOINTS)
    requests_per_window: int = Field(default=90, ge=1)
    window_seconds: float = Field(default=60, gt=0, allow_inf_nan=False)
    requests_per_run: int = Field(default=90, ge=1)
    max_verified_age: float = Field(default=24, gt=0, allow_inf_nan=False)  # hours
    max_gone_share: float = Field(default=0.2, ge=0, le=1)
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
        if not names:
            raise ValueError("no endpoint is named")
        for name in names:
            if name not in ENDPOINTS:
                raise ValueError(f"there is no endpoint {name}{did_you_mean(name, ENDPOINTS)}")
        return tuple(dict.fromkeys(names))

    @validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        import pendulum  # noqa: PLC0415 - 0.1 s that --help need not wait for

        try:
            pendulum.timezone(value)
        except Exception as error:
            raise ValueError(f"there is no time zone {value}") from error
        if value in {"localtime", "posixrules", "Factory"}:  # DuckDB knows none of these
            raise ValueError(f"there is no time zone {value}")
        return value

    @property
    def key(self) -> str:
        """The API key itself. Raises SettingsError where none is set."""
        if self.api_key is None:
            raise SettingsError(_describe_missing("api_key"))
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
    def warehouse(self) -> Path:
        """The private warehouse: every version of every record."""
        return self.private / "warehouse.duckdb"

    @property
    def run_log(self) -> Path:
        """The SQLite log of this tenant's runs."""
        return self.private / "runs.sqlite"

    @property
    def ledger(self) -> Path:
        """The SQLite ledger of everything that was ever pushed."""
        return self.private / "ledger.sqlite"

    @property
    def spool(self) -> Path:
        """The folder of raw pages that are not loaded yet, one folder per endpoint."""
        return self.private / "spool"

    @property
    def work(self) -> Path:
        """The scratch folder of a sync."""
        return self.private / "work"

    @property
    def published(self) -> Path:
        """The file that readers open."""
        return self.data_dir / f"{self.tenant}.duckdb"

    def published_as_of(self, day: date | None) -> Path:
        """Return the file that shows a day of the past; without one, the published file."""
        return self.published.with_stem(f"{self.tenant}-asof-{day}") if day else self.published


def load_settings(
    tenant: str | None = None, root: Path | None = None, *, need_key: bool = True
) -> Settings:
    """Read and check the settings; `tenant` chooses one of several.

    Who only reads the published file needs no key. Raises SettingsError with one sentence per
    fault.
    """
    root = root or project_root()
    found = collect_settings(root, tenant, known_only=need_key)
    try:
        settings = validate_settings(found)
    except SettingsError as fault:
        if need_key and not found.get("api_key"):
            raise SettingsError(f"{fault}\n{_describe_missing('api_key')}") from None
        raise
    if need_key and settings.api_key is None:
        raise SettingsError(_describe_missing("api_key"))
    return settings.model_copy(update={"data_dir": root / settings.data_dir.expanduser()})


def validate_settings(found: Mapping[str, Any]) -> Settings:
    """Check settings that were found. Raises SettingsError with one sentence per fault."""
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        raise SettingsError(_describe_errors(error)) from None


def project_root() -> Path:
    """Return the folder whose `.env` and `.dlt/` count: dlt's, by default the current one."""
    return Path(os.environ.get("DLT_PROJECT_DIR", ".")).resolve()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _describe_errors(error: ValidationError) -> str:
    """Say all faults, one sentence each, without any value that may be a key."""
    return "\n".join(_describe_error(fault) for fault in error.errors(include_input=False))


def _describe_error(fault: Any) -> str:
    name = str(fault["loc"][0])
    variable = ENV_PREFIX + name.upper()
    if fault["type"] == "extra_forbidden":
        return f"There is no setting {name}{did_you_mean(name, list(Settings.model_fields))}"
    if fault["type"] == "missing":
        return _describe_missing(name)
    why = fault["msg"].removeprefix("Value error, ").rstrip(".")
    end = "" if why.endswith("?") else "."
    return (
        f"The setting {name} is not right: {why}{end} It is {variable} in the environment or .env."
    )


def _describe_missing(name: str) -> str:
    variable = ENV_PREFIX + name.upper()
    return f"The setting {name} is missing. Put {variable}=… into .env (see .env.example)."
