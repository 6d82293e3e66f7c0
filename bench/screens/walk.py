"""What a person does in the browser, from the card to the undo, and what they see on the way."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 60_000
# The demo makes a month's trail and learns it first.
DEMO_MS = 300_000
# What a dialog says once the answer is recorded.
ANSWERED = re.compile("carried out now|another person's is needed")
MAYA, JONAS = "U0MAYA00001", "U0JONAS0001"


def chromium() -> str | None:
    """Return where Chromium is; None where it is not installed."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Give the Chromium that is installed here."""
    with sync_playwright() as playwright:
        # Without its sandbox, which root may not use; it opens nothing but pages of this machine.
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Walk:
    """A person's way through the local Slack.

    Attributes:
        browser: theirs.
        url: of the local Slack.
        folder: where pictures go; None keeps none.
        seen: the pictures' names, in order.
    """

    browser: Browser
    url: str
    folder: Path | None = None
    seen: list[str] = field(default_factory=list)

    @contextmanager
    def person(self, member: str, size: dict[str, int], theme: str = "light") -> Iterator[Page]:
        """Give the page as one person has it on their screen."""
        page = self.browser.new_page(viewport={"width": size["width"], "height": size["height"]})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(f"{self.url}/?as={member}&theme={theme}&push=0")
        try:
            yield page
        finally:
            page.close()

    def keep(self, page: Page, name: str) -> None:
        """Keep what is on the screen."""
        self.seen.append(name)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(self.folder / f"{name}.png"))

    def go(self, key_status: Callable[[], str]) -> list[str]:
        """Go from the card to the receipt and back: two taps disable the key, and two people give it back.

        Returns:
            What AWS said of the key after each decision.
        """
        found = []
        with self.person(MAYA, DESKTOP) as page:
            self._button(page, "approve.disable_access_keys").wait_for(timeout=DEMO_MS)
            # The demo tells before anybody listens, and the card says so.
            expect(page.get_by_text("the listener is away")).to_have_count(0)
            self.keep(page, "card-desktop")
        with self.person(MAYA, DESKTOP, "dark") as page:
            self._button(page, "approve.disable_access_keys").wait_for()
            self.keep(page, "card-dark")
        with self.person(MAYA, PHONE) as page:
            self._button(page, "approve.disable_access_keys").wait_for()
            self.keep(page, "card-phone")
            self._approve(page, "approve.disable_access_keys", "dialog-phone")
            self._until(lambda: key_status() == "Inactive", page)
            found.append(key_status())
            expect(page.get_by_text("applied, watching").first).to_be_visible()
            self.keep(page, "applied-phone")
            self._thread(page)
            self._button(page, "undo.request").wait_for()
            self._button(page, "undo.request").scroll_into_view_if_needed()
            self.keep(page, "receipt-phone")
            self._approve(page, "undo.request", "undo-phone")
        with self.person(JONAS, DESKTOP) as page:
            self._approve(page, "approve.undo", "undo-desktop")
            self._until(lambda: key_status() == "Active", page)
            found.append(key_status())
            expect(page.get_by_text("Disable key: undone").first).to_be_visible()
            self._thread(page)
            page.wait_for_timeout(500)
            self.keep(page, "thread-desktop")
        return found

    def _approve(self, page: Page, action_id: str, name: str) -> None:
        """Tap a button, look at its dialog, and submit it."""
        self._button(page, action_id).click()
        dialog = page.get_by_role("dialog")
        submit = dialog.locator("button[type=submit]")
        submit.wait_for()
        self.keep(page, name)
        for tick in dialog.get_by_role("checkbox").all():
            tick.check()
        submit.click()
        expect(dialog.get_by_text(ANSWERED).first).to_be_visible()
        dialog.get_by_role("button", name="Close", exact=True).click()

    def _thread(self, page: Page) -> None:
        page.get_by_role("button", name="repl").first.click()
        page.wait_for_timeout(300)

    def _button(self, page: Page, action_id: str) -> Locator:
        return page.locator(f"[data-action-id='{action_id}']").first

    def _until(self, ready: Callable[[], bool], page: Page) -> None:
        for _ in range(PATIENCE_MS // 200):
            if ready():
                return
            page.wait_for_timeout(200)
        raise TimeoutError("it did not come")
