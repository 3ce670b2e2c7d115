"""Command that serves the dashboard: dashboard."""

import ipaddress
import os
import sys
from importlib.util import find_spec

import click

from p4books.cli.runtime import tenant_option
from p4books.errors import SettingsError, UsageError

PORT = 8501
LOOPBACK = "127.0.0.1"


@click.command(
    short_help="Show the books in a browser: figures, charts, tables.",
    epilog="\b\nExample:\n  p4books dashboard\n  p4books dashboard --port 8600",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default=LOOPBACK,
    show_default=True,
    help="Where to listen. Another address than this machine's own needs `dashboard_password`.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="0: any that is free.",
)
@tenant_option
def dashboard(host: str, port: int, tenant: str | None) -> None:
    """Serve the dashboard of a tenant until Ctrl-C.

    It reads the published file, and shows the next one as soon as a sync has published it. It is
    for this machine unless --host says otherwise: then it asks for the password of the setting
    `dashboard_password`. The server speaks plain HTTP, so let a reverse proxy add TLS.
    """
    from p4books.cli.query_commands import find_published_file
    from p4books.publish.query import open_published
    from p4books.settings import load_settings

    if find_spec("streamlit") is None or find_spec("altair") is None:
        raise UsageError(
            "The dashboard needs packages that are not installed (streamlit, altair). Nothing was "
            "started. Install them with: pip install 'p4books[dashboard]'."
        )
    settings = load_settings(tenant, need_key=False)
    if not _is_loopback(host) and settings.dashboard_password is None:
        raise SettingsError(
            f"The dashboard would be open to everybody who can reach {host}. Set "
            "dashboard_password first, or leave --host out. Nothing was started."
        )
    open_published(find_published_file(settings, None)).close()
    sys.stdout.flush()
    words = [settings.tenant, host, str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "p4books.dashboard", *words])  # noqa: S606


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
