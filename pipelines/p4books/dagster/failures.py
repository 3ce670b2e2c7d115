"""What becomes of a run that fails: it is tried again, or somebody has to know."""

import os
from collections.abc import Callable, Mapping
from typing import TypeVar

import dagster as dg

from p4books.dagster.tenant import TENANT_TAG
from p4books.errors import AlreadyRunning, P4BooksError
from p4books.fleet.alerts import notify_after_run
from p4books.settings import Settings
from p4books.storage.run_log import RunFault, SyncSummary

RETRIES = dg.RetryPolicy(
    max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)  # after about 1, 3 and 7 minutes; as the policy of a step it would repeat one that was stopped

T = TypeVar("T")


class DagsterRunFailed(P4BooksError):
    """A run of Dagster failed outside of the sync, which would have reported it."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(
            f"The run {run_id} of Dagster failed: {why} The published file is the last one or the "
            "complete new one; the next run continues from there."
        )


def is_repeated(error: BaseException, attempt: int) -> bool:
    """Return whether a step that failed in an attempt, counted from 1, is tried again."""
    is_transient = isinstance(error, P4BooksError) and error.is_transient
    return is_transient and attempt <= RETRIES.max_retries


def translate_error(error: Exception, attempt: int) -> dg.Failure | dg.RetryRequested:
    """Return what a step raises that failed in an attempt, counted from 1."""
    if is_repeated(error, attempt):
        return dg.RetryRequested(RETRIES.max_retries, RETRIES.calculate_delay(attempt))
    # What another program says of an error may have data.
    return dg.Failure(RunFault.of(error).sentence, allow_retries=False)


def run_step(context: dg.AssetExecutionContext, work: Callable[[], T]) -> T | None:
    """Return what the work of a step returns, None if another run of the tenant is in progress.

    Then the step has no output, and Dagster skips those that need it. Raises dg.Failure, and
    dg.RetryRequested if the step is to be tried again.
    """
    try:
        return work()
    except AlreadyRunning as error:
        context.log.info(str(error))
        return None
    except Exception as error:
        if os.environ.get("P4BOOKS_DEBUG"):
            raise
        failure = translate_error(error, count_attempts(context))
        raise failure from (error if isinstance(failure, dg.RetryRequested) else None)


def count_attempts(context: dg.AssetExecutionContext) -> int:
    """Return which attempt a step is, from 1."""
    return context.op_execution_context.retry_number + 1


def build_failure_sensor(
    tenants: Mapping[str, Settings], reporting_steps: frozenset[str], *, is_running: bool
) -> dg.SensorDefinition:
    """Build the sensor that sends over the channels of the alerts that a run of Dagster failed.

    `tenants` are the settings by the tag of the run; the steps of `reporting_steps` do so by
    themselves.
    """

    @dg.run_failure_sensor(
        name="p4books_failures",
        description="Sends a run that failed outside of the sync over the channels of `notify`.",
        default_status=dg.DefaultSensorStatus.RUNNING
        if is_running
        else dg.DefaultSensorStatus.STOPPED,
    )
    def report_failure(context: dg.RunFailureSensorContext) -> None:
        settings = tenants.get(context.dagster_run.tags.get(TENANT_TAG, ""))
        failed = [event.step_key for event in context.get_step_failure_events()]
        if settings is None or reporting_steps & {*failed}:
            return
        why = f"{', '.join(map(str, failed))} failed." if failed else "its process ended."
        error = DagsterRunFailed(context.dagster_run.run_id, why)
        for note in notify_after_run(settings, SyncSummary(settings.tenant), error):
            context.log.warning(note)

    return report_failure
