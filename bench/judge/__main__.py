"""The command: `python -m bench.judge`."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from bench.judge.measure import CONTENDERS, Measured, disagreements, measure
from bench.judge.organisation import Size, organisation
from bench.quality.tables import machine


@click.command(context_settings={"max_content_width": 110})
@click.option("--seed", default=1, show_default=True, help="Equal seeds give equal input.")
@click.option("--events", default=Size.events, show_default=True, help="New events to judge.")
@click.option("--principals", default=Size.principals, show_default=True, help="Callers, three in ten of them robots.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the input here; what is there already is judged again. Else it is deleted.",
)
@click.option("--contender", type=click.Choice(CONTENDERS), hidden=True, help="Measure in this process, as JSON.")
def main(seed: int, events: int, principals: int, folder: Path | None, contender: str | None) -> None:
    """Judge a large organisation's new events against its 90 days, beside the same arithmetic in SQL."""
    if contender and folder:
        click.echo(json.dumps(asdict(measure(contender, folder))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = folder or Path(temporary)
        if not (home / "placed.parquet").exists():
            home.mkdir(parents=True, exist_ok=True)
            size = Size(events=events, principals=principals, robots=principals * 3 // 10)
            began = time.perf_counter()
            organisation(seed, size).write(home)
            click.echo(f"drew the organisation in {time.perf_counter() - began:.0f} s", err=True)
        measured = [_in_its_own_process(each, home) for each in CONTENDERS]
        compared, differ = disagreements(home)
    click.echo(_report(measured))
    click.echo(f"\n{compared:,} surprises compared, {differ:,} differ. Measured on {machine()}.")
    if differ:
        raise click.ClickException("ours and the peer disagree")


def _in_its_own_process(contender: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "bench.judge", "--contender", contender, "--folder", str(folder)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(ran.stdout))


def _report(measured: Sequence[Measured]) -> str:
    ours = measured[0]
    counted = ", ".join(f"{count:,} {what}" for what, count in ours.counted.items())
    rows = [
        f"| {each.contender} | {each.seconds['judging']:.2f} | {each.cpu['judging']:.2f} | {each.judged_mb:,} |"
        for each in measured
    ]
    incidents = f"Incidents and their evidence: {ours.seconds['incidents']:.2f} s more, {ours.peak_mb:,} MB at most."
    heading = ["| contender | seconds | of a processor | MB at most |", "| --- | --- | --- | --- |"]
    return "\n".join([f"{counted}.", "", *heading, *rows, "", incidents])


if __name__ == "__main__":
    main()
