"""Alert files: SQL queries of which each row is something that fires."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from p4books.errors import BrokenSql
from p4books.settings.notify import SEVERITIES
from p4books.transform.models import ALERTS, MODEL_NAME, SqlSources, parse_headers

DEFAULT_SEVERITY = "warning"
OURS = frozenset({  # in a working tree, the folder of ours is also that of the user
    *("books_changed", "check_failed", "customer_over_credit_limit", "deletions_refused"),
    *("invoice_changed_after_posting", "itbms_return_due", "key_refused", "new_field"),
    *("old_backup", "push_unknown", "run_failed", "stale_list", "unverified_list"),
})  # fmt: skip


@dataclass(frozen=True)
class AlertDefinition:
    """One file of `sql/alerts/`: its query, and what its header says of all its rows.

    `severity` is one of SEVERITIES. What `recovers` is a state, which ends when its row is gone;
    else it is an event, which is sent once. `is_own` if the file is the user's.
    """

    name: str
    file: Path
    sql: str
    grain: str
    severity: str = DEFAULT_SEVERITY
    recovers: bool = True
    is_own: bool = False


def load_definitions(sources: SqlSources) -> tuple[list[AlertDefinition], list[BrokenSql]]:
    """Load all alert files, by name; return the errors of those that cannot be used, too.

    A user's file takes the place of ours with its name.
    """
    definitions, faults = [], []
    for file in sources.files(ALERTS):
        try:
            is_own = file.parent.parent != sources.builtin or file.stem not in OURS
            definitions.append(parse_definition(file, is_own=is_own))
        except BrokenSql as error:
            faults.append(error)
    return definitions, faults


def parse_definition(file: Path, *, is_own: bool = False) -> AlertDefinition:
    """Parse an alert file. Raises BrokenSql."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    lines = text.splitlines()
    headers = parse_headers(lines[1:])
    for why in _find_problems(file.stem, lines, headers):
        raise BrokenSql(file, 1, why)
    return AlertDefinition(
        name=file.stem,
        file=file,
        sql=text.rstrip().rstrip(";"),
        grain=lines[0].removeprefix("-- "),
        severity=headers.get("severity", DEFAULT_SEVERITY),
        recovers=headers.get("recovers", "yes") == "yes",
        is_own=is_own,
    )


def _find_problems(name: str, lines: list[str], headers: dict[str, str]) -> Iterator[str]:
    if not MODEL_NAME.fullmatch(name) or name in SEVERITIES:
        yield "the name of an alert has only lower-case letters, digits and underscores"
    if not lines or not lines[0].startswith("-- "):
        yield "the first line must be the grain, as in `-- One row per …`"
    if headers.get("severity", DEFAULT_SEVERITY) not in SEVERITIES:
        yield f"severity is one of {', '.join(SEVERITIES)}"
    if headers.get("recovers", "yes") not in {"yes", "no"}:
        yield "recovers is `yes` or `no`"
