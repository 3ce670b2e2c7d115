"""What is sent of alerts: a subject, a text, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from p4books.fleet.alerts.evaluate import Firing
from p4books.fleet.alerts.state import NEW, ONGOING, RECOVERED, Change
from p4books.publish.language import Language
from p4books.settings import Settings

MAX_LINES = 20  # of one alert and state in a text; the JSON has all

_STATES = {NEW: "alert_new", ONGOING: "alert_ongoing", RECOVERED: "alert_recovered"}  # as in a text
_SEVERITIES = {"error": "alert_error", "warning": "alert_warning", "info": "alert_info"}


@dataclass(frozen=True)
class Message:
    """A message about a tenant, in its language; `content` is the same as JSON, with all rows."""

    id: str
    subject: str
    text: str
    content: dict[str, Any]


def build_message(settings: Settings, changes: Sequence[Change], now: float) -> Message:
    """Build the message about changes, of which there is at least one, the worst first."""
    language = Language(settings.language)
    subject = f"{settings.tenant}: {_build_subject(changes, language)}"
    parts = [
        part
        for state in _STATES
        if (part := _build_part(settings, state, [c for c in changes if c.state == state]))
    ]
    text = "\n\n".join([*parts, _build_footer(settings, language, now)])
    content = {
        "tenant": settings.tenant,
        "at": _instant(now),
        "subject": subject,
        "text": text,
        "changes": [build_change_object(change, language.code) for change in changes],
    }
    return Message(changes[0].id, subject, text, content)


def build_test_message(settings: Settings, now: float) -> Message:
    """Build the message by which a channel is tried."""
    language = Language(settings.language)
    sentence = language.word("alert_test")
    text = f"{sentence}\n\n{_build_footer(settings, language, now)}"
    subject = f"{settings.tenant}: {sentence}"
    at = _instant(now)
    content = {"tenant": settings.tenant, "at": at, "subject": subject, "text": text, "changes": []}
    return Message(f"test-{now:.6f}", subject, text, content)


def build_change_object(change: Change, language: str) -> dict[str, Any]:
    """Return a change as it is in JSON; instants are ISO 8601 in UTC."""
    firing = change.firing
    return {
        "id": change.id,
        "state": change.state,
        "alert": firing.alert,
        "key": firing.key,
        "severity": firing.severity,
        "title": choose_title(firing, language),
        "detail": _choose(firing.detail, firing.detail_es, language),
        "since": _instant(change.since),
        "recovered_at": None if change.ended_at is None else _instant(change.ended_at),
    }


def choose_title(firing: Firing, language: str) -> str:
    """Return the title in a language of LANGUAGES, as one line."""
    return _flatten(_choose(firing.title, firing.title_es, language))


def to_datetime(seconds: float) -> datetime:
    """Return an instant in UTC of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def _build_subject(changes: Sequence[Change], language: Language) -> str:
    """Name the worst of what fires, or else of what recovered, and how many more there are."""
    worst = next((each for each in changes if each.state != RECOVERED), changes[0])
    title = choose_title(worst.firing, language.code)
    if worst.state == RECOVERED:
        title = language.word("alert_is_recovered", title=title)
    return f"{title} (+{len(changes) - 1:,})" if len(changes) > 1 else title


def _build_part(settings: Settings, state: str, changes: Sequence[Change]) -> str:
    """Build the lines of one state; empty without changes."""
    if not changes:
        return ""
    language, lines, counts = Language(settings.language), [], dict[str, int]()
    for change in changes:
        alert = change.firing.alert
        counts[alert] = counts.get(alert, 0) + 1
        if counts[alert] <= MAX_LINES:
            lines.append(_build_lines(settings, change, language))
    for alert, count in counts.items():
        if count > MAX_LINES:
            more = language.word("alert_more", count=f"{count - MAX_LINES:,}")
            lines.append(f"- {alert}: {more}")
    return "\n".join([f"{language.word(_STATES[state])}:", *lines])


def _build_lines(settings: Settings, change: Change, language: Language) -> str:
    firing = change.firing
    title = choose_title(firing, language.code)
    detail = _choose(firing.detail, firing.detail_es, language.code)
    since = ""
    if change.state != NEW:
        at = language.instant(to_datetime(change.since), settings.timezone)
        words = language.word("alert_since", instant=at)
        since = f" ({words})"
    own = [f"  {line.strip()}" for line in detail.splitlines() if line.strip()]
    if change.state == RECOVERED:
        own = []
    return "\n".join([f"- {language.word(_SEVERITIES[firing.severity])}: {title}{since}", *own])


def _build_footer(settings: Settings, language: Language, now: float) -> str:
    return language.word(
        "alert_from",
        tenant=settings.tenant,
        instant=language.instant(to_datetime(now), settings.timezone),
        timezone=settings.timezone,
    )


def _choose(text: str, text_es: str, language: str) -> str:
    return text_es if language == "es" and text_es else text


def _flatten(text: str) -> str:
    """Return a text as one line, without signs that a header of a mail cannot have."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _instant(seconds: float) -> str:
    text = to_datetime(seconds).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
