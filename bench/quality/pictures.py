"""The page's pictures: precision and recall of ours and both peers, and how honest the risks are."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.quality.calibration import Band, bands
from bench.quality.judge import TOLD_FROM, Reading, curve
from bench.quality.measure import CONTENDERS, OURS, Measured

PRECISION_RECALL = "precision-recall.png"
RELIABILITY = "reliability.png"

INCHES = (8.0, 4.6)
DOTS_PER_INCH = 150
LAST_BAND = 0.95
COLOURS: dict[str, str] = dict(zip(CONTENDERS, ("#0b6e4f", "#b3541e", "#4a5a8a"), strict=True))
GREY = "#6b7280"
MIDDLE, NEAR_EDGE = 0.5, 0.3  # where on its curve a name stands, as a recall
NO_ROOM_BELOW = 0.15  # as a precision
DEVIATIONS = 1.96  # 95 % of a normal distribution


def draw(measured: Sequence[Measured], folder: Path) -> dict[Path, str]:
    """Write both pictures into the folder, made where it is missing, and return where they are and what each shows.

    Equal figures give equal bytes with the same matplotlib.

    Args:
        measured: every contender on every organisation.
        folder: where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(
        {
            "font.family": "DejaVu Sans",  # matplotlib's own: the same everywhere
            "font.size": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": GREY,
            "axes.grid": True,
            "grid.color": "#e5e7eb",
        }
    ):
        return {
            _save(precision_recall(measured), folder / PRECISION_RECALL): (
                "Reading from the highest risk down, all organisations together: the share of thefts met, and the "
                "share of incidents read that are thefts. At the dot the risk is 20 %: so far people are told."
            ),
            _save(reliability(measured), folder / RELIABILITY): (
                "Our incidents by band of risk: what they were rated on average, and how many were thefts; the line is "
                "where that share may truly be, 95 times of 100 (Wilson's interval)."
            ),
        }


def precision_recall(measured: Sequence[Measured]) -> Figure:
    """Return each contender's curve over all organisations read together; the dot is as far as people are told."""
    figure, axes = _axes("Precision and recall, read from the highest risk down (dot: risk of 20 %)")
    axes.set_xlabel("thefts met (recall)")
    axes.set_ylabel("incidents that are thefts (precision)")
    for contender in CONTENDERS:
        mine = [each for each in measured if each.contender == contender]
        thefts = sum(each.figures.thefts for each in mine)
        points = curve([each.ranking for each in mine], thefts) if thefts else []
        if points:
            _line(axes, contender, points)
    return figure


def reliability(measured: Sequence[Measured]) -> Figure:
    """Return our risks against the share of thefts, a point a band of risk, with how many incidents it holds."""
    figure, axes = _axes("Risk given, and the share that were thefts")
    axes.set_xlabel("mean risk of the incidents in a band")
    axes.set_ylabel("share of them that were thefts")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.text(
        0.4,
        0.385,
        "the risk is the share",
        color=GREY,
        ha="center",
        va="top",
        rotation=45,
        rotation_mode="anchor",
        transform_rotates_text=True,
    )
    rated = [
        (each.raised.risk, bool(each.stands_for)) for of in measured if of.contender == OURS for each in of.ranking
    ]
    for band in bands(rated):
        low, high = interval(band)
        axes.plot([band.mean_risk] * 2, [low, high], color=COLOURS[OURS], linewidth=1.4, alpha=0.6)
        axes.plot(band.mean_risk, band.share, color=COLOURS[OURS], marker="o", markersize=7)
        counts = f"{band.thefts} of {band.incidents}"
        # The last two bands are close: the last one's counts stand below.
        at, offset = (low, -16) if band.mean_risk > LAST_BAND else (high, 4)
        axes.annotate(
            counts, (band.mean_risk, at), (0, offset), textcoords="offset points", color=COLOURS[OURS], ha="center"
        )
    return figure


def interval(band: Band) -> tuple[float, float]:
    """Return between what the share of thefts may truly be, 95 times of 100 (Wilson's interval)."""
    n, share, z = band.incidents, band.share, DEVIATIONS
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _axes(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axes.set_xlim(-0.05, 1.05)
    axes.set_ylim(-0.03, 1.1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure, axes


def _line(axes: Axes, contender: str, points: Sequence[Reading]) -> None:
    """One contender's curve, its name beside it, and how far down people are told; a point where it rates nothing."""
    colour = COLOURS[contender]
    recalls, precisions = [each.recall for each in points], [each.precision for each in points]
    axes.plot(recalls, precisions, color=colour, linewidth=2.2)
    told = [each for each in points if each.risk >= TOLD_FROM]
    if told:
        axes.plot(told[-1].recall, told[-1].precision, color=colour, marker="o", markersize=7)
    middle = min(points, key=lambda each: abs(each.recall - MIDDLE))
    right = middle.recall > MIDDLE + NEAR_EDGE
    axes.annotate(
        contender,
        (middle.recall, middle.precision),
        (-10 if right else 10, 8 if middle.precision < NO_ROOM_BELOW else -18),
        textcoords="offset points",
        color=colour,
        fontweight="bold",
        ha="right" if right else "left",
    )


def _save(figure: Figure, path: Path) -> Path:
    # A picture that says when it was made would differ each time.
    figure.savefig(path, format="png", metadata={"Software": None})
    return path
