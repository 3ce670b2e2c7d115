"""Options that run a command for every tenant of the settings, and the loop that does it."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from p4books.cli.runtime import (
    describe_unexpected,
    is_json_log,
    log_error,
    name_tenant,
    prefix_messages,
)
from p4books.cli.suggestions import suggest_tenant
from p4books.errors import (
    P4BooksError,
    SettingsError,
    StopRequested,
    UsageError,
    fold_errors,
    name_kinds,
)

if TYPE_CHECKING:  # `--help` starts without them
    from p4books.extract.reader import Pause
    from p4books.fleet.run import TenantOutcome
    from p4books.settings import ConfiguredTenant, Settings

T = TypeVar("T")

_OPTIONS = (
    click.option("--all", "all_tenants", is_flag=True, help="Every tenant of the settings."),
    click.option(
        "--jobs",
        type=click.IntRange(1, 64),
        metavar="N",
        help="With --all: how many tenants at a time.  [default: twice the cores, at most 8]",
    ),
)


@dataclass(frozen=True)
class TenantResult:
    """What a command did for a tenant: cells of a table, parts of a JSON object, and errors."""

    cells: tuple[Any, ...]
    document: Mapping[str, Any]
    faults: Sequence[P4BooksError] = ()


class NotWell(P4BooksError):
    """Not all is well with a tenant; `str()` says what, and what to do."""


class UnexpectedFault(P4BooksError):
    """What happened to a tenant is not foreseen; `str()` says what to do."""


def all_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --all and --jobs."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def choose_tenants(
    tenant: str | None,
    jobs: int | None,
    *,
    all_tenants: bool,
    need_key: bool,
    with_groups: bool = False,
) -> "list[ConfiguredTenant] | None":
    """Return every tenant of the settings with --all, None without; and every group's file.

    Raises UsageError if the options contradict each other, SettingsError if there is no tenant.
    """
    if not all_tenants:
        if jobs is not None:
            raise UsageError("--jobs needs --all. Nothing was done.")
        return None
    if tenant is not None:
        raise UsageError(
            "--all and --tenant exclude each other: one is every tenant, the other one of them. "
            "Nothing was done."
        )
    from p4books.settings import load_group_files, load_tenants

    if tenants := load_tenants(need_key=need_key):
        return [*tenants, *(load_group_files() if with_groups else [])]
    raise SettingsError(
        "--all found no tenant in the settings. Nothing was done. Add a table such as "
        "[sources.p4books.tenants.north] with its api_key to .dlt/secrets.toml."
    )


def require_postgres(tenants: "Sequence[ConfiguredTenant]") -> None:
    """Raise UsageError, once for all, if each tenant needs Postgres and it cannot be used."""
    from p4books.storage.postgres import require_driver

    chosen = [each.settings for each in tenants if each.settings]
    if chosen and all(settings.lake for settings in chosen):
        require_driver()


def show_all(
    tenants: "Sequence[ConfiguredTenant]",
    work: "Callable[[Settings], TenantResult]",
    jobs: int | None,
    columns: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Do the work of each tenant, and show all results as one table or one JSON list.

    Errors are messages on stderr as they come, and in JSON, too. Exits with the code of all.
    """
    from p4books.cli.console import print_json, print_table

    faults: dict[str, Sequence[P4BooksError]] = {}

    def show(outcome: "TenantOutcome[TenantResult]") -> None:
        found = outcome.value.faults if outcome.value else [describe_fault(outcome.error)]
        faults[outcome.tenant.name] = found
        for message in fold_errors(found):
            log_error(message)

    outcomes = run_all(tenants, lambda settings, _: work(settings), jobs, show)
    if as_json:
        print_json([_build_object(each, faults[each.tenant.name]) for each in outcomes])
    else:
        missing = (None,) * len(columns)
        print_table(
            ("tenant", *columns, "result"),
            (
                (
                    each.tenant.name,
                    *(each.value.cells if each.value else missing),
                    ", ".join(name_kinds(faults[each.tenant.name])) or "done",
                )
                for each in outcomes
            ),
        )
    exit_for_outcomes([next(iter(faults[each.tenant.name]), None) for each in outcomes])


def run_all(
    tenants: "Sequence[ConfiguredTenant]",
    work: "Callable[[Settings, Pause], T]",
    jobs: int | None,
    show: "Callable[[TenantOutcome[T]], None]" = lambda _: None,
) -> "list[TenantOutcome[T]]":
    """Do the work of each tenant; `show` is called for each that ended, and speaks for it.

    Returns the outcomes in the order of the tenants. Raises StopRequested, which says how many
    there were.
    """
    from p4books.fleet.run import DEFAULT_JOBS, run_tenants

    def speak_and_work(settings: "Settings", pause: "Pause") -> T:
        speak_for(settings.tenant, settings)
        return work(settings, pause)

    outcomes = {}
    try:
        with _show_progress(len(tenants)) as advance:
            for outcome in run_tenants(tenants, speak_and_work, jobs or DEFAULT_JOBS):
                if isinstance(outcome.error, KeyboardInterrupt):
                    continue  # stopped like the command, which says so
                outcomes[outcome.tenant.name] = outcome
                speak_for(outcome.tenant.name, outcome.tenant.settings)
                show(outcome)
                advance(outcome.tenant.name)
    except KeyboardInterrupt:
        speak_for(None)
        raise StopRequested(
            f"Stopped. {len(outcomes)} of {len(tenants)} tenants had ended. Files are the last "
            "ones or the complete new ones; the next run continues from here."
        ) from None
    return [outcomes[tenant.name] for tenant in tenants]


def run_in_turn(
    tenants: "Sequence[ConfiguredTenant]", work: "Callable[[Settings], T]", *, names: bool = True
) -> tuple[list[T], list[P4BooksError]]:
    """Do the work of one tenant after the other; one that fails is reported, and stops no other.

    With `names`, messages say whose they are. Returns the results, and what failed.
    """
    results: list[T] = []
    faults: list[P4BooksError] = []
    for tenant in tenants:
        if names:
            speak_for(tenant.name, tenant.settings)
        error: BaseException | None = tenant.fault
        if tenant.settings:
            try:
                results.append(work(tenant.settings))
                continue
            except Exception as fault:  # noqa: BLE001 - it must not stop the others
                error = fault
        faults.append(describe_fault(error))
        log_error(str(faults[-1]))
    return results, faults


def speak_for(tenant: str | None, settings: "Settings | None" = None) -> None:
    """Say in each message of this thread whose it is, None: nobody's; in a log also when."""
    suggest_tenant(tenant)
    name_tenant(tenant)
    owner = f"{tenant}: " if tenant else ""
    if sys.stderr.isatty():
        prefix_messages(lambda: owner)
        return
    from p4books.cli.console import format_now

    prefix_messages(lambda: f"{format_now(settings)} {owner}")


def describe_fault(error: BaseException | None) -> P4BooksError:
    """Return an error as one with a sentence, whatever it is."""
    if isinstance(error, P4BooksError):
        return error
    return UnexpectedFault(describe_unexpected(error or RuntimeError()))


def exit_for_outcomes(faults: "Sequence[BaseException | None]") -> None:
    """Exit with the code of many tenants, given the first error of each; do nothing if it is 0."""
    from p4books.fleet.run import choose_exit_code

    if code := choose_exit_code(faults):
        raise SystemExit(code)


def _build_object(
    outcome: "TenantOutcome[TenantResult]", faults: Sequence[P4BooksError]
) -> dict[str, Any]:
    from p4books.cli.console import complete_document

    document = {
        "tenant": outcome.tenant.name,
        **(outcome.value.document if outcome.value else {}),
        "faults": [{"kind": type(fault).__name__, "sentence": str(fault)} for fault in faults],
    }
    return dict(complete_document(document, outcome.tenant.name))


@contextmanager
def _show_progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show on a terminal how many tenants have ended, and yield what to call for each."""
    if not sys.stderr.isatty() or is_json_log():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("tenants"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(
        *columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)
