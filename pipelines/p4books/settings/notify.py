"""Setting `notify`: the channels over which alerts are sent, and its validation.

Passwords, addresses of webhooks and pings, commands and their environment are secrets: they are in
no message, and in no representation of a channel.
"""

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from p4books.errors import describe_unknown, end_sentence
from p4books.settings.duration import parse_duration

SEVERITIES = ("error", "warning", "info")  # the worst one first
MAIL_PORTS = {"starttls": 587, "ssl": 465, "none": 25}

_EXAMPLE = '[{kind = "webhook", url = "https://…"}]'
_ADDRESS = re.compile(r"[^\s@<>,]+@[^\s@<>,]+")
_TYPES = {  # by pydantic's type of error
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "dict_type": "a table of texts",
    "string_type": "a text",
    "string_too_short": "a text of 1 to 60 characters",
    "string_too_long": "a text of 1 to 60 characters",
    "greater_than_equal": "a number from 1 to 65535",
    "less_than_equal": "a number from 1 to 65535",
}


def _parse_list(value: object) -> object:
    """Accept one text, with commas, as well as a list."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _parse_duration(value: object) -> object:
    """Accept a duration such as 90m, 24h or 7d; the result is in seconds."""
    if value is None or isinstance(value, float):
        return value
    try:
        return parse_duration(str(value)).total_seconds()
    except ValueError:
        raise ValueError("it must be a duration such as 90m, 24h or 7d") from None


Names = Annotated[tuple[str, ...], BeforeValidator(_parse_list)]


class Channel(BaseModel):
    """Where alerts go, and which: the options that all kinds of channels share.

    `only` and `excluded` (`except` in the settings) are names of alerts or severities; an alert
    must be in `only`, unless that is empty, and not in `excluded`. An ongoing one is sent again
    after `renotify_after` seconds, never if that is None; `recovered` says whether its end is sent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    sends_alerts: ClassVar[bool] = True

    kind: str
    name: str | None = Field(default=None, min_length=1, max_length=60)
    only: Names = ()
    excluded: Names = Field(default=(), alias="except")
    renotify_after: Annotated[float | None, BeforeValidator(_parse_duration)] = None
    recovered: bool = True

    def wants(self, alert: str, severity: str) -> bool:
        """Return whether an alert of a severity goes over this channel."""
        names = {alert, severity}
        return (not self.only or bool(names & {*self.only})) and not names & {*self.excluded}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be shown."""
        return ()

    @property
    def target(self) -> str:
        """Where it leads; another target has received nothing yet."""
        raise NotImplementedError


class CommandChannel(Channel):
    """A program that gets the alerts as JSON on stdin; `run` is a list of words.

    With `shell` it is one text that a shell runs. `env` is added to its environment.
    """

    kind: Literal["command"]
    run: tuple[SecretStr, ...] | SecretStr
    shell: bool = False
    env: dict[str, SecretStr] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_run(self) -> "CommandChannel":
        if self.shell != isinstance(self.run, SecretStr):
            raise ValueError(
                'run must be a list of words, such as ["notify-send", "p4books"]; with shell = '
                "true one text"
            )
        if not any(word.strip() for word in self.words):
            raise ValueError("run must not be empty")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command, or the one text for the shell."""
        run = (self.run,) if isinstance(self.run, SecretStr) else self.run
        return tuple(word.get_secret_value() for word in run)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of its environment, and its words but the program."""
        values = [value.get_secret_value() for value in self.env.values()]
        return (*values, *(self.words if self.shell else self.words[1:]))

    @property
    def target(self) -> str:
        """The command."""
        return "\0".join(self.words)


class SmtpChannel(Channel):
    """A mail server; `sender` is `from` in the settings.

    `security` is how the connection is encrypted, `port` by default that of MAIL_PORTS.
    """

    kind: Literal["smtp"]
    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: str = Field(alias="from")
    to: Names

    @field_validator("sender", "to")
    @classmethod
    def _check_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        addresses = (value,) if isinstance(value, str) else value
        if not addresses or not all(_ADDRESS.fullmatch(address) for address in addresses):
            raise ValueError("it must be a mail address, such as books@example.com")
        return value

    @model_validator(mode="after")
    def _check_login(self) -> "SmtpChannel":
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together; set both or neither")
        if self.password and self.security == "none" and not is_loopback(self.host):
            raise ValueError('the password would be sent unencrypted; use security = "starttls"')
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password."""
        return (self.password.get_secret_value(),) if self.password else ()

    @property
    def target(self) -> str:
        """The server and the addresses."""
        return f"{self.host} {' '.join(sorted(self.to))}".lower()


class _AddressChannel(Channel):
    """A channel that is an address of the web."""

    url: SecretStr

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().strip()
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("it must be an address that begins with https://") from None
        if not text.isprintable() or not text.isascii() or " " in text:
            raise ValueError("it has characters that no address has")
        local = parts.scheme == "http" and host is not None and is_loopback(host)
        if not host or not (parts.scheme == "https" or local):
            raise ValueError("it must begin with https://; http:// is for this machine only")
        if parts.username or parts.password:
            raise ValueError("it must not have a user or a password")
        return SecretStr(text.partition("#")[0])

    @property
    def address(self) -> str:
        """The address itself."""
        return self.url.get_secret_value()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The address, and what comes after its host."""
        parts = urlsplit(self.address)
        rest = parts.path + (f"?{parts.query}" if parts.query else "")
        return tuple(filter(None, (self.address, rest.strip("/"), parts.query)))

    @property
    def target(self) -> str:
        """The address."""
        return self.address


class WebhookChannel(_AddressChannel):
    """An address to which alerts are posted: as JSON, or as the text that Slack understands."""

    kind: Literal["webhook"]
    format: Literal["json", "slack"] = "json"


class PingChannel(_AddressChannel):
    """An address that is requested after each sync that did all: a dead man's switch.

    With `fail`, `/fail` after its path is requested after one that did not.
    """

    sends_alerts: ClassVar[bool] = False

    kind: Literal["ping"]
    fail: bool = False


CHANNELS: Mapping[str, type[Channel]] = {
    "command": CommandChannel,
    "smtp": SmtpChannel,
    "webhook": WebhookChannel,
    "ping": PingChannel,
}
AnyChannel = CommandChannel | SmtpChannel | WebhookChannel | PingChannel


def parse_channels(value: object) -> tuple[Channel, ...]:
    """Parse the setting: a list of tables, or the same as JSON. Raises ValueError.

    The message has one line for each problem, and no value of a secret.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"it must be a list, such as {_EXAMPLE}, in JSON") from None
    if not isinstance(value, (list, tuple)):
        why = f"it must be a list, such as {_EXAMPLE}"
        raise ValueError(why)  # noqa: TRY004 - pydantic makes a sentence of a ValueError only
    channels, problems = [], []
    for number, entry in enumerate(value, 1):
        try:
            channels.append(_parse_channel(entry))
        except ValueError as error:
            problems += [f"entry {number}: {line}" for line in str(error).splitlines()]
    labels = label_channels(channels)
    problems += [
        f"entry {number}: Another channel is called {label}, too. Give it another name."
        for number, label in enumerate(labels, 1)
        if not problems and label in labels[: number - 1]
    ]
    if problems:
        raise ValueError("\n".join(problems))
    return tuple(channels)


def identify_channels(channels: Sequence[Channel]) -> list[str]:
    """Return an identity of each channel: it changes with its target and shows nothing of it."""
    targets = [f"{channel.kind} {channel.target}" for channel in channels]
    return [
        hashlib.sha256(f"{target} {targets[:place].count(target)}".encode()).hexdigest()[:16]
        for place, target in enumerate(targets)
    ]


def label_channels(channels: Sequence[Channel]) -> list[str]:
    """Return what each channel is called: its name, or its kind, with a number if needed."""
    kinds = [channel.kind for channel in channels]
    return [
        channel.name
        or (channel.kind if kinds.count(channel.kind) == 1 else f"{channel.kind} {number}")
        for number, channel in enumerate(channels, 1)
    ]


def _parse_channel(entry: object) -> Channel:
    if isinstance(entry, Channel):
        return entry
    if not isinstance(entry, Mapping):
        raise ValueError(f"it must be a table, such as {_EXAMPLE[1:-1]}")  # noqa: TRY004 - as above
    kind = entry.get("kind")
    if not isinstance(kind, str):
        raise ValueError(f"kind must be one of {', '.join(CHANNELS)}")  # noqa: TRY004 - as above
    if kind not in CHANNELS:
        raise ValueError(describe_unknown("kind", kind, CHANNELS))
    try:
        return CHANNELS[kind].model_validate(entry)
    except ValidationError as error:
        raise ValueError("\n".join(_describe_problems(error, CHANNELS[kind]))) from None


def _describe_problems(error: ValidationError, channel: type[Channel]) -> Iterator[str]:
    """Yield a sentence for each problem; one for `run`, which may be of two types."""
    known = [field.alias or name for name, field in channel.model_fields.items()]
    seen = set()
    for problem in error.errors(include_input=False, include_url=False):
        key = str(problem["loc"][0]) if problem["loc"] else ""
        if key in seen:
            continue
        seen.add(key)
        yield _describe_problem(key, problem, known)


def _describe_problem(key: str, problem: Any, known: Sequence[str]) -> str:
    kind, limits = str(problem["type"]), problem.get("ctx", {})
    if kind == "extra_forbidden":
        return describe_unknown("key", key, known)
    if kind == "value_error":
        why = str(problem["msg"]).removeprefix("Value error, ")
        return end_sentence(f"{key}: {why}" if key else why)
    if kind == "literal_error":
        return f"{key} must be {str(limits['expected']).replace(chr(39), '`')}."
    if kind == "missing":
        return f"{key} is missing."
    if key == "run":
        return "run must be a list of words, or with shell = true one text."
    return f"{key} must be {_TYPES.get(kind, 'a list of texts')}."


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
