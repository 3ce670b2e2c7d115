"""Server of the dashboard: its address, the options of Streamlit, its end."""

import logging
import signal
import socket
import sys
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import config
from streamlit.file_util import get_static_dir
from streamlit.starlette import App
from streamlit.web.bootstrap import load_config_options

from p4books.dashboard import tenants
from p4books.dashboard.access import PasswordMiddleware
from p4books.dashboard.address import PAGE_NAMES
from p4books.errors import UsageError
from p4books.publish.language import LANGUAGES
from p4books.settings import Settings

log = logging.getLogger(__name__)

OPTIONS = {
    "browser.gatherUsageStats": False,  # nothing is reported to anybody
    "client.allowedOrigins": ["http://127.0.0.1"],  # nobody frames the pages: not Streamlit's cloud
    "client.disableDataExport": True,  # our own downloads are exact
    "client.showErrorDetails": "none",  # errors are in the log
    "client.showErrorLinks": "false",  # no link to a search engine
    "client.toolbarMode": "minimal",  # nor a button to deploy
    "global.developmentMode": False,
    "logger.hideWelcomeMessage": True,  # which would look for the address of this machine outside
    "logger.level": "warning",
    "runner.magicEnabled": False,
    "server.allowRunOnSave": False,
    "server.enableStaticServing": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "theme.base": "light",
    "theme.headingFontSizes": ["1.9rem", "1.5rem", "1.25rem", "1.1rem", "1rem", "1rem"],
    "theme.metricValueFontSize": "1.4rem",
    "theme.primaryColor": "#0072B2",
    "theme.textColor": "#1F2933",
}
_BASE = "<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + '/'}</script>"

GRACE = 2  # seconds in which open pages are told that the server ends


def serve(settings: Settings, host: str, port: int) -> int:
    """Serve the dashboard of a tenant until Ctrl-C or SIGTERM; return the exit code.

    Prints the address once it is reachable. Raises UsageError if nothing can listen there.
    """
    listener = _listen(host, port)
    import_module("p4books.dashboard.views")  # takes a second that the first reader need not wait
    tenants.configure(settings)
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            lifespan="on",
            log_level="warning",
            timeout_graceful_shutdown=GRACE,
            ws_max_size=config.get_option("server.maxMessageSize") * 1_000_000,
        )
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # uvicorn ends, and then raises the signal again
    _announce(settings, host, listener.getsockname()[1])
    server.run(sockets=[listener])
    return 0


def create_app(settings: Settings) -> App:
    """Create the application: Streamlit's, behind the password if there is one."""
    load_config_options(OPTIONS)
    middleware = []
    if settings.dashboard_password:
        password = settings.dashboard_password.get_secret_value()
        middleware = [Middleware(PasswordMiddleware, password=password)]
    show = partial(_show_start_page, settings.language)
    paths = ("/", *(f"/{name}" for name in PAGE_NAMES))
    return App(
        Path(__file__).with_name("app.py"),
        routes=[Route(path, show) for path in paths],
        middleware=middleware,
        on_script_error=_log_error,
    )


async def _show_start_page(language: str, request: Request) -> HTMLResponse:
    """Return Streamlit's only HTML page, which loads the rest, in the language of the reader.

    It is told where the server is, which it would find out by asking below the address of the page
    first, with an error in the browser's console.
    """
    given = request.query_params.get("lang", "")
    code = given if given in LANGUAGES else language
    page = _read_start_page().replace('<html lang="en">', f'<html lang="{code}">')
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


@cache
def _read_start_page() -> str:
    page = Path(get_static_dir(), "index.html").read_text(encoding="utf-8")
    return page.replace("<title>Streamlit</title>", f"<title>p4books</title>{_BASE}")


def _log_error(error: Exception) -> bool:
    """Log what a page did not catch; the reader gets a sentence, from Streamlit."""
    log.error("a page failed", exc_info=error)
    return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        raise UsageError(
            f"The dashboard cannot listen on {host}, port {port}: {error.strerror}. Choose another "
            "address or port with --host and --port."
        ) from None
    listener.listen(100)
    return listener


def _announce(settings: Settings, host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"Dashboard of {settings.tenant}: http://{shown}:{port} (Ctrl-C ends it)")  # noqa: T201
    sys.stdout.flush()
