"""The commands: `python -m bench.fit weights` and `python -m bench.fit k`."""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from bench.fit import contexts, rankings, tables
from bench.fit.learned import learn
from bench.fit.leave_out import COSTS_AT_MOST, MOVES_AT_MOST, LeftOut, leave_out
from bench.fit.prior import calibrate, theft_counts, told
from bench.fit.rankings import JudgedWorld
from bench.fit.together import fit_together
from bench.fit.weights import Fitted, by_strength, count, evidence, rate
from bench.quality.calibration import bands
from bench.quality.measure import Measured, measure_all
from bench.quality.tables import machine
from bench.quality.worlds import SHAPES, World, generated
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.errors import CloudTrailResponseError, SettingsError
from prefect_cloudtrail.evidence import pieces
from prefect_cloudtrail.risk import PRIOR_NEW_PLACE, WEIGHTS, probability
from prefect_cloudtrail.rule import POSSIBLE

SEEDS = (1, 2, 3, 4, 5)


def which(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which organisations to look at."""
    shapes = click.option(
        "--organisation", "shapes", multiple=True, type=click.Choice(list(SHAPES)), help="A shape; all by default."
    )
    seeds = click.option("--seed", "seeds", multiple=True, type=int, help=f"A seed of each shape.  [default: {SEEDS}]")
    return shapes(seeds(command))


def worlds_of(shapes: Sequence[str], seeds: Sequence[int]) -> list[World]:
    """Return the organisations that were chosen."""
    return [generated(shape, seed) for shape in shapes or SHAPES for seed in seeds or SEEDS]


@click.group(context_settings={"max_content_width": 110})
def main() -> None:
    """Fit the numbers of detection on generated organisations; print them, change nothing."""


@main.command()
@which
@click.option("--processes", type=click.IntRange(1, 2), default=2, show_default=True, help="Worlds at a time.")
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write what was counted here.")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fit this again, which --json wrote (that of bench.quality will do), instead of running anything.",
)
def weights(shapes: Sequence[str], seeds: Sequence[int], processes: int, out: Path | None, source: Path | None) -> None:
    """Fit what each piece of evidence weighs."""
    try:
        if source and (shapes or seeds or out):
            raise SettingsError("--from fits what a file holds: leave out --organisation, --seed and --json")
        worlds = rankings.read(source, WEIGHTS) if source else _measured(worlds_of(shapes, seeds), processes, out)
        report = report_weights(worlds)
    except CloudTrailResponseError as error:
        raise click.ClickException(str(error)) from error
    click.echo(report)


def _measured(worlds: Sequence[World], processes: int, out: Path | None) -> list[JudgedWorld]:
    # Two processes, each with a thread for every core, only get in each other's way.
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    rows = [each.row() for each in measure_all(worlds, processes, None, _tell, peers_too=False)]
    if out:
        out.write_text(json.dumps({"machine": machine(), "measured": rows}, indent=1) + "\n", encoding="utf-8")
    return rankings.of_rows(rows)


def _tell(of_one_world: Sequence[Measured]) -> None:
    for each in of_one_world:
        click.echo(f"{each.world.name}: {each.figures.incidents} incidents, {each.figures.thefts} thefts", err=True)


def report_weights(worlds: Sequence[JudgedWorld]) -> str:
    """Return what `weights` prints.

    Raises:
        SettingsError: there are no thefts, or no innocents, to compare.
    """
    groups = {name: piece.GROUP for name, piece in pieces().items()}
    incidents = [each for world in worlds for each in world.incidents if each.weighed]
    rankings.at_least_two(worlds)
    if {each.true for each in incidents} != {True, False}:
        raise SettingsError("these organisations have no thefts, or no innocents, to compare: add a --seed")
    together = fit_together(incidents, WEIGHTS, groups, PRIOR_NEW_PLACE)
    fitted = Fitted(together, count(incidents, by_strength(together), groups))
    order = by_strength(fitted.weights)
    weighed = [(evidence(each, order, fitted.weights, groups), each.true) for each in incidents]
    rarer = theft_counts(weighed, PRIOR_NEW_PLACE)
    above, below = told(weighed, PRIOR_NEW_PLACE)
    calibrations = {
        f"{name}{how}": calibrate(part, PRIOR_NEW_PLACE, counts)
        for how, counts in (("", 1.0), (", thefts as rare as the prior says", rarer))
        for name, part in (("all", weighed), ("told", above), ("not told", below))
    }
    risks = rate(incidents, fitted.weights, groups, PRIOR_NEW_PLACE)
    left = leave_out(worlds, fitted.weights, WEIGHTS, groups, PRIOR_NEW_PLACE)
    prior = f"{PRIOR_NEW_PLACE:+.0f} dB ({probability(PRIOR_NEW_PLACE):.1%})"
    counted = f"{len(incidents)} incidents with a new place in {len(worlds)} organisations"
    parts = [
        f"{counted}. A piece is counted where it is the strongest of its group that held.",
        tables.weights(fitted, WEIGHTS, groups),
        tables.paste(fitted),
        f"Risks at the prior of {prior}, and the prior at which their mean would be the share of thefts:",
        tables.priors(calibrations),
        f"Reliability at the prior of {prior}:",
        tables.reliability(bands(list(zip(risks, (each.true for each in incidents), strict=True)))),
        "Each organisation with today's weights, with those fitted on all, and with those fitted without its shape:",
        tables.left_out(left),
        _verdict(left, fitted),
    ]
    return "\n\n".join(parts)


def _verdict(left: Sequence[LeftOut], fitted: Fitted) -> str:
    dearest = max(left, key=lambda each: each.cost)
    farthest = max(left, key=lambda each: abs(each.moved[1]))
    cost, (name, moved) = max(dearest.cost, 0.0), farthest.moved
    held = "held" if cost <= COSTS_AT_MOST and abs(moved) <= MOVES_AT_MOST else "NOT held"
    return (
        f"Leaving a shape out costs at most {cost:.3f} of average precision ({dearest.world.name}; the limit is "
        f"{COSTS_AT_MOST}) and moves a weight by at most {abs(moved):.1f} dB ({name}, {fitted.weights[name]:+.1f} dB, "
        f"without {farthest.world.name}; the limit is {MOVES_AT_MOST:.0f} dB): {held}."
    )


@main.command()
@which
@click.option("--rule", "names", multiple=True, type=click.Choice(list(rules())), help="A rule; all by default.")
def k(shapes: Sequence[str], seeds: Sequence[int], names: Sequence[str]) -> None:
    """Fit how much a wider context counts, on the learning days, without labels."""
    chosen = [rule for rule in rules().values() if rule.levels[0] in POSSIBLE and (not names or rule.name in names)]
    worlds = worlds_of(shapes, seeds)
    try:
        rankings.at_least_two(worlds)
        learned = []
        for world in worlds:
            with tempfile.TemporaryDirectory(prefix="bench-fit-") as home:
                learned.append(learn(world, Path(home), chosen))
            click.echo(f"{world.name}: {sum(len(rows.n) for rows in learned[-1].values())} rows", err=True)
    except CloudTrailResponseError as error:
        raise click.ClickException(str(error)) from error
    found = []
    for rule in chosen:
        parts = [rows[rule.name] for rows in learned if rule.name in rows]
        if parts:
            today = tuple(each.k for each in rule.contexts)
            ks = contexts.fit(parts, today)
            found.append(
                tables.FittedRule(
                    rule,
                    sum(len(part.n) for part in parts),
                    len(parts),
                    ks,
                    contexts.loss(parts, today),
                    contexts.loss(parts, ks),
                )
            )
    click.echo(tables.contexts(found))


if __name__ == "__main__":
    main()
