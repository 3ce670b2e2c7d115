"""Setting `deliver`: which files each run leaves in which folders, and its validation."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from p4books.errors import describe_unknown
from p4books.settings.places import check_folder

DELIVERY_KINDS = ("workbook", "page", "csv", "excel-csv", "parquet", "statements")
LANGUAGE_CODES = ("en", "es")

_TABLES = {"csv": "csv", "excel-csv": "csv", "parquet": "parquet"}  # how their files' names end
_WITH_MODELS = {"workbook", *_TABLES}
_TEXTS = ("kind", "to", "lang", "decimal")
_KEYS = (*_TEXTS, "models")


@dataclass(frozen=True)
class Delivery:
    """Files that each run leaves in a folder, `to`: one of DELIVERY_KINDS.

    `models` are the words by which the command `export` chooses them, none for its default; `lang`
    is a language, None for that of the settings; `decimal` the separator of an excel-csv.
    """

    kind: str
    to: Path
    models: tuple[str, ...] = ()
    lang: str | None = None
    decimal: str | None = None

    @property
    def family(self) -> str:
        """What names its files have: csv and excel-csv have the same."""
        return _TABLES.get(self.kind, self.kind)

    @property
    def label(self) -> str:
        """What is delivered and where, as part of a sentence."""
        return f"{self.kind} to {self.to}"


def parse_deliveries(value: object) -> tuple[Delivery, ...]:
    """Parse the setting: a list of tables, or the same as JSON. Raises ValueError.

    The message has one line for each problem.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError('it must be a list, such as [{"kind": "workbook", …}]') from None
    if not isinstance(value, (list, tuple)):
        why = 'it must be a list, such as [{kind = "workbook", to = "/share/books"}]'
        raise ValueError(why)  # noqa: TRY004 - pydantic makes a sentence of a ValueError only
    if all(isinstance(entry, Delivery) for entry in value):
        return tuple(value)
    problems = [
        f"entry {number}: {problem}"
        for number, entry in enumerate(value, 1)
        for problem in _find_problems(entry)
    ]
    deliveries = [] if problems else [_build(entry) for entry in value]
    problems += _find_duplicates(deliveries)
    if problems:
        raise ValueError("\n".join(problems))
    return tuple(deliveries)


def _find_problems(entry: object) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield 'it must be a table, such as {kind = "workbook", to = "/share/books"}'
        return
    yield from (describe_unknown("key", str(key), _KEYS) for key in entry if key not in _KEYS)
    not_texts = [key for key in _TEXTS if key in entry and not _is_text(entry[key])]
    yield from (f"{key} must be a text, and not empty" for key in not_texts)
    missing = [key for key in ("kind", "to") if key not in entry]
    yield from (f"{key} is missing" for key in missing)
    if "to" not in {*not_texts, *missing}:
        yield from _find_problem_of_folder(entry["to"])
    if "kind" not in {*not_texts, *missing}:
        yield from _find_problems_of_kind(entry)
    if "lang" not in not_texts and entry.get("lang", "en") not in LANGUAGE_CODES:
        yield f"lang must be `en` or `es`, not '{entry['lang']}'"


def _find_problem_of_folder(folder: str) -> Iterator[str]:
    try:
        check_folder(folder)
    except ValueError as error:
        yield f"to: {error}"


def _find_problems_of_kind(entry: Mapping[str, Any]) -> Iterator[str]:
    kind = entry["kind"]
    if kind not in DELIVERY_KINDS:
        yield describe_unknown("kind", kind, DELIVERY_KINDS)
        return
    models = entry.get("models", [])
    if not isinstance(models, list) or not all(map(_is_text, models)):
        yield 'models must be a list of names, such as ["ar_aging"]'
    elif models and kind not in _WITH_MODELS:
        yield f"{kind} has no models to choose; leave `models` out"
    if "decimal" in entry and kind != "excel-csv":
        yield f"decimal is for excel-csv only, not for {kind}"
    elif entry.get("decimal", ".") not in (".", ","):
        yield "decimal must be `.` or `,`"


def _find_duplicates(deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Yield a sentence for each pair that would replace files of each other."""
    numbered = enumerate(deliveries, 1)
    for (first, one), (second, other) in combinations(numbered, 2):
        if _writes_same_file(one, other):
            yield (
                f"entries {first} and {second} write the same files into {one.to}; choose another "
                "folder for one of them"
            )


def _writes_same_file(one: Delivery, other: Delivery) -> bool:
    if one.family != other.family or os.path.normpath(one.to) != os.path.normpath(other.to):
        return False
    words = [{word.lower() for word in each.models} for each in (one, other)]
    if one.kind in _TABLES:  # one file per model
        return not words[0] or not words[1] or bool(words[0] & words[1])
    return words[0] == words[1]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _build(entry: Mapping[str, Any]) -> Delivery:
    models = tuple(entry.get("models", ()))
    return Delivery(
        entry["kind"], Path(entry["to"]), models, entry.get("lang"), entry.get("decimal")
    )
