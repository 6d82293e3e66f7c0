"""A responder with a stolen key before it, and a clock that a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.drills.robbery import Robbery
from prefect_cloudtrail.response.containing import CarriedOut
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.responder import Plane
from prefect_cloudtrail.store import Store


@dataclass
class Clock:
    """The time, which a test moves."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Site:
    """The robbery, the responder's plane and its clock."""

    robbery: Robbery
    plane: Plane
    clock: Clock

    @property
    def store(self) -> Store:
        return self.plane.store

    def approve(self, plan: Plan | None = None) -> str:
        """Return the decision of two people who approved a plan."""
        answer = self.robbery.approve(self.store, self.robbery.ask(self.store, plan))
        assert answer.outcome == "approved"
        return str(answer.decision_id)

    def contain(self, plan: Plan | None = None) -> CarriedOut:
        return self.plane.contain(self.approve(plan))

    def rule(self, line: str) -> None:
        """Add a line to the responder's file."""
        with (self.robbery.folder / "rules.toml").open("a") as file:
            file.write(f"{line}\n")
