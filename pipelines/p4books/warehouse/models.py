"""Which models are there, and in which order can they be made?

A folder under sql/ is a layer and a schema, a file in it a model.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from p4books.settings import project_root
from p4books.warehouse.errors import BrokenSql
from p4books.warehouse.model import CUSTOM, LAYERS, Model, line_of, parse


@dataclass(frozen=True)
class Sources:
    """Where the SQL files are: those of p4books, and the user's own `custom/` and `seeds/`."""

    ours: Path
    own: Path

    @classmethod
    def at(cls, root: Path | None = None) -> "Sources":
        """Take both from one folder; else ours as installed, the user's from where he works."""
        return cls(root, root) if root else cls(folder(), project_root() / "sql")

    def files(self, layer: str, ending: str = "sql") -> list[Path]:
        """Return the files of a folder; of two of one name the user's."""
        roots = [self.ours, self.own] if layer in {CUSTOM, "seeds"} else [self.ours]
        found = {file.name: file for root in roots for file in (root / layer).glob(f"*.{ending}")}
        return [found[name] for name in sorted(found)]

    def digest(self) -> str:
        """Return a hash over all of it, by which a published file tells what it was made of."""
        found = hashlib.sha256()
        every = [file for layer in (*LAYERS, "checks") for file in self.files(layer)]
        for file in [*every, *self.files("seeds", "csv"), *self.ours.glob("*.csv")]:
            found.update(f"{file.parent.name}/{file.name}\n".encode() + file.read_bytes())
        return found.hexdigest()[:16]


@dataclass(frozen=True)
class Found:
    """All models, each after those it reads; and why some of the user's own were left out."""

    models: list[Model]
    left_out: list[BrokenSql]


def folder() -> Path:
    """Return where our SQL files are: in the installed package, or in the working tree."""
    package = Path(__file__).parents[1]
    installed = package / "sql"
    return installed if installed.is_dir() else package.parents[1] / "sql"


def read(sources: Sources) -> Found:
    """Read all models, in an order in which each comes after what it reads.

    Raises BrokenSql for one of ours that can't be parsed, reads a higher layer or what does not
    exist, or stands in a circle. The user's own are left out then.
    """
    meanings = _meanings(sources.ours / "columns.csv")
    ours = [
        parse(layer, file, meanings)
        for layer in LAYERS
        if layer != CUSTOM
        for file in sources.files(layer)
    ]
    models = {model.full: model for model in ours}
    for model in ours:
        _check_reads(model, models)
    models = {model.full: model for model in _ordered(models)}
    left_out = _add_custom(models, sources, meanings)
    return Found(_ordered(models), left_out)


def ordered(models: Iterable[Model]) -> TopologicalSorter[str]:
    """Return the order in which models can be made, by their names."""
    known = {model.full: model for model in models}
    return TopologicalSorter(
        {
            full: sorted(name for name in model.reads if name in known)
            for full, model in known.items()
        }
    )


def _ordered(models: Mapping[str, Model]) -> list[Model]:
    try:
        return [models[full] for full in ordered(models.values()).static_order()]
    except CycleError as error:
        circle = error.args[1]
        raise BrokenSql(models[circle[0]].file, 1, f"a circle: {' → '.join(circle)}") from None


def _add_custom(
    models: dict[str, Model], sources: Sources, meanings: Mapping[str, str]
) -> list[BrokenSql]:
    """Add those of the user's own that are whole; return why the others are not."""
    left_out = []
    waiting: list[Model] = []
    for file in sources.files(CUSTOM):
        try:
            waiting.append(parse(CUSTOM, file, meanings))
        except BrokenSql as fault:
            left_out.append(fault)
    while waiting:
        ready = [each for each in waiting if all(_is_there(name, models) for name in each.reads)]
        if not ready:
            break
        models |= {each.full: each for each in ready}
        waiting = [each for each in waiting if each not in ready]
    others = {each.full: each for each in waiting}
    left_out += [_why_waiting(model, models, others) for model in waiting]
    return left_out


def _is_there(name: str, models: Mapping[str, Model]) -> bool:
    return name in models or name.startswith("raw.")


def _why_waiting(
    model: Model, models: Mapping[str, Model], others: Mapping[str, Model]
) -> BrokenSql:
    try:
        _check_reads(model, {**models, **others})
    except BrokenSql as fault:
        return fault
    (first, *_) = sorted(name for name in model.reads if name in others)
    return BrokenSql(
        model.file, line_of(model, first), f"it reads {first}, which is left out itself"
    )


def _meanings(file: Path) -> dict[str, str]:
    """Read what columns mean: by their name, or as layer.model.column where one differs."""
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["column"]: row["meaning"] for row in csv.DictReader(lines)}


def _check_reads(model: Model, models: Mapping[str, Model]) -> None:
    for name in sorted(model.reads):
        layer = name.split(".")[0]
        if layer not in LAYERS:
            raise BrokenSql(model.file, line_of(model, name), f"there is no layer {layer}")
        if LAYERS.index(layer) > LAYERS.index(model.layer):
            raise BrokenSql(model.file, line_of(model, name), f"it reads {name}, of a higher layer")
        if not _is_there(name, models):
            raise BrokenSql(model.file, line_of(model, name), f"there is no {name}")
