"""How is what is published listed?"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from p4books import screen
from p4books.settings import Settings
from p4books.warehouse.catalogue import Column, Listed


def models(listed: Sequence[Listed]) -> None:
    """Print the models, layer by layer."""
    screen.table(
        ("layer", "model", "rows", "what a row is"),
        ((each.layer, each.model, each.rows, each.grain) for each in listed),
    )


def model(one: Listed, columns: Sequence[Column]) -> None:
    """Print what one model is, and its columns with what they mean."""
    _print(f"{one.full}, {one.rows:,} row{'' if one.rows == 1 else 's'}. {one.grain}")
    told = {
        "Key": one.key,
        "Sorted by": one.sorted_by,
        "Reads": one.reads,
        "Question": one.question,
        "Query": one.query,
    }
    for word, text in told.items():
        if text:
            _print(f"{word}: {text}")
    _print("")
    screen.table(
        ("column", "type", "meaning"), ((each.name, each.type, each.meaning) for each in columns)
    )


def published(file: Path, about: Mapping[str, Any], settings: Settings, left_out: int) -> None:
    """Print in one line where reports were published, as of when, and how many were left out."""
    lost = f", {left_out} left out" if left_out else ""
    at = screen.when(about["as_of_at"], settings)
    _print(
        f"Published {screen.shown(file)} as of {about['as_of_on']} "
        f"(known to {at}, {settings.timezone}): {about['models']} models{lost}."
    )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
