"""Pictures of the README files, taken of the demo's books.

Run as `python -m tests.pictures`, which `make pictures` does.
"""

import subprocess
import tempfile
from pathlib import Path

from PIL import Image
from tests.browser import DESKTOP, open_browser
from tests.command import P4BOOKS
from tests.dashboard_server import serve_dashboard, wait_until_shown

from p4books.cli.demo import DEMO_TENANT
from p4books.settings import Settings

FOLDER = Path(__file__).parents[1] / "pipelines" / "p4books" / "dashboard" / "pictures"
MAX_BYTES = 200_000  # of a picture
HEIGHT = 1180  # pixels: all of the overview


def main() -> None:
    """Sync the demo, serve its dashboard, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([P4BOOKS, "demo"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        data_dir = Path(folder) / Settings.model_fields["data_dir"].default
        with serve_dashboard(data_dir / f"{DEMO_TENANT}.duckdb") as server:
            take_picture(f"{server.address}/?lang=en", FOLDER / "overview.png")


def take_picture(address: str, file: Path) -> None:
    """Take a picture of a page, with few enough colours to be small."""
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": DESKTOP[0], "height": HEIGHT})
        page.goto(address)
        wait_until_shown(page)
        page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        file, optimize=True
    )
    if file.stat().st_size > MAX_BYTES:
        raise RuntimeError(f"{file} has {file.stat().st_size:,} bytes, more than {MAX_BYTES:,}")


if __name__ == "__main__":
    main()
