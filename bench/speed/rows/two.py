"""Reading in two processes, as `detect` does, against reading in one: placed, named and sent back."""

import os
from collections.abc import Sequence
from pathlib import Path

from bench.speed.corpus import Window
from bench.speed.organisation import ASN, CITY, UNTIL
from bench.speed.sections import Line, Section, Setting
from bench.speed.taken import Taken, in_its_own_process, in_turns, timed
from prefect_cloudtrail import parts
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options

ONE, TWO = "one process", "two processes"


def section(setting: Setting) -> Section:
    """Return how much sooner two are done."""
    window = setting.corpus.window(events=setting.events)
    given = {"trail": str(window.trail), "databases": str(setting.corpus.city_db.parent)}
    found = in_turns([ONE, TWO], setting.runs, lambda each: in_its_own_process("two", each, given), setting.tell)
    one, two = found
    said = f"{one.seconds:.2f} s, two {two.seconds:.2f} s; of processors {one.cpu:.2f} and {two.cpu:.2f}"
    line = Line.times("reading and placing, two processes against one", said, one.seconds / two.seconds, 1.7)
    return Section("two", f"{window.events:,} records, read by {os.cpu_count()} cores.", found, [line])


def measured(contender: str, trail: str, databases: str) -> Taken:
    """Return what reading the window took, the start of the processes and what they send back included."""
    window, folder = Window.of(Path(trail)), Path(databases)
    source = FolderSource(window.trail)
    objects = source.list()
    asked = parts.Asked(Geo.open(folder / CITY, folder / ASN), UNTIL, None, None, Options(until=UNTIL).look_back, {})
    reading = parts.in_this_process if contender == ONE else parts.in_processes(2)

    def work() -> Sequence[parts.Part]:
        return [part for _, part in reading(source, objects, asked)]

    def events(found: Sequence[parts.Part]) -> int:
        return sum(part.rows().select("high").collect().height for part in found)

    return timed(work, lambda found: events(found) == window.events, lambda _: {"events": window.events})
