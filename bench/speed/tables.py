"""The goals and every contender's figures, as tables that are Markdown, and as a picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.quality.tables import table
from bench.speed.sections import Line, Section

PICTURE = "performance.png"
GOALS = ("what", "measured", "found", "goal", "met")
FIGURES = ("row", "contender", "seconds", "of a processor", "MB at most", "answers alike")
RIGHT = frozenset({"found", "seconds", "of a processor", "MB at most"})
SHOWN = ("read", "fetch", "place", "detect")  # in the picture: where there is a peer
GREEN, BROWN, GREY = "#0b6e4f", "#b3541e", "#6b7280"
INCHES, DOTS_PER_INCH = (8.0, 6.4), 150


def goals(sections: Sequence[Section]) -> str:
    """Return a row for every goal."""
    return table(GOALS, [_goal(line) for section in sections for line in section.lines], RIGHT)


def figures(sections: Sequence[Section]) -> str:
    """Return a row for every contender: medians, and the least and most of the seconds in brackets."""
    rows = []
    for section in sections:
        for each in section.contenders:
            if not each.runs:
                rows.append((section.name, each.name, f"left out: {each.left_out}", "", "", ""))
                continue
            seconds = [run.seconds for run in each.runs]
            spread = f" ({min(seconds):.2f}-{max(seconds):.2f})" if len(seconds) > 1 else ""
            memory = f"{each.peak_mb:,}" if each.peak_mb else "-"
            agrees = {True: "yes", False: "no", None: "-"}[each.agrees]
            rows.append((section.name, each.name, f"{each.seconds:.2f}{spread}", f"{each.cpu:.2f}", memory, agrees))
    return table(FIGURES, rows, RIGHT)


def sizes(sections: Sequence[Section]) -> str:
    """Return what each row was measured on."""
    return "\n".join(f"- {section.name}: {section.size}" for section in sections)


def disagreeing(sections: Sequence[Section]) -> list[str]:
    """Return the contenders whose answer was not everybody's."""
    return [
        f"{section.name}: {each.name}" for section in sections for each in section.contenders if each.agrees is False
    ]


def _goal(line: Line) -> tuple[str, ...]:
    met = {True: "yes", False: "no", None: "-"}[line.met]
    return (line.what, line.figures, "-" if line.found is None else f"{line.found:g}", line.goal, met)


def draw(sections: Sequence[Section], folder: Path) -> Path | None:
    """Write the picture into the folder and return where; None where nothing with a peer was measured.

    Equal figures give equal bytes with the same matplotlib.
    """
    bars = [
        (f"{section.name}: {each.name}", each.cpu / section.contenders[0].cpu)
        for section in sections
        if section.name in SHOWN
        for each in section.contenders[1:]
        if each.runs and section.contenders[0].cpu
    ]
    if not bars:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 10, "axes.spines.top": False}):
        figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
        axes = figure.subplots()
        axes.set_title("What others take of a processor, as a multiple of ours", loc="left")
        axes.set_xscale("log")
        colours = [GREEN if times > 1 else BROWN for _, times in bars]
        axes.barh(range(len(bars)), [times - 1 for _, times in bars], left=1, color=colours)
        axes.axvline(1, color=GREY)
        axes.set_yticks(range(len(bars)), [name for name, _ in bars])
        axes.invert_yaxis()
        for at, (_, times) in enumerate(bars):
            slower = times > 1
            axes.annotate(
                f"{times:.2f}",
                (times, at),
                xytext=(4 if slower else -4, 0),
                textcoords="offset points",
                va="center",
                ha="left" if slower else "right",
                color=GREY,
            )
        least, most = min(times for _, times in bars), max(times for _, times in bars)
        axes.set_xlim(min(least, 1) / 2, max(most, 1) * 2)
        axes.set_xlabel("seconds of a processor, ours being 1: right of the line ours is faster")
        axes.spines["right"].set_visible(False)
        figure.savefig(folder / PICTURE, metadata={"Software": None})
    return folder / PICTURE
