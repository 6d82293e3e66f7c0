"""Which plans an incident calls for: routed by the kind of its principal; what a guard refuses is kept with why."""

from collections.abc import Callable
from dataclasses import dataclass

from prefect_cloudtrail.errors import ResponseError
from prefect_cloudtrail.response.guards import refusal
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.plans import Case, planners
from prefect_cloudtrail.response.rules import Rules

Refuses = Callable[[Plan], str | None]


@dataclass(frozen=True)
class Refusal:
    """A plan that a guard does not let be asked for, and why in a sentence."""

    plan: Plan
    why: str


@dataclass(frozen=True)
class Proposal:
    """What may be asked for, the first first, and what may not."""

    plans: tuple[Plan, ...] = ()
    refused: tuple[Refusal, ...] = ()


def propose(case: Case, rules: Rules) -> tuple[Plan, ...]:
    """Return the plans that may be asked for, the first first.

    Raises:
        ResponseError: nobody plans for this kind of principal.
    """
    return proposal(case, rules).plans


def proposal(case: Case, rules: Rules) -> Proposal:
    """Return what the incident calls for, and what the guards refuse of it.

    Raises:
        ResponseError: nobody plans for this kind of principal.
    """
    return weigh(case, lambda plan: refusal(plan, rules))


def weigh(case: Case, refuses: Refuses) -> Proposal:
    """Return what the incident calls for, and apart what a guard refuses: it is never dropped in silence.

    Args:
        case: the incident, what its principal did, and how it stands.
        refuses: says why a plan may not be asked for; None where it may.

    Raises:
        ResponseError: nobody plans for this kind of principal.
    """
    kind = case.incident.principal_kind
    planner = planners().get(kind)
    if planner is None:
        raise ResponseError(f"nobody plans for a {kind} ({case.incident.incident_id}): add it to response/plans")
    answered = [(plan, refuses(plan)) for plan in planner.propose(case)]
    return Proposal(
        plans=tuple(plan for plan, why in answered if why is None),
        refused=tuple(Refusal(plan, why) for plan, why in answered if why is not None),
    )
