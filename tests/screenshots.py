"""`make screenshots`: a picture of every page into docs/screenshots, from the same installation each time.

Every page on a desk by daylight; those that are looked at at night in the dark as well, and on a phone.
"""

import io
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page
from rich.console import Console

from gateway.config.schema import AckLinksConfig
from gateway.store import migrate, open_record
from tests.browser.pages import DESKTOP, PHONE, chromium, served, sign_in
from tests.unit.web.addresses import page_paths
from tests.unit.web.filled import Filled, fill
from tests.unit.web.pages import with_pages
from tests.unit.web.tone import Tone

DIRECTORY = Path("docs/screenshots")
_TALLEST = 1600  # pixels: what lies below adds nothing to a picture
_COLOURS = 96
_AT_NIGHT = ("overview.index", "events.index", "events.show", "sources.index", "contacts.index", "quota.show")
# Forms that look like the form of their neighbour, and lists that are empty without a reason to be.
_LEFT_OUT = {"contacts.new", "sources.new", "sources.edit", "licenses.new", "users.new"}


@dataclass(frozen=True, slots=True)
class _Look:
    suffix: str
    window: dict[str, int]
    colours: str


_DAY = _Look("", DESKTOP, "light")
_NIGHT = _Look("-dark", DESKTOP, "dark")
_PHONE = _Look("-phone", PHONE, "dark")


def main() -> int:
    """Take all pictures. Those of pages that are no more are removed."""
    console = Console()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    taken: set[Path] = set()
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        url = f"sqlite:///{directory}/tocsin.db"
        migrate(url)
        record = open_record(url)
        made = fill(record)
        # Looking at the acknowledgement page is to acknowledge nothing.
        tap = AckLinksConfig(require_tap=True)
        made.there.config = made.there.config.model_copy(update={"ack_links": tap})
        app = with_pages(made.there, speech=Tone(Path(directory)))
        paths = {name: path for name, path in page_paths(app, made).items() if name not in _LEFT_OUT}
        # The sign-in comes first: nobody is signed in then.
        with served(app) as address, console.status("pictures") as status:
            for look, names in ((_DAY, paths), (_NIGHT, _AT_NIGHT), (_PHONE, _AT_NIGHT)):
                for file in _take(browser, address, look, {name: paths[name] for name in names}, made):
                    taken.add(file)
                    status.update(f"{len(taken)} pictures: {file.name}")
        record.close()
    for old in set(DIRECTORY.glob("*.png")) - taken:
        old.unlink()
    console.print(f"{len(taken)} pictures in {DIRECTORY}")
    return 0


def _take(browser: Browser, address: str, look: _Look, paths: dict[str, str], made: Filled) -> Iterable[Path]:
    scheme = "dark" if look.colours == "dark" else "light"
    with browser.new_context(viewport=look.window, color_scheme=scheme, locale="en-GB") as context:  # type: ignore[arg-type] # a TypedDict
        page = context.new_page()
        page.goto(f"{address}/admin/sign-in")
        yield _save(page, f"sign-in{look.suffix}")
        page.goto(f"{address}{_link(made)}")
        yield _save(page, f"acknowledgement{look.suffix}")
        sign_in(page, address, "/admin/account")
        for name, path in paths.items():
            page.goto(address + path)
            page.wait_for_load_state("load")
            yield _save(page, name.replace(".index", "").replace(".", "-").replace("_", "-") + look.suffix)


def _link(made: Filled) -> str:
    with made.there.record.read() as work:
        contact = work.contacts.get(made.own["contact"])
    assert contact is not None
    return made.there.link(made.own["exhausted"], contact)


def _save(page: Page, name: str) -> Path:
    """Write what the page shows, in few colours."""
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), _TALLEST)
    width = page.viewport_size["width"] if page.viewport_size else DESKTOP["width"]
    clip = {"x": 0, "y": 0, "width": width, "height": height}
    shot = page.screenshot(full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type] # a TypedDict
    file = DIRECTORY / f"{name}.png"
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(_COLOURS).save(file, optimize=True)
    return file


if __name__ == "__main__":
    sys.exit(main())
