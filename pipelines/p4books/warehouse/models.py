"""Which models are there, and in which order can they be made?

A folder under sql/ is a layer and a schema, a file in it a model.
"""

import csv
import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
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
        """Return the files of a folder; of two of one name the user's, and no hidden ones."""
        roots = [self.ours, self.own] if layer in {CUSTOM, "seeds"} else [self.ours]
        every = [file for root in roots for file in (root / layer).glob(f"*.{ending}")]
        found = {file.name: file for file in every if not file.name.startswith(".")}
        return [found[name] for name in sorted(found)]

    @property
    def macros(self) -> Path | None:
        """Return the file of the macros; None if there is none."""
        file = self.ours / "macros.sql"
        return file if file.is_file() else None

    def digest(self) -> str:
        """Return a hash over all of it, by which a published file tells what it was made of."""
        found = hashlib.sha256()
        every = [file for layer in (*LAYERS, "checks") for file in self.files(layer)]
        shared = [*sorted(self.ours.glob("*.csv")), *filter(None, [self.macros])]
        for file in [*every, *self.files("seeds", "csv"), *shared]:
            found.update(f"{file.parent.name}/{file.name}\n".encode() + _content(file))
        return found.hexdigest()[:16]


def _content(file: Path) -> bytes:
    """Read a file; what can't be read, a folder or a link to nothing, is told when it is parsed."""
    try:
        return file.read_bytes()
    except OSError as error:
        return str(error).encode()


@dataclass(frozen=True)
class Found:
    """All models, each after those it reads; and why some of the user's own were left out.

    The user's own come last: nothing of ours reads them. `macros` is the file of the macros that
    they use; None if there is none.
    """

    models: list[Model]
    left_out: list[BrokenSql]
    macros: Path | None = None


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
    return Found(list(models.values()), left_out, sources.macros)


def ordered(models: Iterable[Model]) -> TopologicalSorter[str]:
    """Return the order in which models can be made, by their names."""
    known = {model.full: model for model in models}
    return TopologicalSorter(
        {
            full: sorted(name for name in model.reads if name in known)
            for full, model in known.items()
        }
    )


def published_reads(model: Model, known: Mapping[str, Model]) -> frozenset[str]:
    """Return what a model reads; in place of a model that is not published, what that one reads."""
    found: set[str] = set()
    for full in model.reads:
        read = known.get(full)
        found |= {full} if read is None or read.published else published_reads(read, known)
    return frozenset(found)


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
    waiting: dict[str, Model] = {}
    gone: dict[str, Model | None] = {}
    for file in sources.files(CUSTOM):
        full = f"{CUSTOM}.{file.stem}"
        try:
            waiting[full] = parse(CUSTOM, file, meanings)
        except BrokenSql as fault:
            gone[full] = None
            left_out.append(fault)
    while ready := {
        full: each
        for full, each in waiting.items()
        if all(_is_there(name, models) for name in each.reads)
    }:
        models |= ready
        waiting = {full: each for full, each in waiting.items() if full not in ready}
    gone |= waiting
    return left_out + [_why_waiting(model, models, gone) for model in waiting.values()]


def _is_there(name: str, models: Container[str]) -> bool:
    return name in models or name.startswith("raw.")


def _why_waiting(
    model: Model, models: Mapping[str, Model], gone: Mapping[str, Model | None]
) -> BrokenSql:
    try:
        _check_reads(model, {*models, *gone})
    except BrokenSql as fault:
        return fault
    if circle := _circle([model.full], gone):
        return BrokenSql(model.file, 1, f"a circle: {' → '.join(circle)}")
    (first, *_) = sorted(name for name in model.reads if name in gone)
    return reads_left_out(model, first)


def reads_left_out(model: Model, name: str) -> BrokenSql:
    """Say that a model is left out because one that it reads is."""
    return BrokenSql(model.file, line_of(model, name), f"it reads {name}, which is left out itself")


def _circle(path: Sequence[str], gone: Mapping[str, Model | None]) -> Sequence[str]:
    """Return a way from the first of `path` back to it, by what each reads; empty: there is none.

    The ways are few: these are the reports of one person that wait for each other.
    """
    model = gone.get(path[-1])
    for name in sorted(model.reads if model else ()):
        if name == path[0]:
            return [*path, name]
        if name not in path and (found := _circle([*path, name], gone)):
            return found
    return []


def _meanings(file: Path) -> dict[str, str]:
    """Read what columns mean: by their name, or as layer.model.column where one differs."""
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["column"]: row["meaning"] for row in csv.DictReader(lines)}


def _check_reads(model: Model, models: Container[str]) -> None:
    for name in sorted(model.reads):
        layer = name.split(".")[0]
        if layer not in LAYERS:
            raise BrokenSql(model.file, line_of(model, name), f"there is no layer {layer}")
        if LAYERS.index(layer) > LAYERS.index(model.layer):
            raise BrokenSql(model.file, line_of(model, name), f"it reads {name}, of a higher layer")
        if not _is_there(name, models):
            raise BrokenSql(model.file, line_of(model, name), f"there is no {name}")
