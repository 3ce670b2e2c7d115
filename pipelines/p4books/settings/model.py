"""Model of the settings: their types, defaults and validation."""

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic import field_validator as validator

from p4books.endpoints import ENDPOINTS, get_endpoint
from p4books.errors import SettingsError, UsageError, describe_unknown, end_sentence
from p4books.settings.backup import KeepRules, parse_keep_rules
from p4books.settings.delivery import Delivery, parse_deliveries
from p4books.settings.lake import Lake, parse_lake
from p4books.settings.notify import AnyChannel, is_loopback, parse_channels
from p4books.settings.places import check_folder, check_place
from p4books.spelling import clean_name

ENV_PREFIX = "SOURCES__P4BOOKS__"
GENERATIONS_FOLDER = "generations"  # beside the warehouse
MIN_PASSWORD = 12  # characters: whoever guesses has one try every two seconds
_SCHEMAS = {"main", "raw", "staging", "core", "reporting", "custom", "seeds"}
TENANT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


_LIMITS = {  # by pydantic's type of error
    "greater_than": "it must be more than {:g}",
    "greater_than_equal": "it must be at least {:g}",
    "less_than": "it must be less than {:g}",
    "less_than_equal": "it must be at most {:g}",
    "string_pattern_mismatch": "a currency code has three capital letters, such as USD",
    "string_too_short": "it must not be empty",
    "tuple_type": "it must be a list of names",
}
_SECRETS = {"api_key", "dashboard_password"}  # every character of them counts
_TABLES = ("deliver", "lake", "notify")  # tables and lists of them, or these lists as JSON
_MERGED = ("backup_keep", "lake")  # tables whose keys may be in several places
_AS_OF_NAME = re.compile(r"(.+)-asof-(\d{4}-\d\d-\d\d)")


def parse_names(value: object) -> object:
    """Accept `invoices, customers` as well as a list."""
    if isinstance(value, str):
        return [part for part in re.split(r"[\s,\[\]\"']+", value) if part]
    return value


def _parse_mode(value: object) -> int:
    """Accept a file mode in every notation: 0o640, 640, "0640"; its digits are 0, 4 and 6."""
    texts = [f"{value:o}", str(value)] if type(value) is int else [str(value).removeprefix("0o")]
    for text in texts:  # no number is such a mode in both notations
        if re.fullmatch(r"0?[46][046]{2}", text):
            return int(text, 8)
    raise ValueError(
        "a file mode has three digits, each 0, 4 or 6 and the first not 0, such as 0440"
    )


def _parse_group(value: object) -> object:
    """Accept the name of a group and its number."""
    return str(value) if type(value) is int else value


class Settings(BaseModel):
    """Everything that may differ between two installations, validated."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tenant: str
    api_key: SecretStr | None = None
    base_url: str = "https://{tenant}.p4books.com/api/v1"
    data_dir: Path = Path("data")
    endpoints: Annotated[tuple[str, ...], BeforeValidator(parse_names)] = tuple(ENDPOINTS)
    ignore_totals: Annotated[tuple[str, ...], BeforeValidator(parse_names)] = ()
    requests_per_window: int = Field(default=90, ge=1)
    window_seconds: float = Field(default=60, gt=0, allow_inf_nan=False)
    requests_per_run: int = Field(default=90, ge=1)
    max_verified_age: float = Field(default=24, gt=0, allow_inf_nan=False)  # hours
    max_gone_share: float = Field(default=0.2, ge=0, le=1)
    max_changed_share: float = Field(default=0.5, ge=0, le=1)
    request_timeout: float = Field(default=120, gt=0, allow_inf_nan=False)  # seconds
    page_size: int = Field(default=100, ge=1)
    page_param: str = Field(default="page", min_length=1)
    page_size_param: str = Field(default="page_size", min_length=1)
    timezone: str = "America/Panama"
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    tax_date: Literal["document", "posting"] = "document"
    language: Literal["en", "es"] = "en"
    company: str | None = None
    company_details: str | None = None
    dashboard_password: SecretStr | None = None
    sync_interval: float = Field(default=15, gt=0, allow_inf_nan=False)  # minutes
    deliver: Annotated[tuple[Delivery, ...], BeforeValidator(parse_deliveries)] = ()
    backup_to: str | None = None
    backup_keep: Annotated[KeepRules, BeforeValidator(parse_keep_rules)] = KeepRules()
    lake: Annotated[Lake | None, BeforeValidator(parse_lake)] = None
    home: str | None = None
    notify: Annotated[tuple[AnyChannel, ...], BeforeValidator(parse_channels)] = ()
    parallel_lists: int = Field(default=6, ge=1, le=32)
    published_mode: Annotated[int, BeforeValidator(_parse_mode)] = 0o440
    published_group: Annotated[str | None, BeforeValidator(_parse_group)] = None
    push_decimal: Literal[".", ","] | None = None
    push_dates: Literal["dmy", "mdy"] | None = None
    push_encoding: str | None = None
    _key_place: str = PrivateAttr(default=f"{ENV_PREFIX}API_KEY")
    _members: tuple[str, ...] = PrivateAttr(default=())

    @validator("*", mode="before")
    @classmethod
    def _clean_text(cls, value: object, info: ValidationInfo) -> object:
        """Take the invisible characters off that files and the shell leave in a value."""
        if not isinstance(value, str) or info.field_name in {*_SECRETS, *_TABLES}:
            return value
        return value.rstrip("\r\n") if info.field_name == "data_dir" else clean_name(value)

    @validator("tenant")
    @classmethod
    def _check_tenant(cls, value: str) -> str:
        if not TENANT_NAME.fullmatch(value):
            raise ValueError("a tenant name may contain only letters, digits and hyphens")
        if value.lower() in _SCHEMAS:
            raise ValueError(
                f"tables of a file called {value}.duckdb could not be told from its schema {value};"
                " choose another name, and give the address of the API in base_url"
            )
        return value

    @validator("api_key")
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        key = value.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the key is empty or contains characters that no key has")
        return SecretStr(key)

    @validator("dashboard_password")
    @classmethod
    def _check_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        password = value.get_secret_value().strip()
        if len(password) < MIN_PASSWORD:
            raise ValueError(f"a password has at least {MIN_PASSWORD} characters")
        return SecretStr(password)

    @validator("base_url")
    @classmethod
    def _check_address(cls, value: str) -> str:
        parts = urlsplit(value.replace("{tenant}", "tenant"))
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("the address must begin with https://")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("the address must not contain a user, a query or a fragment")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("the key is sent over http:// only to this machine; use https://")
        return value.rstrip("/")

    @validator("data_dir")
    @classmethod
    def _check_data_dir(cls, value: Path) -> Path:
        check_folder(value)
        return value

    @validator("backup_to")
    @classmethod
    def _check_backup_place(cls, value: str | None) -> str | None:
        return check_place(value) if value else None

    @validator("home")
    @classmethod
    def _check_home(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and "lake" in info.data and info.data["lake"] is None:
            raise ValueError(
                "it needs a Postgres for its leases, the `catalog` of the table `lake`"
            )
        return check_place(value) if value else None

    @validator("endpoints", "ignore_totals")
    @classmethod
    def _check_endpoints(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and info.field_name == "endpoints":
            raise ValueError("it must name at least one endpoint")
        try:
            names = [get_endpoint(name.replace("-", "_")).name for name in value]
        except UsageError as error:
            raise ValueError(str(error)) from None
        return tuple(dict.fromkeys(names))

    @validator("push_encoding")
    @classmethod
    def _check_encoding(cls, value: str | None) -> str | None:
        try:
            codecs.lookup(value or "utf-8")
        except (LookupError, ValueError):
            raise ValueError(f"unknown encoding '{value}'") from None
        return value

    @validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        import pendulum  # noqa: PLC0415 - 0.1 s that --help need not wait for

        try:
            pendulum.timezone(value)
        except Exception as error:
            raise ValueError(f"unknown time zone '{value}'") from error
        if value in {"localtime", "posixrules", "Factory"}:  # unknown to DuckDB
            raise ValueError(f"unknown time zone '{value}'")
        return value

    @property
    def key(self) -> str:
        """The API key itself. Raises SettingsError if none is set."""
        if self.api_key is None:
            raise SettingsError(describe_missing("api_key"))
        return self.api_key.get_secret_value()

    @property
    def key_place(self) -> str:
        """Where the API key is set, as part of a sentence."""
        return self._key_place

    def remember_key_place(self, place: str) -> None:
        """Remember where the API key is set."""
        self._key_place = place

    @property
    def members(self) -> tuple[str, ...]:
        """The tenants of a group, whose file is read with these settings; empty for a tenant."""
        return self._members

    def remember_members(self, tenants: tuple[str, ...]) -> None:
        """Remember that these are the settings of a group, and of which tenants."""
        self._members = tenants

    @property
    def address(self) -> str:
        """The base address of this tenant, without a trailing slash."""
        return self.base_url.replace("{tenant}", self.tenant)

    @property
    def export_mode(self) -> int:
        """The permissions of exports: of the published file, and their owner may write."""
        return self.published_mode | 0o200

    @property
    def private(self) -> Path:
        """The folder that only p4books opens."""
        return self.data_dir / ".private" / self.tenant

    @property
    def warehouse(self) -> Path:
        """The private warehouse: every version of every record."""
        return self.private / "warehouse.duckdb"

    @property
    def generations(self) -> Path:
        """The folder of the earlier generations of the warehouse."""
        return self.private / GENERATIONS_FOLDER

    @property
    def run_log(self) -> Path:
        """The SQLite log of this tenant's runs."""
        return self.private / "runs.sqlite"

    @property
    def alert_log(self) -> Path:
        """The SQLite file of the alerts that fire, and of what was sent of them."""
        return self.private / "alerts.sqlite"

    @property
    def backup_record(self) -> Path:
        """The file that says when this machine last backed this tenant up."""
        return self.private / "backup.json"

    @property
    def unlogged(self) -> Path:
        """The file that says why the last run of this machine could not begin."""
        return self.private / "unlogged.json"

    @property
    def ledger(self) -> Path:
        """The SQLite ledger of everything that was ever pushed."""
        return self.private / "ledger.sqlite"

    @property
    def spool(self) -> Path:
        """The folder of raw pages that are not loaded yet, one folder per endpoint."""
        return self.private / "spool"

    @property
    def restoring(self) -> Path:
        """The folder of the files that a restore puts in place."""
        return self.private / "restoring"

    def scratch(self, name: str) -> Path:
        """Return the scratch folder of a command other than sync."""
        return self.private / f"work-{name}"

    @property
    def work(self) -> Path:
        """The scratch folder of a sync."""
        return self.private / "work"

    @property
    def published(self) -> Path:
        """The file that readers open."""
        return self.data_dir / f"{self.tenant}.duckdb"

    def published_as_of(self, day: date | None) -> Path:
        """Return the file that shows the books as of a day; None is the published file."""
        return self.published.with_stem(f"{self.tenant}-asof-{day}") if day else self.published


def validate_settings(
    values: Mapping[str, Any],
    locate: Callable[[str], Sequence[str]] = lambda _: (),
    choice: str = "",
) -> Settings:
    """Validate collected settings. Raises SettingsError, one sentence per problem.

    `locate` names the places that set a setting, the one that counts first; `choice` is what else
    there is to do if the tenant is missing, as the end of a sentence.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_describe_errors(error, locate, choice)) from None


def normalize_address(address: str) -> str:
    """Return an address in the one spelling by which addresses are compared.

    The host in lower case, without the default port and without slashes at the end.
    """
    parts = urlsplit(address)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, {"https": 443, "http": 80}.get(scheme)} else f":{parts.port}"
    return f"{scheme}://{host}{port}{parts.path.rstrip('/')}"


def split_as_of(published: Path) -> tuple[str, str | None]:
    """Return the tenant and the day of a published file's name, None for that of the present."""
    match = _AS_OF_NAME.fullmatch(published.stem)
    return (match[1], match[2]) if match else (published.stem, None)


def describe_missing(name: str) -> str:
    """Say that a setting is missing, and where to add it."""
    variable = ENV_PREFIX + name.upper()
    return f"The setting {name} is missing. Add {variable}=… to .env (see .env.example)."


def _describe_errors(
    error: ValidationError, locate: Callable[[str], Sequence[str]], choice: str
) -> str:
    """Describe all problems, one line each, without any value that may be a key."""
    problems = error.errors(include_input=False)
    return "\n".join(_describe_error(problem, locate, choice) for problem in problems)


def _describe_error(problem: Any, locate: Callable[[str], Sequence[str]], choice: str) -> str:
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        unknown, places = describe_unknown("setting", name, Settings.model_fields), locate(name)
        return f"{unknown} Correct {' and '.join(places)}." if places else unknown
    if problem["type"] == "missing":
        missing = describe_missing(name)
        return f"{missing.removesuffix('.')}, {choice}" if choice else missing
    why = _describe_reason(name, problem)
    places = locate(name)  # none, if the value is not from a source of settings
    if name not in _MERGED:
        places = places[:1]  # no other one counts
    remedy = f"Correct {' or '.join(places)}." if places else ""
    problems = why.splitlines() if name in _TABLES else [f"{why[0].lower()}{why[1:]}"]
    return "\n".join(
        f"The setting {name} is invalid: {end_sentence(each)} {remedy}".rstrip()
        for each in problems
    )


def _describe_reason(name: str, problem: Any) -> str:
    """Say what a value has to be, in our words: those of pydantic are for programmers."""
    kind, limits = str(problem["type"]), problem.get("ctx", {})
    if kind == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    if kind in _LIMITS:
        return _LIMITS[kind].format(*limits.values())
    if kind == "literal_error":
        return f"it must be {str(limits['expected']).replace(chr(39), '`')}"
    annotation = Settings.model_fields[name].annotation
    if annotation is int:
        return "it must be a whole number"
    return "it must be a number" if annotation is float else "it must be a text"
