"""The published models of a tenant as assets, and `sql/checks` as their checks.

A sync has built and checked them already. What is here finds out which of them changed, and says
so: it reads the catalogue of the published file and the log of runs, and computes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from p4books.dagster.failures import run_step
from p4books.dagster.tenant import PUBLISHED, RAW, TenantAssets
from p4books.errors import NotPublished
from p4books.publish.query import list_models, open_published, read_about
from p4books.settings import Settings
from p4books.storage.run_log import CheckRecord, RunLog
from p4books.transform.checks import list_reads, name_claim
from p4books.transform.models import (
    Model,
    SqlSources,
    list_published_read,
    load_models,
)

_ROWS = "dagster/row_count"  # what Dagster shows as rows
_VERSION_TAG = "dagster/data_version"
_CHECKED_AT = "checked_at"

Result = dg.MaterializeResult[None] | dg.AssetCheckResult


@dataclass(frozen=True)
class ModelCheck:
    """A check of sql/checks: the model that it is shown with, and others that it reads."""

    name: str
    claim: str
    model: str
    others: Sequence[str]

    def key(self, names: TenantAssets) -> dg.AssetCheckKey:
        """Return the key of the check of a tenant."""
        return dg.AssetCheckKey(names.key(*self.model.split(".")), self.name)


@dataclass(frozen=True)
class ModelAssets:
    """The models that a sync publishes, each after those it reads, and their checks."""

    models: Sequence[Model] = ()
    checks: Sequence[ModelCheck] = ()


@dataclass(frozen=True)
class PublishedFile:
    """What a published file and the log of runs say: rows, and when models changed last."""

    about: Mapping[str, Any]
    bytes: int
    digest: str
    rows: Mapping[str, int]
    changed_at: Mapping[str, float]
    checks: Mapping[str, CheckRecord]

    def name_version(self, model: Model) -> str:
        """Return what changes when the rows of a model do: when they changed last."""
        changed_at = self.changed_at.get(model.full_name) or self.about["published_at"].timestamp()
        return f"{datetime.fromtimestamp(changed_at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def describe_model(self, model: Model) -> dict[str, dg.MetadataValue]:
        """Return the metadata of a model."""
        rows = dg.MetadataValue.int(self.rows[model.full_name])
        return {_ROWS: rows, **_describe_instants(self.about)}

    def describe(self) -> dict[str, dg.MetadataValue]:
        """Return the metadata of the file."""
        return {
            _ROWS: dg.MetadataValue.int(self.about["rows"]),
            "models": dg.MetadataValue.int(self.about["models"]),
            "bytes": dg.MetadataValue.int(self.bytes),
            **_describe_instants(self.about),
        }


@dataclass(frozen=True)
class News:
    """What a published file has that Dagster does not know yet."""

    instance: dg.DagsterInstance
    names: TenantAssets
    assets: ModelAssets
    file: PublishedFile

    def list_models(self) -> Iterator[Model]:
        """Yield the models that changed since they were last reported to Dagster."""
        keys = {self.names.key(model.layer, model.name): model for model in self.assets.models}
        events = self.instance.get_latest_materialization_events(keys)
        for key, model in keys.items():
            event = events.get(key)
            last = event.asset_materialization if event else None
            version = (last.tags or {}).get(_VERSION_TAG) if last else None
            if model.full_name in self.file.rows and version != self.file.name_version(model):
                yield model

    def list_checks(self) -> Iterator[tuple[ModelCheck, CheckRecord]]:
        """Yield the checks that were run since they were last reported to Dagster."""
        checks = {check.key(self.names): check for check in self.assets.checks}
        storage = self.instance.event_log_storage
        known = storage.get_latest_asset_check_execution_by_key(list(checks))
        for key, check in checks.items():
            record = self.file.checks.get(check.claim)
            last = known[key].evaluation if key in known else None
            reported = (
                last.metadata.get(_CHECKED_AT)
                if isinstance(last, dg.AssetCheckEvaluation)
                else None
            )
            if record and (reported is None or reported.value != record.checked_at):
                yield check, record


def load_model_assets(sources: SqlSources) -> ModelAssets:
    """Load the models and checks from their files. Raises BrokenSql about a built-in one.

    A custom model that cannot be used is not among them, as it will not be in the published file.
    """
    found = load_models(sources).models
    by_name = {model.full_name: model for model in found}
    models = [model for model in found if model.published]
    places = {model.full_name: place for place, model in enumerate(models)}
    checks = []
    for file in sources.files("checks"):
        reads = list_published_read(list_reads(file), by_name) & places.keys()
        if reads:
            *others, last = sorted(reads, key=places.__getitem__)
            checks.append(ModelCheck(file.stem, name_claim(file), last, others))
    return ModelAssets(models, checks)


def read_published_file(settings: Settings) -> PublishedFile | None:
    """Read what is published; None if that is nothing yet. Raises P4BooksError."""
    log = RunLog(settings.run_log)
    try:
        with closing(open_published(settings.published)) as con:
            about = read_about(con)
            rows = {f"{model.layer}.{model.model}": model.rows for model in list_models(con)}
    except NotPublished:
        return None
    record = log.load_published()
    return PublishedFile(
        about,
        settings.published.stat().st_size,
        record.digest if record else "",
        rows,
        log.load_build(),
        log.load_checks(),
    )


def build_published(settings: Settings, assets: ModelAssets) -> dg.AssetsDefinition:
    """Build the asset of the file that a sync publishes.

    Its step reports the models and checks, too. They are outputs of another one, because Dagster
    writes several rows for each output of a run, and most runs change nothing.
    """
    names = TenantAssets(settings.tenant)

    @dg.asset(
        key=names.key(PUBLISHED),
        deps=[names.key(RAW)],
        group_name=names.identifier,
        description="The published file, which any tool that reads DuckDB can open.",
        kinds={"duckdb"},
        output_required=False,
    )
    def published(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        file = run_step(context, lambda: read_published_file(settings))
        if file is None:
            context.log.info("Nothing is published yet: the first copy is in progress.")
            return
        news = News(context.instance, names, assets, file)
        for model in news.list_models():
            context.log_event(
                dg.AssetMaterialization(
                    names.key(model.layer, model.name),
                    metadata=file.describe_model(model),
                    tags={_VERSION_TAG: file.name_version(model)},
                )
            )
        for check, record in news.list_checks():
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=check.key(names).asset_key,
                    check_name=check.name,
                    passed=not record.finding,
                    description=record.finding,
                    metadata=_describe_check(record),
                )
            )
        yield dg.MaterializeResult(
            metadata=file.describe(), data_version=dg.DataVersion(file.digest)
        )

    return published


def build_models(settings: Settings, assets: ModelAssets) -> dg.AssetsDefinition:
    """Build the assets of the published models.

    A run of theirs reports what the file has, whether or not Dagster knows it. The schedule does
    not run them: the step of the file reports those that changed.
    """
    names = TenantAssets(settings.tenant)
    by_name = {model.full_name: model for model in assets.models}

    @dg.multi_asset(
        name=f"{names.identifier}__models",
        specs=[_build_spec(names, model, by_name) for model in assets.models],
        check_specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=check.key(names).asset_key,
                additional_deps=[names.key(*other.split(".")) for other in check.others],
                description=f"{check.claim.capitalize()}.",
            )
            for check in assets.checks
        ],
        can_subset=True,
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Result]:
        file = run_step(context, lambda: read_published_file(settings))
        for model in assets.models if file else ():
            key = names.key(model.layer, model.name)
            if file and model.full_name in file.rows and key in context.selected_asset_keys:
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata=file.describe_model(model),
                    data_version=dg.DataVersion(file.name_version(model)),
                )
        for check in assets.checks if file else ():
            record = file.checks.get(check.claim) if file else None
            if record and check.key(names) in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=check.key(names).asset_key,
                    check_name=check.name,
                    passed=not record.finding,
                    description=record.finding,
                    metadata=_describe_check(record),
                )

    return models


def _build_spec(names: TenantAssets, model: Model, by_name: Mapping[str, Model]) -> dg.AssetSpec:
    """Build the asset of a model; one that reads the warehouse depends on the sync."""
    reads = list_published_read(model.reads, by_name)
    deps = {names.key(*read.split(".")) for read in reads & by_name.keys()}
    if not deps:
        deps = {names.key(RAW)}
    return dg.AssetSpec(
        names.key(model.layer, model.name),
        deps=sorted(deps),
        group_name=names.identifier,
        description=_describe_model(model),
        kinds={"duckdb", "view" if model.is_view else "table"},
        tags={"p4books/layer": model.layer},
        skippable=True,
    )


def _describe_model(model: Model) -> str:
    title = f"{model.texts.title_en}. " if model.texts.title_en else ""
    question = f"*{model.question}*" if model.question else ""
    key = f"Key: `{', '.join(model.key)}`" if model.key else ""
    return "\n\n".join(filter(None, [f"{title}{model.grain}", question, key]))


def _describe_check(record: CheckRecord) -> dict[str, dg.MetadataValue]:
    return {_CHECKED_AT: dg.MetadataValue.timestamp(record.checked_at)}


def _describe_instants(about: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """Return until when the figures are known, and when they were published."""
    return {
        name: dg.MetadataValue.timestamp(about[column])
        for name, column in {"as_of": "as_of_at", "published": "published_at"}.items()
        if about.get(column)
    }
