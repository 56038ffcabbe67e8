"""`make screenshots`: pictures of the pages into docs/screenshots, from the same installation each time.

All but a few forms on a desk by daylight; those that matter most in the dark as well, and on a phone.
The day a picture is taken and the speed of the machine do not show: clocks stand still in the browser as
they do in the installation, and nothing moves.
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
_TALLEST = 1200  # pixels: what lies below adds nothing to a picture
_LOWEST = {
    DESKTOP["width"]: 480,
    PHONE["width"]: 400,
}  # pixels, by width: pages with little on them leave no void below
_COLOURS = 256
_MAIN = (
    "overview.index",
    "events.index",
    "events.show",
    "sources.index",
    "contacts.index",
    "quota.show",
    "trunks.index",
)
# Forms that look like the form of their neighbour, and what says less than the page it leads to.
_LEFT_OUT = {
    *("contacts.new", "sources.new", "sources.edit", "sources.ask_to_rotate", "licenses.new"),
    *("users.new", "users.edit", "account.profile", "quota.index"),
}
# As if the stream said that nothing is new: "Live", whatever other pages hold open.
_STREAM = """window.EventSource = class {
  addEventListener(name, heard) {
    if (name === "version") queueMicrotask(
      () => heard({ data: document.querySelector("[data-live]").dataset.version }));
  }
};"""
# Images that load once they are seen are there, and no field has the focus.
_SETTLE = """async () => {
  document.activeElement?.blur();
  const images = [...document.images].filter((image) => image.checkVisibility());
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map((image) => image.decode()));
}"""


@dataclass(frozen=True, slots=True)
class _Look:
    suffix: str
    window: dict[str, int]
    colours: str


_DAY = _Look("", DESKTOP, "light")
_NIGHT = _Look("-dark", DESKTOP, "dark")
_PHONE = _Look("-phone", PHONE, "light")


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
            for look, names in ((_DAY, paths), (_NIGHT, _MAIN), (_PHONE, _MAIN)):
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
    with browser.new_context(viewport=look.window, color_scheme=scheme, reduced_motion="reduce") as context:  # type: ignore[arg-type] # a TypedDict
        page = context.new_page()
        page.add_init_script(_STREAM)
        page.clock.set_fixed_time(made.there.clock.now())
        if look is _DAY:
            page.goto(f"{address}/admin/sign-in")
            yield _save(page, "sign-in")
        page.goto(f"{address}{_link(made)}")
        yield _save(page, f"acknowledgement{look.suffix}")
        sign_in(page, address, "/admin/account")
        for name, path in paths.items():
            page.goto(address + path)
            page.wait_for_load_state("load")
            yield _save(page, name.replace(".index", "").replace(".", "-").replace("_", "-") + look.suffix)


def _link(made: Filled) -> str:
    with made.there.record.read() as work:
        _, ben, _ = work.contacts.of_license(made.there.license.id)  # who is told now
    return made.there.link(made.own["event"], ben)


def _save(page: Page, name: str) -> Path:
    """Write what the page shows, in few colours."""
    assert page.viewport_size is not None
    width = page.viewport_size["width"]
    page.set_viewport_size({"width": width, "height": _LOWEST[width]})
    height = min(int(page.evaluate("document.fonts.ready.then(() => document.documentElement.scrollHeight)")), _TALLEST)
    # What is as high as the window, such as the menu, is as high as the picture.
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(_SETTLE)
    shot = page.screenshot(animations="disabled")
    file = DIRECTORY / f"{name}.png"
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(_COLOURS).save(file, optimize=True)
    return file


if __name__ == "__main__":
    sys.exit(main())
