"""The command: `python -m bench.speed`."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import click
import duckdb
import pandas as pd

from bench.judge.organisation import Size
from bench.quality.tables import machine
from bench.speed import tables
from bench.speed.corpus import Corpus
from bench.speed.organisation import SIZE
from bench.speed.rows import commands, dask, detect, fetch, place, read, two, whole
from bench.speed.sections import Section, Setting

ROWS: Mapping[str, Callable[[Setting], Section]] = {
    "read": read.section,
    "two": two.section,
    "fetch": fetch.section,
    "place": place.section,
    "detect": detect.section,
    "whole": whole.section,
    "growth": whole.growth,
    "ids": whole.ids,
    "help": commands.help_,
    "backtest": commands.backtest,
    "dask": dask.section,
}
FEW, RUNS = 100_000, 3
MEASURED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end of measured -->)", flags=re.DOTALL)


@click.command(context_settings={"max_content_width": 110})
@click.option("--row", "rows", multiple=True, type=click.Choice(list(ROWS)), help="A row; all by default.")
@click.option("--seed", default=1, show_default=True, help="Equal seeds give equal corpora.")
@click.option("--events", default=SIZE.events, show_default=True, help="Events of the window.")
@click.option("--few", default=FEW, show_default=True, help="Events of it that all readers read.")
@click.option("--principals", default=SIZE.principals, show_default=True, help="Callers, three in ten of them robots.")
@click.option("--accounts", default=SIZE.accounts, show_default=True, help="Accounts, 999 at most.")
@click.option(
    "--odd", default=SIZE.odd, show_default=True, help="How odd the window's calls are: 1 makes hundreds of incidents."
)
@click.option(
    "--runs", type=click.IntRange(min=1), default=RUNS, show_default=True, help="Runs of each contender, in turns."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the corpora here, and take those that are here; else they are deleted. All take 2 GB and 15 minutes.",
)
@click.option(
    "--from",
    "measured",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure nothing: show what --json wrote. Several times: the rows of them all.",
)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write every run's figures here.")
@click.option(
    "--page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write the tables into this page, between its two `measured` marks, and the picture into images/ beside it.",
)
def main(
    rows: Sequence[str],
    seed: int,
    events: int,
    few: int,
    principals: int,
    accounts: int,
    odd: float,
    runs: int,
    folder: Path | None,
    measured: Sequence[Path],
    out: Path | None,
    page: Path | None,
) -> None:
    """Measure every step at an organisation's scale, ours beside its peers, in turns."""
    size = replace(SIZE, principals=principals, robots=principals * 3 // 10, accounts=accounts, odd=odd)
    if measured:
        done = [Done.read(each) for each in measured]
    else:
        command = _command(rows, _given(seed, events, few, size, runs))
        with tempfile.TemporaryDirectory(prefix="bench-speed-") as temporary:
            work = Path(temporary)
            try:
                corpus = Corpus(folder or work / "corpora", size, seed)
            except ValueError as error:
                raise click.ClickException(f"{error}; name another --folder") from error
            setting = Setting(corpus, events, min(few, events), runs, lambda line: click.echo(line, err=True), work)
            done = [Done(_machine(), command, [ROWS[row](setting) for row in ROWS if row in (rows or ROWS)])]
    found = sorted((each for one in done for each in one.sections), key=lambda each: list(ROWS).index(each.name))
    report = _report(found, done)
    click.echo(report)
    if out:
        said = {"machine": done[0].machine, "command": done[0].command, "sections": [each.row() for each in found]}
        out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    if page:
        _write_into(page, report, tables.draw(found, page.parent / "images"))
    if wrong := tables.disagreeing(found):
        raise click.ClickException(f"these answer otherwise than the rest: {'; '.join(wrong)}")


@dataclass(frozen=True)
class Done:
    """What one command measured, and on what machine."""

    machine: str
    command: str
    sections: Sequence[Section]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what `--json` wrote."""
        said = json.loads(path.read_text(encoding="utf-8"))
        return cls(said["machine"], said["command"], [Section.read(row) for row in said["sections"]])


def _given(seed: int, events: int, few: int, size: Size, runs: int) -> dict[str, Any]:
    """What the options say, by their names."""
    callers = {"principals": size.principals, "accounts": size.accounts, "odd": size.odd}
    return {"seed": seed, "events": events, "few": few, **callers, "runs": runs}


USUAL = _given(1, SIZE.events, FEW, SIZE, RUNS)


def _command(rows: Sequence[str], given: Mapping[str, Any]) -> str:
    """The command that measures the same again."""
    words = [
        *(f"--row {row}" for row in rows),
        *(f"--{name} {value}" for name, value in given.items() if value != USUAL[name]),
    ]
    return " ".join(["uv run --group bench python -m bench.speed", *words])


def _machine() -> str:
    return f"{machine()}, DuckDB {duckdb.__version__}, pandas {pd.__version__}"


def _report(found: Sequence[Section], done: Sequence[Done]) -> str:
    """The tables, as they are printed and as they stand in the page."""
    return "\n\n".join(
        [
            tables.goals(found),
            "Every contender; medians of runs in turns, the fastest and the slowest in brackets:",
            tables.figures(found),
            tables.sizes(found),
            *(f"Measured by `{each.command}` on {each.machine}." for each in done),
        ]
    )


def _write_into(page: Path, report: str, picture: Path | None) -> None:
    text = page.read_text(encoding="utf-8")
    said = "What others take of a processor, as a multiple of ours"
    shown = f"![{said}]({picture.relative_to(page.parent).as_posix()})\n\n" if picture else ""
    written, times = MEASURED.subn(lambda _: f"\n{shown}{report}\n\n", text)
    if times != 1:
        raise click.ClickException(f"{page} has no `<!-- measured -->` with an `<!-- end of measured -->` after it")
    page.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
