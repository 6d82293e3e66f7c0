"""The drill of responders that are at it at once: of several processes on one case store, each step is done by one.

Two to four responders start at the same moment over the same approved plan, due watch or approved undo. In every third
round one of them is killed on the way, and all look once more. What they leave must be what one alone leaves.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.drills.databases import empty_database
from bench.drills.response import (
    KILLED,
    NEVER,
    Contents,
    begin,
    contents,
    ended,
    prepare,
    undisturbed,
)
from bench.drills.robbery import Robbery, aws, robbed

Say = Callable[[str], None]
WORK = ("contain", "watch", "undo")
MOST = 4
KILLS_EVERY = 3


@dataclass
class Tally:
    """What the drill did and found."""

    rounds: int = 0
    started: int = 0
    kills: int = 0
    applied: Counter[str] = field(default_factory=Counter)  # rows of the audit
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "rounds": self.rounds,
            "started": self.started,
            "kills": self.kills,
            "audit": dict(self.applied),
            "differences": self.differences,
        }


def crowd(server: str | None, rounds: int, seed: int, say: Say) -> Tally:
    """Return what came of so many rounds in which several responders are at one piece of work."""
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    with TemporaryDirectory(prefix="drill-") as folder, aws() as endpoint:
        alone = robbed(Path(folder) / "alone", endpoint)
        expected, marks = undisturbed(alone, WORK)
        expected_audit = _done(alone)
        for tally.rounds in range(1, rounds + 1):
            with empty_database(server) as database:
                robbery = robbed(Path(folder) / str(tally.rounds), endpoint, database)
                killed = _together(robbery, marks, chance, tally)
                found, audit = contents(robbery), _done(robbery)
            tally.applied.update(audit)
            differences = _differences(found, expected)
            # A killed one may have done a step, and not have written that it did: the next does and writes it again.
            if not killed and audit != expected_audit:
                differences.append(f"the audit says {dict(audit)}, not {dict(expected_audit)}")
            tally.differences += [f"round {tally.rounds}: {each}" for each in differences]
            say(f"round {tally.rounds}: {tally.started} responders, {len(tally.differences)} differences")
    return tally


def _together(robbery: Robbery, marks: dict[str, int], chance: Random, tally: Tally) -> bool:
    """Have several do each piece of work at once, and return whether one was killed."""
    killed = False
    for work in (*WORK, "watch"):
        prepare(robbery, work)
        kills = tally.rounds % KILLS_EVERY == 0
        ends = [chance.randint(1, marks[work]) if kills and not number else NEVER for number in range(MOST)]
        crew = [begin(robbery, work, kill_at) for kill_at in ends[: chance.randint(2, MOST)]]
        tally.started += len(crew)
        statuses = [ended(each, work)[0] for each in crew]
        tally.kills += statuses.count(KILLED)
        killed = killed or KILLED in statuses
        tally.differences += [
            f"round {tally.rounds}: a responder that nobody killed ended {work} with {each}"
            for each in statuses
            if each not in {0, KILLED}
        ]
        # Whoever gave way looks again a second later; here it is asked to.
        ended(begin(robbery, work, NEVER), work)
    return killed


def _done(robbery: Robbery) -> Counter[str]:
    """Return how often the audit says that a step was done."""
    with robbery.open() as store:
        kinds = [row.kind for row in store.responses.audit_rows()]
    return Counter(each for each in kinds if each in {"step started", "step applied", "step undone"})


def _differences(found: Contents, expected: Contents) -> list[str]:
    return [f"{part} is {found[part]!r}, not {value!r}" for part, value in expected.items() if found[part] != value]
