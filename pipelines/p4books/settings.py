"""Settings: where they are looked up, their types, defaults and validation."""

import codecs
import ipaddress
import logging
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv.parser import Binding, parse_stream
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
from p4books.spelling import clean_name, find_spelling, fold_name, is_same_name

ENV_PREFIX = "SOURCES__P4BOOKS__"
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
_AS_OF_SUFFIX = re.compile(r"-asof-\d{4}-\d\d-\d\d$")

Sources = dict[str, dict[str, Any]]  # the settings of each source by its name

log = logging.getLogger(__name__)


def _parse_names(value: object) -> object:
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
    endpoints: Annotated[tuple[str, ...], BeforeValidator(_parse_names)] = tuple(ENDPOINTS)
    ignore_totals: Annotated[tuple[str, ...], BeforeValidator(_parse_names)] = ()
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
    parallel_lists: int = Field(default=6, ge=1, le=32)
    published_mode: Annotated[int, BeforeValidator(_parse_mode)] = 0o440
    published_group: Annotated[str | None, BeforeValidator(_parse_group)] = None
    push_decimal: Literal[".", ","] | None = None
    push_dates: Literal["dmy", "mdy"] | None = None
    push_encoding: str | None = None
    _key_place: str = PrivateAttr(default=f"{ENV_PREFIX}API_KEY")

    @validator("*", mode="before")
    @classmethod
    def _clean_text(cls, value: object, info: ValidationInfo) -> object:
        """Take the invisible characters off that files and the shell leave in a value."""
        if not isinstance(value, str) or info.field_name == "api_key":
            return value
        return value.rstrip("\r\n") if info.field_name == "data_dir" else clean_name(value)

    @validator("tenant")
    @classmethod
    def _check_tenant(cls, value: str) -> str:
        if not TENANT_NAME.fullmatch(value):
            raise ValueError("a tenant name may contain only letters, digits and hyphens")
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

    @validator("base_url")
    @classmethod
    def _check_address(cls, value: str) -> str:
        parts = urlsplit(value.replace("{tenant}", "tenant"))
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("the address must begin with https://")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("the address must not contain a user, a query or a fragment")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("the key is sent over http:// only to this machine; use https://")
        return value.rstrip("/")

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
            raise SettingsError(_describe_missing("api_key"))
        return self.api_key.get_secret_value()

    @property
    def key_place(self) -> str:
        """Where the API key is set, as part of a sentence."""
        return self._key_place

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


def normalize_address(address: str) -> str:
    """Return an address in the one spelling by which addresses are compared.

    The host in lower case, without the default port and without slashes at the end.
    """
    parts = urlsplit(address)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, {"https": 443, "http": 80}.get(scheme)} else f":{parts.port}"
    return f"{scheme}://{host}{port}{parts.path.rstrip('/')}"


def load_settings(
    tenant: str | None = None, root: Path | None = None, *, need_key: bool = True
) -> Settings:
    """Load and validate the settings; `tenant` selects one of several.

    Reading the published file needs no key. Raises SettingsError, one sentence per problem.
    """
    root = root or project_root()
    _check_tenant_option(tenant)
    sources = read_sources(root)
    values = collect_settings(sources, tenant, known_only=need_key)
    missing_key = _describe_missing_key(sources, values) if need_key else ""
    try:
        settings = validate_settings(values)
    except SettingsError as error:
        lines = str(error) if need_key else _name_tenants(error, values, root)
        described = "\n".join(filter(None, [lines, missing_key]))
        raise SettingsError(_locate_unknown(described, sources)) from None
    if missing_key:
        raise SettingsError(missing_key)
    data_dir = root / expand_home(settings.data_dir)
    _check_data_dir(data_dir)
    name = _find_tenant(settings.tenant, data_dir)
    settings = settings.model_copy(update={"data_dir": data_dir, "tenant": name})
    settings._key_place = _locate_key(sources, name)
    return settings


def _check_data_dir(data_dir: Path) -> None:
    """Raise SettingsError if DuckDB cannot open files there."""
    try:
        str(data_dir).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(data_dir).decode(errors="replace")
        raise SettingsError(
            f"The folder of the files, {shown}, has a name that is not UTF-8, which DuckDB cannot "
            "open. Nothing was done. Rename it, or set data_dir to another folder."
        ) from None


def expand_home(path: Path) -> Path:
    """Return a path with `~` expanded; `~NAME` without such a user is the name of a folder.

    Raises SettingsError if this user has no home.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        if path.parts[0] == "~":
            raise SettingsError(
                "The setting data_dir begins with ~, but this user has no home folder. Nothing was "
                "done. Set it to a path that begins with /."
            ) from None
        return path


def list_tenants(data_dir: Path) -> list[str]:
    """Return the tenants of which a folder has files, as their files spell them."""
    return sorted({*_list_private(data_dir), *_list_published(data_dir)})


def list_published_tenants(data_dir: Path) -> list[str]:
    """Return the tenants that have a published file in a folder."""
    return [name for name in list_tenants(data_dir) if (data_dir / f"{name}.duckdb").is_file()]


def _find_tenant(tenant: str, data_dir: Path) -> str:
    """Return a tenant's name as its files have it, which were made under another spelling of it."""
    private, published = _list_private(data_dir), _list_published(data_dir)
    return find_spelling(tenant, private) or find_spelling(tenant, published) or tenant


def _list_private(data_dir: Path) -> list[str]:
    with suppress(OSError):  # who reads the published file may not look into the private folder
        names = [path.name for path in (data_dir / ".private").iterdir()]
        return [name for name in names if TENANT_NAME.fullmatch(name)]
    return []


def _list_published(data_dir: Path) -> list[str]:
    names = [_AS_OF_SUFFIX.sub("", path.stem) for path in data_dir.glob("*.duckdb")]
    return [name for name in names if TENANT_NAME.fullmatch(name)]


def validate_settings(values: Mapping[str, Any]) -> Settings:
    """Validate collected settings. Raises SettingsError, one sentence per problem."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_describe_errors(error)) from None


def project_root() -> Path:
    """Return the folder whose `.env` and `.dlt/` apply: dlt's, by default the current one."""
    return Path(os.environ.get("DLT_PROJECT_DIR", ".")).resolve()


def read_sources(root: Path) -> Sources:
    """Read the four sources of settings, the one that takes precedence first.

    Raises SettingsError if a file cannot be read.
    """
    files: dict[str, Callable[[str], dict[str, Any]]] = {
        ".env": partial(_parse_dotenv, root / ".env"),
        ".dlt/secrets.toml": _parse_toml,
        ".dlt/config.toml": _parse_toml,
    }
    read = {name: _parse_file(root / name, parse) for name, parse in files.items()}
    return {"the environment": _nest_variables(os.environ), **read}


def collect_settings(sources: Sources, tenant: str | None, *, known_only: bool) -> dict[str, Any]:
    """Return what the sources set for a tenant, not validated.

    With `known_only` the tenant must be one that they name. Raises SettingsError.
    """
    return _select_tenant(_merge_sources(sources), tenant, known_only=known_only)


def _merge_sources(sources: Sources) -> dict[str, Any]:
    """Merge the sources of settings; the first one takes precedence."""
    merged: dict[str, Any] = {}
    for source in reversed(sources.values()):
        merged = _merge_over(source, merged)
    return merged


def _locate_key(sources: Sources, tenant: str) -> str:
    """Return where the key of a tenant is set, as part of a sentence."""
    name = fold_name(tenant)
    own = {source: _find_table(values, name) for source, values in sources.items()}
    for tables, variable, table in (
        (own, f"{ENV_PREFIX}TENANTS__{tenant.upper()}__API_KEY", f".tenants.{tenant}"),
        (sources, f"{ENV_PREFIX}API_KEY", ""),
    ):
        for source, values in tables.items():
            if not values.get("api_key"):
                continue
            if source.endswith(".toml"):
                return f"api_key under [sources.p4books{table}] in {source}"
            return f"{variable} in {source}"
    return f"{ENV_PREFIX}API_KEY"


def _find_table(values: Mapping[str, Any], tenant: str) -> Mapping[str, Any]:
    tables = values.get("tenants")
    table = tables.get(tenant) if isinstance(tables, dict) else None
    return table if isinstance(table, dict) else {}


def _parse_file(path: Path, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{path} cannot be read: line {line} is not UTF-8. Nothing was done. Save it as UTF-8."
        ) from None
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Nothing was done.") from None


def _parse_dotenv(path: Path, text: str) -> dict[str, Any]:
    variables: dict[str, str | None] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:  # what it says may be a key
            log.warning("%s: line %d is not NAME=value; it is ignored.", path, _find_line(binding))
        elif binding.key is not None:
            variables[binding.key] = binding.value
    return _nest_variables(variables)


def _find_line(binding: Binding) -> int:
    """Return the line of a statement, which begins with the empty lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _nest_variables(variables: Mapping[str, str | None]) -> dict[str, Any]:
    """Turn SOURCES__P4BOOKS__TENANTS__NAME__API_KEY into nested tables; empty means not set."""
    nested: dict[str, Any] = {}
    for name, value in variables.items():
        if not value or not name.upper().startswith(ENV_PREFIX):
            continue
        *parents, key = name.lower().removeprefix(ENV_PREFIX.lower()).split("__")
        table = nested
        for parent in parents:
            child = table.get(parent)
            table[parent] = child if isinstance(child, dict) else {}
            table = table[parent]
        table[key] = value
    return nested


def _parse_toml(text: str) -> dict[str, Any]:
    sources = tomllib.loads(text).get("sources")
    values = sources.get("p4books") if isinstance(sources, dict) else None
    if not isinstance(values, dict):
        return {}
    tenants = values.get("tenants")
    if isinstance(tenants, dict):
        values["tenants"] = _fold_tenants(tenants)
    return values


def _fold_tenants(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of tenants by their folded names: variables are in capitals."""
    folded: dict[str, Any] = {}
    for name, own in tables.items():
        if fold_name(name) in folded:
            raise SettingsError(
                f"The tenant {clean_name(name)} has two tables, in two spellings of its name. "
                "Nothing was done. Keep one of them."
            )
        folded[fold_name(name)] = own
    return folded


def _merge_over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merge_over(value, below) if both and below is not None else value
    return merged


def _select_tenant(
    values: dict[str, Any], tenant: str | None, *, known_only: bool
) -> dict[str, Any]:
    """Merge the selected tenant's own table over the values for all tenants."""
    tables = values.pop("tenants", {})
    if not isinstance(tables, dict) or not all(isinstance(own, dict) for own in tables.values()):
        raise SettingsError(
            "Each tenant needs a table of its own: [sources.p4books.tenants.NAME]. "
            "Nothing was done."
        )
    default = values.get("tenant")
    name = tenant or default
    if name is None and tables:
        raise SettingsError(
            f"Several tenants are configured; select one: --tenant {' | '.join(tables)}."
        )
    if name is None:
        return values
    own = tables.get(fold_name(str(name)))
    is_default = default is not None and is_same_name(str(name), str(default))
    if known_only and own is None and not is_default:
        known = [*tables, *([str(default)] if default else [])]
        remedy = f"None is configured. Put {ENV_PREFIX}TENANT=… into .env (see .env.example)."
        raise SettingsError(describe_unknown("tenant", str(name), known, "" if known else remedy))
    if not is_default:
        values.pop("api_key", None)  # one tenant's key is never sent to another's address
    return {**values, **(own or {}), "tenant": name}


def _check_tenant_option(tenant: str | None) -> None:
    if tenant is not None and not TENANT_NAME.fullmatch(clean_name(tenant)):
        raise SettingsError(
            f"--tenant {clean_name(tenant)[:80]!r} is not the name of a tenant, which has only "
            "letters, digits and hyphens. Nothing was done."
        )


def _name_tenants(error: SettingsError, values: Mapping[str, Any], root: Path) -> str:
    """Add to a missing tenant those that there are; who only reads may choose any of them."""
    data_dir = root / expand_home(Path(str(values.get("data_dir") or "data")))
    if values.get("tenant") or not (known := list_tenants(data_dir)):
        return str(error)
    choice = ", or choose one with --tenant NAME"
    there = f"In {data_dir} there is {', '.join(known)}: --tenant {' | '.join(known)}."
    lines = str(error).splitlines()
    return "\n".join(
        f"{line.removesuffix('.')}{choice}. {there}"
        if "setting tenant is missing" in line
        else line
        for line in lines
    )


def _locate_unknown(description: str, sources: Sources) -> str:
    """Add to each unknown setting where it is set."""

    def locate(match: re.Match[str]) -> str:
        name = match[1]
        places = [source for source, values in sources.items() if _has_setting(values, name)]
        return f"{match[0]} It is set in {' and '.join(places)}." if places else match[0]

    return re.sub(r"^Unknown setting '(.*)'\..*$", locate, description, flags=re.MULTILINE)


def _has_setting(values: Mapping[str, Any], name: str) -> bool:
    """Return whether a source sets a name, for all tenants or for one."""
    tenants = values.get("tenants")
    tables = tenants.values() if isinstance(tenants, dict) else ()
    return any(name in table for table in (values, *tables) if isinstance(table, dict))


def _describe_missing_key(sources: Sources, values: Mapping[str, Any]) -> str:
    """Say where a missing key belongs; empty if there is one."""
    if values.get("api_key"):
        return ""
    name, default = str(values.get("tenant")), _merge_sources(sources).get("tenant")
    if values.get("tenant") and not (default and is_same_name(name, str(default))):
        return (
            f"The API key of {name} is missing. Add api_key = '…' under "
            f"[sources.p4books.tenants.{name}] to .dlt/secrets.toml."
        )
    return _describe_missing("api_key")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _describe_errors(error: ValidationError) -> str:
    """Describe all problems, one line each, without any value that may be a key."""
    return "\n".join(_describe_error(problem) for problem in error.errors(include_input=False))


def _describe_error(problem: Any) -> str:
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return describe_unknown("setting", name, Settings.model_fields)
    if problem["type"] == "missing":
        return _describe_missing(name)
    why = end_sentence(_describe_reason(name, problem))
    return (
        f"The setting {name} is invalid: {why[0].lower()}{why[1:]} "
        f"Set {ENV_PREFIX}{name.upper()} in the environment or in .env."
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


def _describe_missing(name: str) -> str:
    variable = ENV_PREFIX + name.upper()
    return f"The setting {name} is missing. Add {variable}=… to .env (see .env.example)."
