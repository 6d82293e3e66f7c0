"""Whether a card decides without scrolling on a phone: where its last button ends, for each kind of incident."""

from collections.abc import Mapping

from playwright.sync_api import Browser

from bench.screens.walk import MAYA, PHONE
from prefect_cloudtrail.demo.slack import LocalSlack
from prefect_cloudtrail.slack.card import card
from prefect_cloudtrail.slack.message import Told

# What of the screen shows messages: between the channel's name above and the line to write in below.
SHOWN = "document.getElementById('messages').clientHeight"
ENDS = """(ts) => {
  const message = document.querySelector(`article[data-ts="${ts}"]`);
  const buttons = [...message.querySelectorAll("[data-action-id]")];
  const last = buttons.filter((each) => !each.closest(".menu")).map((each) => each.getBoundingClientRect().bottom);
  return Math.max(...last) - message.getBoundingClientRect().top;
}"""


def heights(browser: Browser, slack: LocalSlack, kinds: Mapping[str, Told]) -> tuple[int, dict[str, int]]:
    """Return how many pixels a phone shows of a channel, and how many each card takes down to its last button."""
    posted = {}
    for name, told in kinds.items():
        message = card(told)
        posted[name] = slack.workspace.post(slack.channel, message.text, [dict(each) for each in message.blocks])
    page = browser.new_page(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    page.goto(f"{slack.url}/?as={MAYA}&channel={slack.channel}&push=0")
    page.locator("article").nth(len(posted) - 1).wait_for()
    shown = int(page.evaluate(SHOWN))
    found = {name: round(page.evaluate(ENDS, message["ts"])) for name, message in posted.items()}
    page.close()
    return shown, found
