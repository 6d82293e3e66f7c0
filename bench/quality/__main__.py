"""The command: `python -m bench.quality`."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.quality import pictures, tables
from bench.quality.measure import OURS, Measured, measure_all
from bench.quality.real import RECORDS, attacks
from bench.quality.weights import ratios
from bench.quality.worlds import SHAPES, World, generated, moment
from prefect_cloudtrail.demo import KINDS
from prefect_cloudtrail.errors import CloudTrailResponseError, SettingsError

SEEDS = (1, 2, 3, 4, 5)
MEASURED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end of measured -->)", flags=re.DOTALL)


@click.command(context_settings={"max_content_width": 110})
@click.option(
    "--organisation", "shapes", multiple=True, type=click.Choice(list(SHAPES)), help="A shape; all by default."
)
@click.option("--seed", "seeds", multiple=True, type=int, help=f"A seed of each shape.  [default: {SEEDS}]")
@click.option(
    "--theft",
    "kinds",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="A kind of theft; a dozen dealt by the seed by default.",
)
@click.option(
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Judge this instead: AWSLogs, city.mmdb, asn.mmdb, labels.ndjson and incidents.ndjson.",
)
@click.option("--learn-until", metavar="T", help="With --folder: learn up to T, judge what comes after it.")
@click.option("--until", metavar="T", help="With --folder: the end of the judged days.")
@click.option("--processes", type=click.IntRange(1, 2), default=2, show_default=True, help="Worlds at a time.")
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write figures and rankings here.")
@click.option(
    "--page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write the tables into this page, between its two `measured` marks, and the pictures into images/ beside it.",
)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave what was generated here.")
def main(
    shapes: Sequence[str],
    seeds: Sequence[int],
    kinds: Sequence[str],
    folders: Sequence[Path],
    learn_until: str | None,
    until: str | None,
    processes: int,
    out: Path | None,
    page: Path | None,
    keep: Path | None,
) -> None:
    """Judge ours and two peers on generated organisations with thefts in them."""
    try:
        worlds = (
            _from_folders(folders, learn_until, until)
            if folders
            else [generated(shape, seed, tuple(kinds)) for shape in shapes or SHAPES for seed in seeds or SEEDS]
        )
        if not kinds and not folders and not attacks():
            click.echo(f"no attacks from real records: {RECORDS} is absent; the others are judged", err=True)
        # Two processes, each with a thread for every core, only get in each other's way.
        os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
        measured = measure_all(worlds, processes, keep, _tell)
    except CloudTrailResponseError as error:
        raise click.ClickException(str(error)) from error
    report = _report(measured, _command(shapes, seeds, kinds, folders))
    click.echo(report)
    if out:
        rows = [each.row() for each in measured]
        out.write_text(json.dumps({"machine": tables.machine(), "measured": rows}, indent=1) + "\n", encoding="utf-8")
    if page:
        _write_into(page, report, pictures.draw(measured, page.parent / "images"))


def _from_folders(folders: Sequence[Path], learn_until: str | None, until: str | None) -> list[World]:
    if not learn_until or not until:
        raise SettingsError("--folder needs --learn-until and --until: which days to learn from and which to judge")
    return [World(each.name, None, _moment(learn_until), _moment(until), folder=each) for each in folders]


def _moment(text: str) -> datetime:
    try:
        return moment(text).astimezone(UTC)
    except ValueError as error:
        raise SettingsError(f"{text!r} is not ISO 8601, such as 2026-03-20T00:00:00Z") from error


def _tell(of_one_world: Sequence[Measured]) -> None:
    for each in of_one_world:
        if each.contender == OURS:
            figures = each.figures
            click.echo(
                f"{each.world.name}: told {figures.told_thefts} of {figures.thefts} thefts, "
                f"{each.told_false_a_week:.1f} innocents a week, average precision {figures.average_precision}",
                err=True,
            )


def _command(shapes: Sequence[str], seeds: Sequence[int], kinds: Sequence[str], folders: Sequence[Path]) -> str:
    """The command that gives the same figures again."""
    chosen = [f"--organisation {shape}" for shape in shapes] + [f"--seed {seed}" for seed in seeds]
    chosen += [f"--theft {kind}" for kind in kinds] + [f"--folder {folder.name}" for folder in folders]
    return " ".join(["uv run --group bench python -m bench.quality", *chosen])


def _report(measured: Sequence[Measured], command: str) -> str:
    """The tables, as they are printed and as they stand in the page."""
    mine = [each for each in measured if each.contender == OURS]
    return "\n\n".join(
        [
            "Mean over the seeds, the worst in brackets; thefts are summed.",
            tables.each_shape(measured),
            "Every organisation:",
            tables.each_world(measured),
            "How often each piece of evidence held, and the smoothed likelihood ratio:",
            tables.evidence(ratios(each.ranking for each in mine)),
            f"Measured by `{command}` on {tables.machine()}.",
        ]
    )


def _write_into(page: Path, report: str, drawn: Mapping[Path, str]) -> None:
    text = page.read_text(encoding="utf-8")
    shown = "\n\n".join(
        f"![{path.stem}]({path.relative_to(page.parent).as_posix()})\n\n{says}" for path, says in drawn.items()
    )
    written, times = MEASURED.subn(lambda _: f"\n{shown}\n\n{report}\n\n", text)
    if times != 1:
        raise click.ClickException(f"{page} has no `<!-- measured -->` with an `<!-- end of measured -->` after it")
    page.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
