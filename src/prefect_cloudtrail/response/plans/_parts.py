"""What the plans of several kinds of principal are made of: steps, and the sentences that go with them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect_cloudtrail.context.trace import Session
from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import Case

FENCE, DISABLE, REVOKE, QUARANTINE = "fence_principal", "disable_access_keys", "revoke_sessions", "quarantine_principal"

# Roles that only AWS changes, and those that Identity Center writes again.
_NOT_OURS = ("AWSServiceRoleFor", "AWSReservedSSO_")


@dataclass(frozen=True)
class Hops:
    """What is done about the sessions that credentials were traded for."""

    steps: tuple[Step, ...] = ()
    manual: tuple[ManualStep, ...] = ()
    does: tuple[str, ...] = ()
    survives: tuple[str, ...] = ()


# --- words ------------------------------------------------------------------------------------------------------------


def name_of(arn: str) -> str:
    """Return an ARN's user or role name, without its path."""
    return arn.rpartition("/")[2]


def account_of(arn: str) -> str:
    """Return an ARN's account."""
    return arn.split(":")[4]


def at(moment: datetime) -> str:
    """Return a moment in words, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def number(count: int, noun: str) -> str:
    """Return how many of something."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# --- steps ------------------------------------------------------------------------------------------------------------


def deny(kind: str, arn: str) -> Step:
    """Return the step that denies a user or role everything."""
    return Step("deny_principal", account_of(arn), arn, {"kind": kind, "name": name_of(arn)})


def revoke(role: str, **only: str) -> Step:
    """Return the step that ends a role's sessions of until now: of one `user_id` or `instance_arn`, or all."""
    return Step("revoke_sessions", account_of(role), role, {"role_name": name_of(role)} | only)


def once(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return each step once, in order."""
    given = list(steps)
    return tuple(step for position, step in enumerate(given) if step not in given[:position])


def only_aws_changes(role: str) -> bool:
    """Return whether a role is service-linked or Identity Center's: no policy of ours stays on it."""
    return name_of(role).startswith(_NOT_OURS)


def traded(case: Case, *, by_anybody: bool = False) -> tuple[Session, ...]:
    """Return the role sessions that the incident's credentials were traded for, hop by hop.

    Args:
        case: its trace has the sessions, oldest first.
        by_anybody: whoever asked for them; for incidents whose calls carry no key.
    """
    since = case.incident.first_event.replace(minute=0, second=0, microsecond=0)
    own = set(case.incident.access_key_ids)
    stolen = set(own)
    found: dict[tuple[str, str], Session] = {}
    for session in case.trace.sessions:
        is_derived = by_anybody or session.started_by in stolen
        if session.access_key_id in own or not is_derived or session.started_at < since:
            continue
        if session.access_key_id:
            stolen.add(session.access_key_id)
        is_over = session.expires_at is not None and session.expires_at <= case.incident.last_event
        if ":role/" in session.role and not is_over:
            found.setdefault((session.role, session.user_id or session.name), session)
    return tuple(found.values())


def hops(sessions: Sequence[Session]) -> Hops:
    """Return a revoke for each session that can be told apart, and a step by hand for each role whose can not."""
    steps, does = [], []
    by_hand: dict[str, list[Session]] = defaultdict(list)
    for session in sessions:
        if session.user_id and not only_aws_changes(session.role):
            steps.append(revoke(session.role, user_id=session.user_id))
            does.append(f"Revoke {_in_words(session)}, begun at {at(session.started_at)}.")
        else:
            by_hand[session.role].append(session)
    said = "A session traded for another can be renewed for up to an hour while it lives: so the source goes first."
    return Hops(
        steps=tuple(steps),
        manual=tuple(_ended_by_hand(role, theirs) for role, theirs in by_hand.items()),
        does=tuple(does),
        survives=(said,) if sessions else (),
    )


def _ended_by_hand(role: str, sessions: Sequence[Session]) -> ManualStep:
    why = "only AWS changes that role" if only_aws_changes(role) else "CloudTrail does not tell their user id"
    ends = [each.expires_at for each in sessions]
    end = f"they end by themselves at {at(max(e for e in ends if e))}" if all(ends) else "when they end is not known"
    names = ", ".join(sorted({each.name or "without a name" for each in sessions}))
    return ManualStep(
        f"end_sessions_of_{name_of(role)}",
        f"End the sessions {names} of role {name_of(role)} in account {account_of(role)}, which stolen credentials "
        f"were traded for. No step does it, since {why}; {end}.",
    )


def _in_words(session: Session) -> str:
    account = account_of(session.role)
    return f"session {session.name or 'without a name'} of role {name_of(session.role)} in account {account}"


# --- whole plans ------------------------------------------------------------------------------------------------------


def plan(
    case: Case,
    playbook: str,
    steps: Iterable[Step] = (),
    *,
    manual: Iterable[ManualStep] = (),
    approvers: int = 1,
    why_two: str | None = None,
    does: Iterable[str] = (),
    breaks: Iterable[str] = (),
    survives: Iterable[str] = (),
    stops_service: bool = False,
) -> Plan:
    """Return a plan against the incident's principal, with what is not known and who is left alone."""
    return Plan(
        playbook=playbook,
        incident_id=case.incident.incident_id,
        principal=case.incident.principal,
        steps=tuple(steps),
        manual=tuple(manual),
        approvers=approvers,
        why_two=why_two,
        does=tuple(does),
        breaks=(*breaks, *(f"Not known: {what}, since {why}." for what, why in case.standing.unknown.items())),
        survives=(*survives, *_left_alone(case)),
        stops_service=stops_service,
    )


def quarantined(case: Case, kind: str, arn: str) -> Plan:
    """Return the plan that stops less than all a user or role does."""
    who = f"{kind} {name_of(arn)}"
    return plan(
        case,
        QUARANTINE,
        (Step("quarantine_principal", account_of(arn), arn, {"kind": kind, "name": name_of(arn)}),),
        does=(f"Deny {who} what AWS denies a leaked key: making users, keys, machines, and taking data from S3.",),
        breaks=(f"Whatever does such things as {who} stops.", *in_use(case)),
        survives=(f"All else that {who} may do goes on: an intruder still looks around, and reads what is not in S3.",),
        stops_service=was_in_use(case),
    )


def by_hand(case: Case, *manual: ManualStep, why: str) -> tuple[Plan, ...]:
    """Return the plan where nothing can be done in AWS: steps by hand, and why."""
    return (plan(case, QUARANTINE, manual=manual, does=(why,), survives=("All goes on until this is done.",)),)


def was_in_use(case: Case) -> bool:
    """Return whether somebody worked as the principal from its usual networks within the day."""
    return case.trace.usual_calls_at is not None


def in_use(case: Case) -> tuple[str, ...]:
    """Return in a sentence who else works as the principal."""
    last = case.trace.usual_calls_at
    if last is not None:
        return (f"It was used from its usual networks at {at(last)}: that work is hurt too.",)
    if case.trace.incomplete:
        return ("Whether it was used from its usual networks is not known: not all of its calls could be read.",)
    return ("It was not used from its usual networks within a day.",)


def _left_alone(case: Case) -> Iterable[str]:
    if case.trace.incomplete:
        yield f"Not all that it did could be read, so more may go on than is named here: {case.trace.incomplete}."
    others = sorted({alert.principal for alert in case.incident.alerts} - {case.incident.principal})
    for other in others:
        yield f"{other} is of the same person and raised alerts, too: nothing is done to it."
