"""Take pictures of the status page, as a phone and a desktop show it, light and dark."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def launch(playwright: "Playwright") -> "Browser":
    """Start the system's Chromium; without one a test is skipped, in CI it fails."""
    path = shutil.which("chromium")
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("chromium is not installed")
    return playwright.chromium.launch(executable_path=path, args=_QUIET)


def take_screenshots(url: str, folder: Path) -> list[Path]:
    """Write status-{phone,desktop}-{light,dark}.png to `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    with sync_playwright() as playwright, launch(playwright) as browser:
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                answer = page.goto(url)
                assert answer, url
                assert answer.ok, f"{url} answered {answer.status}"
                picture = folder / f"status-{size}-{scheme}.png"
                page.screenshot(path=picture)
                page.close()
                pictures.append(picture)
    return pictures
