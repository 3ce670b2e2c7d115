"""SQL models: parsing their files and ordering them by what they read."""

import csv
import hashlib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path

from p4books.errors import BrokenSql
from p4books.settings import project_root

LAYERS = ("raw", "staging", "core", "reporting", "custom")  # a model reads its own or a lower one
CUSTOM = "custom"  # the user's own; a broken one of these stops nothing
NAME = re.compile(r"[a-z][a-z0-9_]*")  # of a model: no query needs to quote it


@dataclass(frozen=True)
class Model:
    """One file of sql/, in which `reads` are named, as schema.name.

    `key` are the columns that tell its rows apart, `sorted_by` the order in which people want them;
    `query` answers `question`. `columns` says what its columns mean, by their names.
    """

    layer: str
    name: str
    file: Path
    sql: str
    grain: str
    reads: frozenset[str]
    key: tuple[str, ...] = ()
    sorted_by: str = ""
    question: str = ""
    query: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def full(self) -> str:
        """Return its name with its schema."""
        return f"{self.layer}.{self.name}"


def parse_model(layer: str, file: Path, meanings: Mapping[str, str]) -> Model:
    """Read one model. Raises BrokenSql where the file is not one select with its grain above."""
    if not NAME.fullmatch(file.stem):
        raise BrokenSql(file, 1, "a model's name has small letters, digits and underscores only")
    try:
        sql = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    lines = sql.splitlines()
    if not lines or not lines[0].startswith("-- "):
        raise BrokenSql(file, 1, "the first line is not the grain: `-- One row per …`")
    words = _parse_headers(lines[1:])
    prefix = f"{layer}.{file.stem}."
    own = {
        name.removeprefix(prefix): text
        for name, text in meanings.items()
        if name.startswith(prefix)
    }
    return Model(
        layer=layer,
        name=file.stem,
        file=file,
        sql=sql.rstrip().rstrip(";"),
        grain=lines[0].removeprefix("-- "),
        reads=_find_reads(sql, file),
        key=tuple(part.strip() for part in words.get("key", "").split(",") if part.strip()),
        sorted_by=words.get("order", words.get("key", "")),
        question=words.get("question", ""),
        query=words.get("query", ""),
        columns={**meanings, **own},
    )


def _parse_headers(lines: Iterable[str]) -> dict[str, str]:
    """Read `-- word: text` from the comments on top; `--   more` goes on with the text."""
    found: dict[str, str] = {}
    word = ""
    for line in takewhile(lambda each: each.startswith("--"), lines):
        if match := re.match(r"-- (\w+):(?: |$)(.*)", line):
            word = match.group(1)
            found[word] = match.group(2).strip()
        elif word and line.startswith("--   "):
            found[word] = f"{found[word]} {line[2:].strip()}".strip()
        else:
            word = ""
    return found


@cache  # to parse it takes 20 ms, and a process may publish the same models more than once
def _find_reads(sql: str, file: Path) -> frozenset[str]:
    import sqlglot  # noqa: PLC0415 - 0.3 s that a run without news need not wait for
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415

    try:
        statements = [part for part in sqlglot.parse(sql, dialect="duckdb") if part]
    except ParseError as error:
        fault = error.errors[0] if error.errors else {}
        why = f"{fault.get('description', 'not SQL')} near {fault.get('highlight', '')!r}"
        raise BrokenSql(file, fault.get("line") or 1, why) from None
    except TokenError as error:
        raise BrokenSql(file, 1, str(error).splitlines()[0]) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BrokenSql(file, 1, "the file is not one select")
    tables = [*statements[0].find_all(exp.Table)]
    local = {cte.alias.lower() for cte in statements[0].find_all(exp.CTE)}
    for table in tables:
        plain = isinstance(table.this, exp.Identifier) and re.fullmatch(r"\w+", table.name)
        if plain and not table.db and table.name.lower() not in local:
            why = f"{table.name} names no layer: write it before, as in staging.invoices"
            raise BrokenSql(file, _line_number(sql, rf"(?:from|join)\s+{table.name}\b"), why)
    return frozenset(f"{table.db}.{table.name}".lower() for table in tables if table.db)


def find_line(model: Model, word: str) -> int:
    """Return the line of a model's file in which a word first stands, its header aside."""
    header = re.match(r"(?:--.*\n)*", model.sql)
    return _line_number(model.sql, rf"\b{re.escape(word)}\b", header.end() if header else 0)


def find_header_line(model: Model, word: str) -> int:
    """Return the line on which a word of a model's header stands."""
    return _line_number(model.sql, rf"^-- {word}:")


def _line_number(sql: str, pattern: str, start: int = 0) -> int:
    found = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(sql, start)
    return sql.count("\n", 0, found.start()) + 1 if found else 1


@dataclass(frozen=True)
class SqlSources:
    """Where the SQL files are: those of p4books, and the user's own `custom/` and `seeds/`."""

    ours: Path
    own: Path

    @classmethod
    def at(cls, root: Path | None = None) -> "SqlSources":
        """Take both from one folder; else ours as installed, the user's from where he works."""
        return cls(root, root) if root else cls(sql_folder(), project_root() / "sql")

    def files(self, layer: str, ending: str = "sql") -> list[Path]:
        """Return the files of a folder; of two of one name the user's, and no hidden ones."""
        roots = [self.ours, self.own] if layer in {CUSTOM, "seeds"} else [self.ours]
        every = [file for root in roots for file in (root / layer).glob(f"*.{ending}")]
        found = {file.name: file for file in every if not file.name.startswith(".")}
        return [found[name] for name in sorted(found)]

    def digest(self) -> str:
        """Return a hash over all of it, by which a published file tells what it was made of."""
        found = hashlib.sha256()
        every = [file for layer in (*LAYERS, "checks") for file in self.files(layer)]
        for file in [*every, *self.files("seeds", "csv"), *sorted(self.ours.glob("*.csv"))]:
            found.update(f"{file.parent.name}/{file.name}\n".encode() + _hash_content(file))
        return found.hexdigest()[:16]


def _hash_content(file: Path) -> bytes:
    """Read a file; what can't be read, a folder or a link to nothing, is told when it is parsed."""
    try:
        return file.read_bytes()
    except OSError as error:
        return str(error).encode()


@dataclass(frozen=True)
class ModelSet:
    """All models, each after those it reads; and why some of the user's own were left out.

    The user's own come last: nothing of ours reads them.
    """

    models: list[Model]
    left_out: list[BrokenSql]


def sql_folder() -> Path:
    """Return where our SQL files are: in the installed package, or in the working tree."""
    package = Path(__file__).parents[1]
    installed = package / "sql"
    return installed if installed.is_dir() else package.parents[1] / "sql"


def load_models(sources: SqlSources) -> ModelSet:
    """Read all models, in an order in which each comes after what it reads.

    Raises BrokenSql for one of ours that can't be parsed, reads a higher layer or what does not
    exist, or stands in a circle. The user's own are left out then.
    """
    meanings = _load_meanings(sources.ours / "columns.csv")
    ours = [
        parse_model(layer, file, meanings)
        for layer in LAYERS
        if layer != CUSTOM
        for file in sources.files(layer)
    ]
    models = {model.full: model for model in ours}
    for model in ours:
        _check_reads(model, models)
    models = {model.full: model for model in _sort_topologically(models)}
    left_out = _add_custom(models, sources, meanings)
    return ModelSet(list(models.values()), left_out)


def order_models(models: Iterable[Model]) -> TopologicalSorter[str]:
    """Return the order in which models can be made, by their names."""
    known = {model.full: model for model in models}
    return TopologicalSorter(
        {
            full: sorted(name for name in model.reads if name in known)
            for full, model in known.items()
        }
    )


def _sort_topologically(models: Mapping[str, Model]) -> list[Model]:
    try:
        return [models[full] for full in order_models(models.values()).static_order()]
    except CycleError as error:
        circle = error.args[1]
        raise BrokenSql(models[circle[0]].file, 1, f"a circle: {' → '.join(circle)}") from None


def _add_custom(
    models: dict[str, Model], sources: SqlSources, meanings: Mapping[str, str]
) -> list[BrokenSql]:
    """Add those of the user's own that are whole; return why the others are not."""
    left_out = []
    waiting: dict[str, Model] = {}
    gone: dict[str, Model | None] = {}
    for file in sources.files(CUSTOM):
        full = f"{CUSTOM}.{file.stem}"
        try:
            waiting[full] = parse_model(CUSTOM, file, meanings)
        except BrokenSql as fault:
            gone[full] = None
            left_out.append(fault)
    while ready := {
        full: each
        for full, each in waiting.items()
        if all(_exists(name, models) for name in each.reads)
    }:
        models |= ready
        waiting = {full: each for full, each in waiting.items() if full not in ready}
    gone |= waiting
    return left_out + [_explain_blocked(model, models, gone) for model in waiting.values()]


def _exists(name: str, models: Container[str]) -> bool:
    return name in models or name.startswith("raw.")


def _explain_blocked(
    model: Model, models: Mapping[str, Model], gone: Mapping[str, Model | None]
) -> BrokenSql:
    try:
        _check_reads(model, {*models, *gone})
    except BrokenSql as fault:
        return fault
    if circle := _describe_cycle([model.full], gone):
        return BrokenSql(model.file, 1, f"a circle: {' → '.join(circle)}")
    (first, *_) = sorted(name for name in model.reads if name in gone)
    return depends_on_left_out(model, first)


def depends_on_left_out(model: Model, name: str) -> BrokenSql:
    """Say that a model is left out because one that it reads is."""
    return BrokenSql(
        model.file, find_line(model, name), f"it reads {name}, which is left out itself"
    )


def _describe_cycle(path: Sequence[str], gone: Mapping[str, Model | None]) -> Sequence[str]:
    """Return a way from the first of `path` back to it, by what each reads; empty: there is none.

    The ways are few: these are the reports of one person that wait for each other.
    """
    model = gone.get(path[-1])
    for name in sorted(model.reads if model else ()):
        if name == path[0]:
            return [*path, name]
        if name not in path and (found := _describe_cycle([*path, name], gone)):
            return found
    return []


def _load_meanings(file: Path) -> dict[str, str]:
    """Read what columns mean: by their name, or as layer.model.column where one differs."""
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["column"]: row["meaning"] for row in csv.DictReader(lines)}


def _check_reads(model: Model, models: Container[str]) -> None:
    for name in sorted(model.reads):
        layer = name.split(".")[0]
        if layer not in LAYERS:
            raise BrokenSql(model.file, find_line(model, name), f"there is no layer {layer}")
        if LAYERS.index(layer) > LAYERS.index(model.layer):
            raise BrokenSql(
                model.file, find_line(model, name), f"it reads {name}, of a higher layer"
            )
        if not _exists(name, models):
            raise BrokenSql(model.file, find_line(model, name), f"there is no {name}")
