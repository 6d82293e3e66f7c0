"""What was fitted, as tables that read well in a terminal and are Markdown; and as code to paste."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from bench.fit.leave_out import LeftOut, Quality
from bench.fit.prior import Calibration
from bench.fit.weights import Fitted, Groups, Weights
from bench.quality.calibration import Band
from bench.quality.tables import NONE, table
from prefect_cloudtrail.rule import Context, Rule


def weights(fitted: Fitted, today: Weights, groups: Groups) -> str:
    """Return a row for every piece: how often it was the strongest of its group that held, and what that weighs."""
    headings = ("evidence", "group", "thefts", "innocents", "ratio, dB", "today", "fitted")
    rows = [
        (
            name,
            groups[name],
            f"{ratio.true} of {ratio.all_true}",
            f"{ratio.false} of {ratio.all_false}",
            f"{ratio.decibans:+.1f}",
            f"{today[name]:+.1f}",
            f"{fitted.weights[name]:+.1f}",
        )
        for name, ratio in sorted(fitted.ratios.items(), key=lambda pair: (groups[pair[0]], -abs(pair[1].decibans)))
    ]
    return table(headings, rows, frozenset(headings[2:]))


def paste(fitted: Fitted) -> str:
    """Return the weights as `risk.WEIGHTS`, each with how often it counted for thefts and for innocents."""
    lines = [
        f'    "{name}": {weight or 0.0},  # {ratio.true} of {ratio.all_true}, {ratio.false} of {ratio.all_false}'
        for name, weight in fitted.weights.items()
        for ratio in [fitted.ratios[name]]
    ]
    return "\n".join(["WEIGHTS = {", *lines, "}"])


def left_out(found: Sequence[LeftOut]) -> str:
    """Return a row for every organisation: with today's weights, with those fitted on all, and on all but it."""
    headings = (
        "organisation",
        "thefts",
        "average precision: today",
        "fitted",
        "without it",
        "told thefts: today",
        "fitted",
        "without it",
        "innocents told a week: today",
        "fitted",
        "without it",
        "moves most",
        "by, dB",
    )
    rows = []
    for each in found:
        three = (each.today, each.fitted, each.without)
        name, moved = each.moved
        rows.append(
            (
                each.world.name,
                str(each.world.thefts),
                *(_precision(quality) for quality in three),
                *(str(quality.told_thefts) for quality in three),
                *(f"{quality.told_false_a_week:.1f}" for quality in three),
                name,
                f"{moved:+.1f}",
            )
        )
    rows.append(_mean(found))
    return table(headings, rows, frozenset(headings[1:]) - {"moves most"})


def _mean(found: Sequence[LeftOut]) -> tuple[str, ...]:
    threes = list(zip(*((each.today, each.fitted, each.without) for each in found), strict=True))
    precisions = [[q.average_precision for q in of if q.average_precision is not None] for of in threes]
    name, moved = max((each.moved for each in found), key=lambda pair: abs(pair[1]))
    return (
        "all",
        str(sum(each.world.thefts for each in found)),
        *(f"{mean(known):.3f}" if known else NONE for known in precisions),
        *(str(sum(q.told_thefts for q in of)) for of in threes),
        *(f"{mean(q.told_false_a_week for q in of):.1f}" for of in threes),
        name,
        f"{moved:+.1f}",
    )


def _precision(quality: Quality) -> str:
    return NONE if quality.average_precision is None else f"{quality.average_precision:.3f}"


def priors(found: Mapping[str, Calibration | None]) -> str:
    """Return a row for each of these sets of incidents: what they were rated, what they were, and the honest prior."""
    headings = ("incidents", "number", "thefts", "mean risk", "share of thefts", "calibrated prior, dB")
    rows = [
        (
            name,
            f"{each.incidents:.0f}",
            f"{each.thefts:.1f}",
            f"{each.mean_risk:.3f}",
            f"{each.share:.3f}",
            NONE if each.prior is None else f"{each.prior:+.1f}",
        )
        for name, each in found.items()
        if each
    ]
    return table(headings, rows, frozenset(headings[1:]))


def reliability(bands: Sequence[Band]) -> str:
    """Return a row for each band of risk: how many incidents, and how many of them were thefts."""
    headings = ("risk", "incidents", "thefts", "mean risk", "share of thefts")
    rows = [
        (
            f"{band.low:.0%} to {band.high:.0%}",
            str(band.incidents),
            str(band.thefts),
            f"{band.mean_risk:.3f}",
            f"{band.share:.3f}",
        )
        for band in bands
    ]
    return table(headings, rows, frozenset(headings[1:]))


@dataclass(frozen=True)
class FittedRule:
    """A rule, its fitted ks, and the mean loss a row with today's and with those, in nats."""

    rule: Rule
    rows: int
    organisations: int
    ks: tuple[float, ...]
    loss_today: float
    loss: float


def contexts(found: Sequence[FittedRule]) -> str:
    """Return a row for every rule and context: k today, k fitted, and the rule's loss with either."""
    headings = ("rule", "context", "k today", "k fitted", "rows", "loss today", "loss fitted")
    rows = []
    for each in found:
        for index, (context, k) in enumerate(zip(each.rule.contexts, each.ks, strict=True)):
            first = index == 0
            rows.append(
                (
                    each.rule.name if first else "",
                    _named(context),
                    f"{context.k:g}",
                    f"{k:g}",
                    str(each.rows) if first else "",
                    f"{each.loss_today:.4f}" if first else "",
                    f"{each.loss:.4f}" if first else "",
                )
            )
    return table(headings, rows, frozenset(headings[2:]))


def _named(context: Context) -> str:
    return ", ".join(context.columns) or "organisation"
