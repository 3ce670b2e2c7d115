"""SQL models: parsing their files and ordering them by what they read."""

import hashlib
import re
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path

from p4books.errors import BrokenSql
from p4books.settings import project_root
from p4books.storage.database import quote_identifier
from p4books.transform.reads import find_line_number, find_reads
from p4books.transform.vocabulary import (
    ModelTexts,
    Vocabulary,
    add_own_columns,
    load_vocabulary,
)

LAYERS = ("raw", "staging", "core", "reporting", "custom")  # a model reads its own or a lower one
ALERTS = "alerts"  # folder of SQL files that are no models
CUSTOM = "custom"  # the user's own models; a broken one of these stops nothing
SEEDS_SCHEMA = "seeds"  # of the CSV files; only custom models read it
SECTIONS = ("Receivables and cash", "ITBMS", "Sales", "Customers", "Orders", "Trust")  # of reports

CLOCK_TICK = 2.0  # seconds; a file system may give two changes within it the same time
_OWN = {ALERTS, CUSTOM, SEEDS_SCHEMA}  # folders that the user may have, too
MODEL_NAME = re.compile(r"[a-z][a-z0-9_]*")  # no query needs to quote it


@dataclass(frozen=True)
class Model:
    """One SQL file. `reads` are the tables that it names, as schema.table.

    `key` is the columns that identify a row, `sorted_by` the order in which people want the rows;
    `query` answers `question`. `columns` maps column names to their meanings, and `texts` are the
    titles and what else is in Spanish. `section` is one of SECTIONS. A model that is not
    `published` is an intermediate one that only other models read; of a published one that
    `is_view`, the file has the query instead of a table.

    `partition` is a column such that its rows with one value depend only on the rows of its inputs
    with the same value, and on inputs without such a column; the further names are those that the
    column has in inputs. `period` is the column with the day, month or instant of a list by date,
    and `totals` are the amounts of which a sum per currency means something to people.
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
    section: str = ""
    published: bool = True
    is_view: bool = False
    partition: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    texts: ModelTexts = field(default_factory=ModelTexts)
    period: str = ""
    totals: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Return the name with its schema, as in core.fct_invoice."""
        return f"{self.layer}.{self.name}"

    @property
    def has_table(self) -> bool:
        """Whether it becomes a table."""
        return self.published and not self.is_view

    @property
    def order(self) -> str:
        """Return the ORDER BY clause of its rows, made unambiguous by the key."""
        named = re.findall(r"(?:^|,) *(\w+)(?: asc| desc)? *(?=,|$)", self.sorted_by)
        rest = (quote_identifier(column) for column in self.key if column not in named)
        return ", ".join([self.sorted_by, *rest])


@dataclass(frozen=True)
class ModelSet:
    """All models, each after those it reads, and the errors of custom models that were left out.

    Custom models come last: no other layer reads them. `macros` is the file of the SQL macros that
    the models use, None if there is none. `seeds` are the CSV files of the seeds and of the user's
    own tables. `vocabulary` has the names of columns and values for people.
    """

    models: list[Model]
    left_out: list[BrokenSql]
    macros: Path | None = None
    seeds: Sequence[Path] = ()
    vocabulary: Vocabulary = field(default_factory=Vocabulary)


@dataclass(frozen=True)
class SqlSources:
    """Folders of SQL files: ours, and the user's, with `custom/`, `alerts/` and `seeds/`."""

    builtin: Path
    user: Path

    @classmethod
    def at(cls, root: Path | None = None) -> "SqlSources":
        """Return one folder as both; None means the installed SQL and the user's `sql/`."""
        return cls(root, root) if root else cls(sql_folder(), project_root() / "sql")

    @property
    def macros(self) -> Path | None:
        """Return the file of the SQL macros, None if there is none."""
        file = self.builtin / "macros.sql"
        return file if file.is_file() else None

    @property
    def own_columns(self) -> Path:
        """The file in which the user names the columns of custom models; it need not exist."""
        return self.user / CUSTOM / "columns.csv"

    def files(self, folder: str, suffix: str = "sql") -> list[Path]:
        """List the visible files of a folder; a user's file replaces the built-in one."""
        roots = [self.builtin, self.user] if folder in _OWN else [self.builtin]
        files = {file.name: file for root in roots for file in (root / folder).glob(f"*.{suffix}")}
        return [files[name] for name in sorted(files) if not name.startswith(".")]

    def digest(self) -> str:
        """Return a hash of the built-in SQL, of which a change may change any table."""
        files = [
            file for layer in (*LAYERS, "checks") if layer != CUSTOM for file in self.files(layer)
        ]
        return _hash_files(
            [*files, *sorted(self.builtin.glob("*.csv")), *filter(None, [self.macros])]
        )

    def read_state(self) -> tuple[object, ...]:
        """Return what differs if any file does, or its place."""
        own_files = (*self.files(CUSTOM), *self.files(SEEDS_SCHEMA, "csv"))
        return self, own_files, self.digest(), self.digest_inputs()

    def digest_inputs(self) -> str:
        """Return a hash of the custom models, which are always built, and of the CSV files."""
        own_columns = [self.own_columns] if self.own_columns.is_file() else []
        return _hash_files([*self.files(CUSTOM), *own_columns, *self.files(SEEDS_SCHEMA, "csv")])


_KEPT = 4  # sets of models that were loaded; a process seldom has more than one
_loaded: dict[tuple[object, ...], ModelSet] = {}  # by the state of their files


def sql_folder() -> Path:
    """Return the folder of the built-in SQL: in the installed package, or in the working tree."""
    package = Path(__file__).parents[1]
    installed = package / "sql"
    return installed if installed.is_dir() else package.parents[1] / "sql"


def load_models(sources: SqlSources) -> ModelSet:
    """Load all models, each after those it reads.

    Files that are as they were are not parsed again, unless a custom model was left out. Raises
    BrokenSql if a built-in model cannot be parsed, reads a higher layer or a table that does not
    exist, or is part of a circular dependency. A custom model is left out instead.
    """
    state = sources.read_state()
    found = _loaded.get(state)
    if found is None:
        found = _load_models(sources)
        if not found.left_out and sources.read_state() == state:  # nothing changed meanwhile
            if len(_loaded) >= _KEPT:
                _loaded.clear()
            _loaded[state] = found
    return replace(found, models=[*found.models], left_out=[*found.left_out], seeds=[*found.seeds])


def _load_models(sources: SqlSources) -> ModelSet:
    vocabulary, faults = add_own_columns(load_vocabulary(sources.builtin), sources.own_columns)
    builtin = [
        parse_model(layer, file, vocabulary)
        for layer in LAYERS
        if layer != CUSTOM
        for file in sources.files(layer)
    ]
    models = {model.full_name: model for model in builtin}
    for model in builtin:
        _check_reads(model, models)
    models = {model.full_name: model for model in _sort_topologically(models)}
    left_out = faults + _add_custom_models(models, sources, vocabulary)
    seeds = sources.files(SEEDS_SCHEMA, "csv")
    return ModelSet(list(models.values()), left_out, sources.macros, seeds, vocabulary)


def parse_model(layer: str, file: Path, vocabulary: Vocabulary) -> Model:
    """Parse the file of a model: one SELECT below a header of comments.

    The first line is the grain. Lines like `-- word: text` follow: key, section, order, question,
    query, published, partition, period, total, and those of ModelTexts, which else come from
    `vocabulary`, as do the meanings of columns. Raises BrokenSql.
    """
    if not MODEL_NAME.fullmatch(file.stem):
        why = "a model name has only lower-case letters, digits and underscores"
        raise BrokenSql(file, 1, why)
    try:
        sql = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    lines = sql.splitlines()
    if not lines or not lines[0].startswith("-- "):
        raise BrokenSql(file, 1, "the first line must be the grain, as in `-- One row per …`")
    headers = parse_headers(lines[1:])
    _check_headers(layer, file, sql, headers)
    key = headers.get("key", "")
    return Model(
        layer=layer,
        name=file.stem,
        file=file,
        sql=sql.rstrip().rstrip(";"),
        grain=lines[0].removeprefix("-- "),
        reads=find_reads(sql, file),
        key=_split_names(key),
        sorted_by=headers.get("order", key),
        question=headers.get("question", ""),
        query=headers.get("query", ""),
        section=headers.get("section", ""),
        published=layer == CUSTOM or headers.get("published") != "no",
        is_view=layer != CUSTOM and headers.get("published") == "view",
        partition=_split_names(headers.get("partition", "")) if layer != CUSTOM else (),
        columns=vocabulary.list_meanings(f"{layer}.{file.stem}"),
        texts=_choose_texts(vocabulary.models.get(f"{layer}.{file.stem}"), headers),
        period=headers.get("period", ""),
        totals=_split_names(headers.get("total", "")),
    )


def parse_headers(lines: Iterable[str]) -> dict[str, str]:
    """Parse `-- word: text` in the comments on top; `--   text` continues the line above."""
    headers: dict[str, str] = {}
    word = ""
    for line in takewhile(lambda line: line.startswith("--"), lines):
        if match := re.match(r"-- (\w+):(?: |$)(.*)", line):
            word = match.group(1)
            headers[word] = match.group(2).strip()
        elif word and line.startswith("--   "):
            headers[word] = f"{headers[word]} {line[2:].strip()}".strip()
        else:
            word = ""
    return headers


def is_day(column_type: str) -> bool:
    """Return whether a column of a DuckDB type can be the `period` of a model."""
    return column_type == "DATE" or column_type.startswith("TIMESTAMP")


def is_amount(column_type: str) -> bool:
    """Return whether a column of a DuckDB type can be one of the `totals` of a model."""
    return bool(re.fullmatch(r"DECIMAL\(\d+,2\)", column_type))


def parse_partition(sql: str) -> tuple[str, ...]:
    """Return the names in the header `-- partition:` of a check."""
    return _split_names(parse_headers(sql.splitlines()).get("partition", ""))


def order_models(models: Iterable[Model]) -> TopologicalSorter[str]:
    """Return a sorter over the full names of models that yields each after those it reads."""
    by_name = {model.full_name: model for model in models}
    return TopologicalSorter(
        {
            name: sorted(read for read in model.reads if read in by_name)
            for name, model in by_name.items()
        }
    )


def list_tables_read(reads: Iterable[str], models: Mapping[str, Model]) -> frozenset[str]:
    """Return the tables behind names that are read, looking through models without a table."""
    return _look_through(reads, models, lambda model: not model.has_table)


def list_published_read(reads: Iterable[str], models: Mapping[str, Model]) -> frozenset[str]:
    """Return what is read in the published file, looking through models that are not in it."""
    return _look_through(reads, models, lambda model: not model.published)


def report_blocked(model: Model, name: str) -> BrokenSql:
    """Return the error for a model that reads one that was left out."""
    return BrokenSql(model.file, find_line(model, name), f"it reads {name}, which was left out")


def find_line(model: Model, word: str) -> int:
    """Return the first line of a model's query that contains a word, 1 if none does."""
    header = re.match(r"(?:--.*\n)*", model.sql)
    return find_line_number(model.sql, rf"\b{re.escape(word)}\b", header.end() if header else 0)


def find_header_line(model: Model, word: str) -> int:
    """Return the line of a model's header `-- word:`, 1 if it has none."""
    return find_line_number(model.sql, rf"^-- {word}:")


def _hash_files(files: Iterable[Path]) -> str:
    """Return a hash of names and contents; files that are as they were are not read again."""
    return _hash_marked_files(tuple((file, _read_mark(file)) for file in files))


@lru_cache(maxsize=8)
def _hash_marked_files(files: tuple[tuple[Path, object], ...]) -> str:
    digest = hashlib.sha256()
    for file, _ in files:
        digest.update(f"{file.parent.name}/{file.name}\n".encode() + _read_content(file))
    return digest.hexdigest()[:16]


def _read_mark(file: Path) -> object:
    """Return what changes whenever a file does.

    Until a file is older than the ticks of its clock, it is unlike any other.
    """
    try:
        found = file.stat()
    except OSError:
        return object()
    if abs(time.time() - found.st_ctime) < CLOCK_TICK:
        return object()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _look_through(
    reads: Iterable[str], models: Mapping[str, Model], is_hidden: Callable[[Model], bool]
) -> frozenset[str]:
    """Return names that are read, with what they read in place of hidden models."""
    names: set[str] = set()
    for name in reads:
        model = models.get(name)
        if model and is_hidden(model):
            names |= _look_through(model.reads, models, is_hidden)
        else:
            names.add(name)
    return frozenset(names)


def _read_content(file: Path) -> bytes:
    """Read a file for the digest; an unreadable one is reported when it is parsed."""
    try:
        return file.read_bytes()
    except OSError as error:
        return str(error).encode()


def _choose_texts(texts: ModelTexts | None, headers: Mapping[str, str]) -> ModelTexts:
    """Return the texts of a model: those in its headers, and else those of the vocabulary."""
    names = [part.name for part in fields(ModelTexts)]
    return ModelTexts(*(headers.get(name, getattr(texts, name, "")) for name in names))


def _split_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_headers(layer: str, file: Path, sql: str, headers: Mapping[str, str]) -> None:
    if layer == CUSTOM:
        return
    section = headers.get("section")
    if section is not None and (layer != "reporting" or section not in SECTIONS):
        why = f"unknown section {section!r}; a report has one of {', '.join(SECTIONS)}"
        raise BrokenSql(file, find_line_number(sql, "^-- section:"), why)
    if headers.get("published", "yes") not in {"yes", "no", "view"}:
        line = find_line_number(sql, "^-- published:")
        raise BrokenSql(file, line, "published is `yes`, `no` or `view`")


def _check_reads(model: Model, models: Container[str]) -> None:
    for name in sorted(model.reads):
        if why := _describe_bad_read(model, name, models):
            raise BrokenSql(model.file, find_line(model, name), why)


def _describe_bad_read(model: Model, name: str, models: Container[str]) -> str:
    layer, _, table = name.partition(".")
    if layer == SEEDS_SCHEMA and model.layer == CUSTOM:
        return "" if name in models else f"{name} does not exist; there is no sql/seeds/{table}.csv"
    if layer not in LAYERS:
        return f"unknown layer {layer}; the layers are {', '.join(LAYERS)}"
    if LAYERS.index(layer) > LAYERS.index(model.layer):
        return f"it reads {name}, which is in a higher layer"
    return "" if _exists(name, models) else f"{name} does not exist"


def _exists(name: str, models: Container[str]) -> bool:
    return name in models or name.startswith("raw.")


def _sort_topologically(models: Mapping[str, Model]) -> list[Model]:
    try:
        return [models[name] for name in order_models(models.values()).static_order()]
    except CycleError as error:
        cycle = error.args[1]
        raise _report_cycle(models[cycle[0]], cycle) from None


def _report_cycle(model: Model, cycle: Sequence[str]) -> BrokenSql:
    return BrokenSql(model.file, 1, f"circular dependency: {' → '.join(cycle)}")


def _add_custom_models(
    models: dict[str, Model], sources: SqlSources, vocabulary: Vocabulary
) -> list[BrokenSql]:
    """Add the custom models that can be built to `models`; return the errors of the others."""
    errors = []
    waiting: dict[str, Model] = {}
    tables = {f"{SEEDS_SCHEMA}.{file.stem}" for file in sources.files(SEEDS_SCHEMA, "csv")}
    left_out: dict[str, Model | None] = {}  # None if it could not even be parsed
    for file in sources.files(CUSTOM):
        name = f"{CUSTOM}.{file.stem}"
        try:
            waiting[name] = parse_model(CUSTOM, file, vocabulary)
        except BrokenSql as error:
            left_out[name] = None
            errors.append(error)
    while ready := {
        name: model
        for name, model in waiting.items()
        if all(_exists(read, {*models, *tables}) for read in model.reads)
    }:
        models |= ready
        waiting = {name: model for name, model in waiting.items() if name not in ready}
    left_out |= waiting
    known = {*models, *tables, *left_out}
    return errors + [_explain_blocked(model, known, left_out) for model in waiting.values()]


def _explain_blocked(
    model: Model, known: Container[str], left_out: Mapping[str, Model | None]
) -> BrokenSql:
    try:
        _check_reads(model, known)
    except BrokenSql as error:
        return error
    if cycle := _find_cycle([model.full_name], left_out):
        return _report_cycle(model, cycle)
    (first, *_) = sorted(name for name in model.reads if name in left_out)
    return report_blocked(model, first)


def _find_cycle(path: Sequence[str], left_out: Mapping[str, Model | None]) -> Sequence[str]:
    """Find a path from the first model of `path` back to itself; empty if there is none.

    A search without memory is quick enough: one person's reports that wait for each other are few.
    """
    model = left_out.get(path[-1])
    for name in sorted(model.reads if model else ()):
        if name == path[0]:
            return [*path, name]
        if name not in path and (cycle := _find_cycle([*path, name], left_out)):
            return cycle
    return []
