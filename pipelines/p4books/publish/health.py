"""Verdict on a tenant: is all well, and if not, what is wrong and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from p4books.publish.published_file import REPUBLISH_AFTER
from p4books.publish.status import ProblemKind, TenantStatus
from p4books.settings.duration import describe_duration
from p4books.storage.run_log import KILLED, STOPPED, Run


@dataclass(frozen=True)
class Problem:
    """What is wrong with a tenant, and what to do, as sentences in one line."""

    kind: ProblemKind
    sentence: str


@dataclass(frozen=True)
class Health:
    """Whether all is well with a tenant, as of a time.

    `ok` says that nothing is to be done, `sentence` says so in one line, with the first of the
    `problems`. `failed` is what a command ends with 1 for: that one of them is more than the age of
    the figures, unless the caller limited their age. `age_seconds` is how long ago the published
    figures were read from P4 Books, None if there are none; more than `max_age_seconds` is old.
    """

    ok: bool
    failed: bool
    sentence: str
    problems: tuple[Problem, ...]
    age_seconds: float | None
    max_age_seconds: float

    @property
    def lines(self) -> tuple[str, ...]:
        """The sentence, and one for each further problem."""
        return (self.sentence, *(f"Also: {problem.sentence}" for problem in self.problems[1:]))


def judge_health(
    status: TenantStatus, max_age: timedelta | None = None, now: datetime | None = None
) -> Health:
    """Judge whether all is well; `max_age` None allows two intervals of the schedule."""
    now = now or datetime.now(UTC)
    limit = max_age or _allow_age(status)
    age = _measure_age(status.figures_at, now)
    problems = tuple(_find_problems(status, age, limit, now))
    return Health(
        ok=not problems,
        failed=any(max_age or each.kind != ProblemKind.FIGURES_OLD for each in problems),
        sentence=(
            f"Not all is well: {problems[0].sentence}"
            if problems
            else f"All is well: {_describe_success(status, now)}"
        ),
        problems=problems,
        age_seconds=None if age is None else age.total_seconds(),
        max_age_seconds=limit.total_seconds(),
    )


def _allow_age(status: TenantStatus) -> timedelta:
    """Return the age that is allowed by default: two intervals of the schedule.

    Who may not read the log of runs sees only what is published, which is less often if nothing
    changes in the books.
    """
    extra = REPUBLISH_AFTER if status.disk is None else timedelta(0)
    return 2 * status.sync_interval + extra


def _find_problems(
    status: TenantStatus, age: timedelta | None, limit: timedelta, now: datetime
) -> Iterator[Problem]:
    """Yield the problems, the ones that explain the others first."""
    run = status.last_run
    reasons = run.reasons if run and run.outcome != STOPPED else ()
    if run and reasons:
        kind = ProblemKind.RUN_KILLED if run.outcome == KILLED else ProblemKind.RUN_FAILED
        yield Problem(kind, _describe_failure(run, reasons, now))
    if status.problem and status.problem_kind and status.problem not in reasons:
        progress = "" if status.bytes else _describe_progress(status)
        yield Problem(status.problem_kind, " ".join(f"{status.problem} {progress}".split()))
    if status.clock and status.clock not in reasons:
        yield Problem(ProblemKind.CLOCK, status.clock)
    if status.unpublished_run and status.published_at:
        yield Problem(
            ProblemKind.NOT_PUBLISHED,
            f"what run {status.unpublished_run} loaded is not published, so that readers see the "
            f"books as published {_describe_ago(status.published_at, now)}. Run `p4books report` "
            "to publish it, or to see why that fails.",
        )
    if age is not None and age > limit:
        remedy = "" if reasons else " Does the schedule run? `p4books runs` lists the last runs."
        yield Problem(
            ProblemKind.FIGURES_OLD,
            f"the figures are {describe_duration(age)} old, and may be "
            f"{describe_duration(limit)}.{remedy}",
        )


def _describe_failure(run: Run, reasons: tuple[str, ...], now: datetime) -> str:
    """Say why a run failed: the first line of its first reason, and where the rest is."""
    ended_at = datetime.fromtimestamp(run.ended_at or run.started_at, UTC)
    first, *rest = reasons[0].splitlines()
    if not run.id:
        return f"the last run could not begin, {_describe_ago(ended_at, now)}. {' '.join(reasons)}"
    more = f" `p4books runs {run.id}` shows more." if rest or reasons[1:] else ""
    return f"run {run.id} failed {_describe_ago(ended_at, now)}. {first}{more}"


def _describe_success(status: TenantStatus, now: datetime) -> str:
    figures = _describe_ago(status.figures_at, now)
    published = _describe_ago(status.published_at, now)
    stopped = ""
    if status.last_run and status.last_run.outcome == STOPPED:
        stopped = f" Run {status.last_run.id} was stopped; the next one continues from there."
    sentence = f"the lists were last read {figures}, and the file was published {published}."
    unknown = "" if status.disk else " This user may not see how the runs went."
    return f"{sentence}{stopped}{unknown} {_describe_progress(status)}".rstrip()


def _describe_progress(status: TenantStatus) -> str:
    """Say what is in progress; empty if nothing is."""
    parts = []
    if status.running:
        parts.append(f"Run {status.running.id} is in progress.")
    if status.first_copies:
        copies = ", ".join(f"{copy.endpoint} {copy.percent} %" for copy in status.first_copies)
        parts.append(f"First copies in progress: {copies}.")
    return " ".join(parts)


def _describe_ago(instant: datetime | None, now: datetime) -> str:
    return "at an unknown time" if instant is None else f"{describe_duration(now - instant)} ago"


def _measure_age(instant: datetime | None, now: datetime) -> timedelta | None:
    return None if instant is None else max(now - instant, timedelta(0))
