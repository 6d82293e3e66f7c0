"""What the rows read: objects of one window, the databases that place it, and states that remember 7 or 90 days."""

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from bench.judge.organisation import Size
from bench.speed.organisation import ASN, CITY, SIZE, Organisation, write_databases
from bench.speed.records import Shape, as_read, complete, write
from bench.speed.state import multiply, remember
from prefect_cloudtrail.geo import Geo


@dataclass(frozen=True)
class Window:
    """One window's objects as they were delivered: how many, their bytes as stored and as JSON, and their records."""

    trail: Path
    objects: int
    stored_bytes: int
    json_bytes: int
    events: int

    @classmethod
    def of(cls, trail: Path) -> Self:
        """Return the window that was written to this folder."""
        return cls(trail, **json.loads(trail.with_suffix(".json").read_text(encoding="utf-8")))

    @property
    def drawn(self) -> pl.DataFrame:
        """EVENTS that reading must give, in the source's order."""
        return pl.read_parquet(self.trail.with_suffix(".parquet"))


@dataclass(frozen=True)
class Corpus:
    """A folder of corpora, each written when it is first asked for, and kept there.

    `size` and `seed` are of all of them: a folder that holds others is refused.
    """

    folder: Path
    size: Size = SIZE
    seed: int = 1

    def __post_init__(self) -> None:
        said = self._said()
        if self._note.exists() and self._note.read_text(encoding="utf-8") != said:
            raise ValueError(f"{self.folder} holds another organisation than {said}")

    @property
    def _note(self) -> Path:
        return self.folder / "organisation.json"

    def _said(self) -> str:
        """What tells one organisation from another: not how many events a window has, and how odd they are."""
        size = {name: value for name, value in asdict(self.size).items() if name not in {"events", "odd"}}
        return json.dumps({"seed": self.seed, **size})

    def _prepare(self) -> None:
        if not self._note.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_databases(self.folder, self.size, self.seed)
            self._note.write_text(self._said(), encoding="utf-8")

    @property
    def city_db(self) -> Path:
        """Where the networks are."""
        return self.folder / CITY

    @property
    def asn_db(self) -> Path:
        """Who runs them."""
        return self.folder / ASN

    def window(self, shape: Shape = "usual", events: int | None = None) -> Window:
        """Return the window's objects, of this shape; fewer events are another draw of the same organisation."""
        self._prepare()
        size = self.size if events is None else replace(self.size, events=events)
        trail = self.folder / f"{shape}-{size.events}{'' if size.odd == 1 else f'-odd-{round(size.odd * 10_000)}'}"
        note = trail.with_suffix(".json")
        if not note.exists():
            shutil.rmtree(trail, ignore_errors=True)
            chance = np.random.default_rng((self.seed, 1))
            drawn = complete(Organisation(self.seed, size, self.folder).window(), chance)
            laid, json_bytes = write(drawn, trail, shape, chance)
            as_read(laid).write_parquet(trail.with_suffix(".parquet"))
            stored = [path.stat().st_size for path in trail.rglob("*.gz")]
            said = {
                "objects": len(stored),
                "stored_bytes": sum(stored),
                "json_bytes": json_bytes,
                "events": laid.height,
            }
            note.write_text(json.dumps(said), encoding="utf-8")
        return Window.of(trail)

    def state(self, days: int = 90, times: int = 1) -> Path:
        """Return a state folder that remembers so many days of so many organisations like this one; copy it first."""
        self._prepare()
        state = self.folder / f"state-{days}-days-{times}-times"
        if not state.exists():
            making = state.with_suffix(".part")
            shutil.rmtree(making, ignore_errors=True)
            geo = Geo.open(self.city_db, self.asn_db)
            if times == 1:
                remember(Organisation(self.seed, self.size, self.folder), geo, making, days)
            else:
                multiply(self.state(days), times, making, geo)
            making.rename(state)
        return state
