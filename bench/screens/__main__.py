"""Takes the pictures: `python -m bench.screens --to FOLDER`. The demo runs, and a person answers it in Chromium."""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import click

from bench.screens.walk import Walk, browsing, chromium
from prefect_cloudtrail.demo.slack import local_slack
from prefect_cloudtrail.flows.demo import run_demo


def walk(folder: Path | None) -> list[str]:
    """Run the demo, answer it in the browser, and return what AWS said of the key after each decision."""
    over, says = Event(), list[str]()

    def status() -> str:
        return next((line.rpartition(" ")[2].rstrip(".") for line in reversed(says) if line.startswith("AWS:")), "")

    def demo(slack_folder: str) -> None:
        run_demo(Path(slack_folder), says.append, show=False, slack=slack, over=over.is_set)

    with (
        local_slack() as slack,
        tempfile.TemporaryDirectory() as home,
        ThreadPoolExecutor(1) as pool,
        browsing() as browser,
    ):
        running = pool.submit(demo, home)
        try:
            found = Walk(browser, slack.url, folder).go(status)
        finally:
            over.set()
        running.result()
    return found


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path), default=Path("docs/images/slack"), show_default=True)
def main(folder: Path) -> None:
    """Keep what a person sees from the card to the undo."""
    if chromium() is None:
        sys.exit("no Chromium here: apt-get install chromium")
    print(f"AWS said after each decision: {', '.join(walk(folder))}")
    print(f"pictures in {folder}")


if __name__ == "__main__":
    main()
