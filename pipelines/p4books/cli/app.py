"""The p4books command."""

from typing import NoReturn

import click

from p4books.cli.alert_commands import watch
from p4books.cli.backup_commands import backup, restore
from p4books.cli.dashboard_commands import dashboard
from p4books.cli.demo import demo, sandbox
from p4books.cli.home_commands import home
from p4books.cli.lake_commands import lake
from p4books.cli.page_commands import page
from p4books.cli.push_commands import push, pushes
from p4books.cli.query_commands import export, models, query
from p4books.cli.report_commands import report
from p4books.cli.runtime import run_app
from p4books.cli.schedule_commands import schedule
from p4books.cli.statement_commands import statement
from p4books.cli.status_commands import runs, status
from p4books.cli.sync_commands import adopt, check, sync
from p4books.endpoints import ENDPOINTS


def main() -> NoReturn:
    """Run the command and end the process."""
    run_app(app)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Endpoints: {', '.join(ENDPOINTS)}. Exit codes: 0 done, 1 something failed (the rest "
    "is saved and published), 2 wrong settings or usage, 75 another run is in progress, "
    "130 stopped.",
)
@click.version_option(package_name="p4books", prog_name="p4books")
def app() -> None:
    """Copy the books of P4 Books, exactly and with their history, into a DuckDB file."""


for _command in (
    *(sync, check, status, runs, watch, schedule, adopt),
    *(push, pushes, query, export, models, report, statement),
    *(backup, restore, home, lake),
    *(dashboard, page, sandbox, demo),
):
    app.add_command(_command)
