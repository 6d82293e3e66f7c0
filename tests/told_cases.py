"""Incidents as they are told: each kind of principal, each state, and what a hostile hand wrote everywhere."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import plan_cases
from plan_cases import ACCOUNT, KEY, MANAGEMENT, OTHER_ACCOUNT, TEMPORARY, a_session, a_trace, in_use

from prefect_cloudtrail.cases import Alert, Evidence, Incident, Network, Place, Severity
from prefect_cloudtrail.context import Answer, Context
from prefect_cloudtrail.context.trace import Made, Session
from prefect_cloudtrail.response.course import Asked, Course
from prefect_cloudtrail.response.decision import (
    BreakerState,
    Choice,
    Decision,
    Request,
    Settlement,
    SettlementOutcome,
)
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.planning import propose
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.receipt import Outcome, Receipt, TrackedStep, Watch
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.standing import Assignment, Key, Standing
from prefect_cloudtrail.response.undoing import undoing
from prefect_cloudtrail.slack.message import OwnerAsked, Told

TOLD_AT = datetime(2026, 11, 24, 3, 10, 4, tzinfo=UTC)
LAST_CALL = TOLD_AT - timedelta(minutes=4, seconds=23)
FIRST_CALL = LAST_CALL - timedelta(minutes=11)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DECIDED_AT, APPLIED_AT = TOLD_AT + 76 * SECOND, TOLD_AT + 81 * SECOND
USER = f"arn:aws:iam::{ACCOUNT}:user/robots/deploy-user"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SSO_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
ANA, BO, OWNER = "slack:U0ANA", "slack:U0BO", "slack:U0OWNER"
RULES = Rules(
    approvers=(ANA, BO, "slack-group:S0SEC"),
    dry_run=False,
    owners={USER: OWNER},
    critical_accounts=(ACCOUNT,),
    management_account=MANAGEMENT,
)
GROUPS = ("S0FIRST", "S0SECOND", "S0THIRD")
LINK = "https://prefect.example.com/runs/flow-run/00000000-0000-4000-8000-000000000001"
EVIDENCE = (
    Evidence(
        "new_city_for_principal", "place", 8.0, "Never seen in Curitiba in 412 active days; usual: Rotterdam.", True
    ),
    Evidence("nobody_was_here", "organisation", 8.0, "Nobody here was ever in Curitiba, in 90 days.", True),
    Evidence("sensitive_commands", "commands", 8.0, "Persistence: iam:CreateAccessKey, new for it.", True),
    Evidence("hosting_network", "network", 8.0, "From a hosting network: Example Hosting.", True),
    Evidence("impossible_travel", "travel", 6.0, "Rotterdam and Curitiba within 4 minutes, 10,100 km apart.", True),
    Evidence("far_from_usual", "place", 5.0, "10,100 km from Rotterdam, the nearest place usual for it.", False),
    Evidence("usual_client", "client", -3.0, "The client is usual for it: aws-cli/2.31.0.", True),
)
ANSWERS = (
    Answer("planned_work", "Is this planned work?", ("No planned work covers it.",)),
    Answer("owner", "Who is the owner, to be asked?", ("slack:U0OWNER, by the rules' owners.",)),
    Answer(
        "touched",
        "What was touched in 24 hours?",
        ("1 thing written, 6 things read, by 7 records.", "Secrets and data stores among them: secretsmanager."),
        tuple({"service": "secretsmanager", "access": "read", "target": f"prod/{n}", "calls": 1} for n in range(6)),
    ),
    Answer(
        "account_role",
        "What is the account's role, and how critical is what was touched?",
        (f"{ACCOUNT} is called prod-payments.", f"Critical by the rules: {ACCOUNT}."),
    ),
    Answer(
        "ec2_address",
        "Is the address one of EC2's, and ours?",
        (
            "No instance of ours.",
            "It is no AWS range.",
            "Could not determine: the addresses of eu-west-1: not permitted.",
        ),
        undetermined="the addresses of eu-west-1: not permitted",
        looked_at="the configured regions",
    ),
    Answer(
        "mfa",
        "Was MFA used?",
        ("Could not determine: no reader role is set. Looked at: AWS.",),
        undetermined="no reader role is set",
        looked_at="AWS",
    ),
)


# --- parts ------------------------------------------------------------------------------------------------------------


def an_alert(principal: str = USER, level: str = "place", **given: Any) -> Alert:
    alert = plan_cases.an_alert("iam:CreateAccessKey", principal)
    return replace(alert, outcome="Curitiba, PR, BR", level=level, hour=FIRST_CALL, raised_at=TOLD_AT, **given)


def an_incident(principal_kind: str = "iam_user", principal: str = USER, **given: Any) -> Incident:
    made = Incident(
        incident_id="inc_48f73d4619a4405094aa",
        revision=1,
        kind="principal",
        principal=principal,
        principal_kind=principal_kind,
        person="user deploy-user",
        account_id=ACCOUNT,
        access_key_ids=(KEY,),
        places=(Place("Curitiba", "BR", -25.43, -49.27),),
        networks=(Network("203.0.113.24", 64500, "Example Hosting"),),
        first_event=FIRST_CALL,
        last_event=LAST_CALL,
        opened_at=TOLD_AT,
        closes_at=TOLD_AT + 48 * HOUR,
        risk=0.97,
        peak_risk=0.97,
        severity=Severity.CRITICAL,
        status="open",
        summary="38 calls in 11 minutes from Curitiba, BR, 12 of them unusual.",
        evidence=EVIDENCE,
        links=(),
        alerts=(an_alert(principal),),
        rises=(0.97,),
    )
    return replace(made, **given)


def a_context(incident: Incident, **given: Any) -> Context:
    made = (Made("iam:CreateAccessKey", "AKIAI44QH8DHBEXAMPLE", ACCOUNT, LAST_CALL, "aws iam delete-access-key", {}),)
    return replace(
        Context(
            incident_id=incident.incident_id,
            revision=1,
            gathered_at=TOLD_AT + 3 * SECOND,
            answers=ANSWERS,
            calls=38,
            records=7,
            sessions=(),
            made=made,
            usual_networks=("203.0.113.0/24",),
            usual_calls_at=TOLD_AT - HOUR,
            incomplete=None,
            closing=(),
            stamps=(),
        ),
        **given,
    )


def plans(incident: Incident, trace: Any = None, **standing: Any) -> tuple[Plan, ...]:
    """Return what the product itself proposes."""
    account = standing.pop("account_id", ACCOUNT)
    stands = Standing(account, standing.pop("arn", incident.principal), **standing)
    return propose(Case(incident, trace or a_trace(), stands), RULES)


def asked(plan: Plan, number: int = 1, at: datetime = TOLD_AT + 5 * SECOND, hours: float = 4) -> Asked:
    request = Request(f"req_{number:032x}", plan, at, at + hours * HOUR, at + SECOND)
    return Asked(request, (), None)


def decided(
    each: Asked,
    outcome: SettlementOutcome = SettlementOutcome.APPROVED,
    *people: str,
    at: datetime = DECIDED_AT,
    why: str = "",
) -> Asked:
    """Return the request, answered by these people, and settled by the last of them."""
    choice = {
        SettlementOutcome.APPROVED: Choice.APPROVE,
        SettlementOutcome.LEFT_ON: Choice.LEAVE,
        SettlementOutcome.EXPECTED: Choice.EXPECTED,
    }[outcome]
    given = [a_decision(each.request, by, choice, at, why) for by in people or (ANA,)]
    settlement = Settlement(each.request.request_id, outcome, given[-1].decision_id, at)
    return Asked(each.request, tuple(given), settlement)


def a_decision(
    request: Request, by: str, choice: Choice = Choice.APPROVE, at: datetime = DECIDED_AT, why: str = ""
) -> Decision:
    decision_id = f"dec_{request.request_id[-8:]}_{by[-3:].lower()}"
    return Decision(decision_id, request.request_id, request.plan.digest, choice, by, "slack", at, why, "key-1", "sig")


def receipts(each: Asked, outcome: Outcome = Outcome.APPLIED, said: str = "") -> tuple[Receipt, ...]:
    """Return what came of each step of an approved plan."""
    assert each.settlement is not None
    found = []
    for position, step in enumerate(each.request.plan.steps):
        key = step.arguments.get("access_key_id")
        receipt_id = f"rcp_{each.request.request_id[-6:]}{position}"
        words = said or (
            f"The access key {key} of deploy-user is Inactive."
            if key
            else f"The policy prefect-cloudtrail-{receipt_id} is on the user deploy-user."
        )
        started_at = each.settlement.settled_at + (1 + 2 * position) * SECOND
        found.append(
            Receipt(
                receipt_id=receipt_id,
                decision_id=each.settlement.decision_id,
                incident_id=each.request.plan.incident_id,
                position=position,
                step=step,
                before={"status": "Active", "keys": [key]} if key else {"kind": "user", "document": {}},
                after={},
                outcome=outcome,
                said=words,
                started_at=started_at,
                applied_at=started_at + 1.1 * SECOND if outcome is Outcome.APPLIED else None,
            )
        )
    return tuple(found)


def a_watch(each: Asked, state: str, said: str, contained_at: datetime | None = None) -> Watch:
    assert each.settlement is not None
    ended = state in {"contained", "undone", "failed", "unproven", "dry_run", "refused"}
    next_at = None if ended else APPLIED_AT + 5 * MINUTE
    incident_id = each.request.plan.incident_id
    return Watch(each.settlement.decision_id, incident_id, state, said, APPLIED_AT, next_at, contained_at)


def a_told(incident: Incident | None = None, *answered: Asked, **given: Any) -> Told:
    """Return an incident with its requests; `receipts`, `watches` and `by_hand` are the course's."""
    found = incident or an_incident()
    parts = {name: tuple(given.pop(name, ())) for name in ("receipts", "by_hand", "watches")}
    made = Told(
        incident=found,
        course=Course(asked=tuple(answered), **parts),
        context=a_context(found),
        rules=RULES,
        breaker=BreakerState(tripped=False),
        contained_last_hour=0,
        listener_at=None,
        groups=GROUPS,
        first_told_at=TOLD_AT,
        first_severity=Severity.CRITICAL,
        link=LINK,
        owner=None,
        now=TOLD_AT + 10 * SECOND,
    )
    told = replace(made, **given)
    return told if "listener_at" in given else replace(told, listener_at=told.now - 5 * SECOND)


# --- kinds ------------------------------------------------------------------------------------------------------------


def _hop(role: str, account_id: str) -> Session:
    return a_session(role, account_id, started_at=FIRST_CALL + MINUTE, expires_at=LAST_CALL + HOUR)


def of_user() -> tuple[Plan, ...]:
    """Return the plans against a user whose key is in use from its usual networks, too: a fence, and the key off."""
    key = Key(KEY, "Active", TOLD_AT - timedelta(days=400), TOLD_AT - HOUR, "s3")
    return plans(an_incident(), in_use(), keys=(key,))


def kinds() -> Mapping[str, Told]:
    """Return an incident of each kind of principal, asked; and one of each state."""
    return {**principals(), **states()}


def principals() -> Mapping[str, Told]:
    """Return what is told of each kind of principal when it is asked."""

    def told(incident: Incident, *found: Plan, **given: Any) -> Told:
        return a_told(incident, *(asked(plan, number) for number, plan in enumerate(found, 1)), **given)

    def of(kind: str, principal: str, trace: Any = None, keys: tuple[str, ...] = (), **standing: Any) -> Told:
        incident = an_incident(kind, principal, access_key_ids=keys)
        return told(incident, *plans(incident, trace, **standing))

    session = f"{ROLE}/release-42"
    record = {"userIdentity": {"accessKeyId": TEMPORARY, "principalId": "AROADEPLOY:release-42"}}
    instance = "i-0123456789abcdef0"
    machine = {"userIdentity": {"accessKeyId": TEMPORARY, "principalId": f"AROAWEB:{instance}"}}
    arn = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/{instance}"
    person = "f0f0f0f0-1111-2222-3333-444444444444"
    assigned = Assignment(
        "arn:aws:sso:::instance/ssoins-1",
        "arn:aws:sso:::permissionSet/ssoins-1/ps-1",
        person,
        "USER",
        ACCOUNT,
        "d-1",
        "eu-central-1",
        "Admin",
    )
    traded = a_trace(sessions=(_hop("admin", OTHER_ACCOUNT), _hop("ci", ACCOUNT)))
    moved = an_incident(
        "cohort",
        "Amsterdam, NL",
        kind="cohort",
        access_key_ids=(),
        risk=0.03,
        severity=Severity.LOW,
        summary="12 principals moved to Amsterdam, NL.",
        places=(Place("Amsterdam", "NL", 52.37, 4.9),),
        evidence=(
            Evidence(
                "cohort_is_here", "organisation", -15.0, "12 people joined others who moved to the same network.", True
            ),
        ),
    )
    elsewhere = an_incident(
        places=(),
        networks=(),
        alerts=(an_alert(level="command"),),
        summary="4 calls in 1 minute from an unknown place, 2 of them unusual.",
    )
    return {
        "a user's key in use": told(an_incident(), *of_user()),
        "a user's key": told(an_incident(), *plans(an_incident(), keys=(Key(KEY, "Active"),))),
        "a user's sign-in": of("iam_user", USER, has_login=True),
        "a user's key and two hops": told(an_incident(), *plans(an_incident(), traded, keys=(Key(KEY, "Active"),))),
        "a role's session": of(
            "role_session", session, a_trace(records=(record,)), (TEMPORARY,), arn=ROLE, role_id="AROADEPLOY"
        ),
        "an instance's role": of(
            "instance_role",
            f"arn:aws:iam::{ACCOUNT}:role/web",
            a_trace(records=(machine,)),
            (TEMPORARY,),
            role_id="AROAWEB",
            instance_arn=arn,
            profile_association_id="iip-assoc-1",
        ),
        "a person of Identity Center": of(
            "sso_user",
            f"{SSO_ROLE}/alice@example.com",
            in_use(),
            (TEMPORARY,),
            arn=SSO_ROLE,
            role_id="AROASSO",
            management_account=MANAGEMENT,
            is_management_account=False,
            identity_user_id=person,
            assignments=(assigned,),
        ),
        "somebody of SAML": of("saml_user", "saml example.com alice", traded),
        "an account that is not ours": of("aws_account", f"account {OTHER_ACCOUNT} AIDAEXAMPLE", traded),
        "a member's root": of("root", ROOT, management_account=MANAGEMENT, is_management_account=False),
        "the management account's root": of("root", ROOT, management_account=ACCOUNT, is_management_account=True),
        "nobody known": of("unknown", "unknown"),
        "a cohort": a_told(moved, context=None),
        "a user without a place": told(elsewhere, *plans(elsewhere, keys=(Key(KEY, "Active"),))),
    }


# --- states -----------------------------------------------------------------------------------------------------------


def states() -> Mapping[str, Told]:
    """Return what is told of a stolen key in each state that it can come to."""
    fence, disable = of_user()
    open_, second = asked(fence, 1), asked(disable, 2)
    approved = decided(second, SettlementOutcome.APPROVED, ANA, why="not hers, called her")
    applied = receipts(approved)
    role = principals()["a role's session"]
    waits = role.course.asked[1]
    by_one = Asked(waits.request, (a_decision(waits.request, ANA),), None)
    later = APPLIED_AT + 10 * MINUTE

    def watched(state: str, said: str, done: tuple[Receipt, ...] = applied, **given: Any) -> Told:
        contained_at = given.pop("contained_at", None)
        watch = a_watch(approved, state, said, contained_at)
        return a_told(None, open_, approved, **{"receipts": done, "watches": (watch,), "now": later} | given)

    failed = receipts(approved, Outcome.FAILED, "cannot put a policy on the user deploy-user: AccessDenied; allow it.")
    undo = asked(undoing(applied, USER, later), 3, later)
    back = decided(undo, SettlementOutcome.APPROVED, ANA, BO, at=later + MINUTE)
    undone = tuple(replace(each, outcome=Outcome.UNDONE, undone_by="rcp_back") for each in applied)
    grown = asked(replace(disable, steps=(*disable.steps, *fence.steps)), 4, TOLD_AT + 2 * MINUTE)
    tripped = BreakerState(tripped=True, by="the responder", why="a decision's signature does not verify", at=TOLD_AT)
    step = TrackedStep(
        approved.decisions[0].decision_id, "inc", "end_portal_session", "End the portal sessions of alice."
    )
    quiet = "Read back, and no successful call since; CloudTrail is complete to 03:41 UTC."
    answered = OwnerAsked(OWNER, TOLD_AT + SECOND, "no", TOLD_AT + MINUTE)
    return {
        "new": a_told(first_told_at=None, context=None),
        "no plan": a_told(now=TOLD_AT + 10 * MINUTE),
        "no plan at this risk": a_told(an_incident(risk=0.4, severity=Severity.MEDIUM), now=TOLD_AT + 10 * MINUTE),
        "never to be touched": a_told(rules=replace(RULES, never=(USER,)), now=TOLD_AT + 10 * MINUTE),
        "open": a_told(None, open_, second),
        "open, dry run": a_told(None, open_, second, rules=replace(RULES, dry_run=True)),
        "open, unanswered": a_told(None, open_, second, now=TOLD_AT + 11 * MINUTE),
        "open, the listener away": a_told(None, open_, second, listener_at=TOLD_AT - HOUR),
        "open, no listener ever": a_told(None, open_, second, listener_at=None),
        "open, the breaker tripped": a_told(None, open_, second, breaker=tripped),
        "open, many contained": a_told(None, open_, second, contained_last_hour=5),
        "open, the owner answered": a_told(None, open_, second, owner=answered),
        "open, the owner asked": a_told(None, open_, second, owner=OwnerAsked(OWNER, TOLD_AT)),
        "open, the risk rose": a_told(None, open_, second, first_severity=Severity.MEDIUM),
        "grown": a_told(None, open_, second, grown, now=TOLD_AT + 3 * MINUTE),
        "one of two approved": replace(role, course=replace(role.course, asked=(by_one,)), now=later),
        "approved, applying": a_told(None, open_, approved, now=DECIDED_AT + SECOND),
        "dry run": watched(
            "dry_run",
            "Dry run, nothing was changed.",
            receipts(approved, Outcome.DRY_RUN, "Dry run, nothing was changed."),
            rules=replace(RULES, dry_run=True),
        ),
        "watching": watched("watching", "Quiet so far; CloudTrail is complete to 03:15 UTC."),
        "watching, by hand": watched(
            "watching", "Quiet so far; to be done by hand still: end_portal_session.", by_hand=(step,)
        ),
        "contained": watched("contained", quiet, contained_at=APPLIED_AT + 45 * MINUTE, now=APPLIED_AT + HOUR),
        "partly applied": watched("watching", "", (*applied[:1], *failed[1:])),
        "failed": watched("failed", "Nothing could be applied, so there is nothing to watch.", failed),
        "refused": watched("refused", f"{USER} is on the never-list.", ()),
        "reversed": watched("reversed", f"The access key {KEY} of deploy-user is Active."),
        "still used": watched("still_used", "3 successful calls since, the last at 03:19:00 UTC: s3:GetObject."),
        "unproven": watched("unproven", "Quiet so far; CloudTrail delivered nothing yet.", now=APPLIED_AT + 25 * HOUR),
        "left on": a_told(
            None,
            decided(open_, SettlementOutcome.LEFT_ON, ANA, why="a test of ours"),
            decided(second, SettlementOutcome.LEFT_ON, ANA, why="a test of ours"),
            now=later,
        ),
        "expected": a_told(
            an_incident(status="expected"),
            decided(open_, SettlementOutcome.EXPECTED, ANA, why="moved to Curitiba"),
            second,
            now=later,
        ),
        "expired": a_told(None, open_, second, now=TOLD_AT + 5 * HOUR),
        "superseded": a_told(
            None,
            replace(open_, request=replace(open_.request, plan=replace(disable, steps=disable.steps[:1]))),
            approved,
            receipts=applied,
            now=DECIDED_AT + SECOND,
        ),
        "undo asked": a_told(
            None,
            approved,
            undo,
            receipts=applied,
            watches=(a_watch(approved, "contained", quiet, later),),
            now=later + MINUTE,
        ),
        "undone": a_told(
            None,
            approved,
            back,
            receipts=(*undone, *receipts(back, said="The key is Active.")),
            watches=(a_watch(approved, "contained", quiet, later), a_watch(back, "undone", "It was given back.")),
            now=later + 2 * MINUTE,
        ),
        "theft, says a verdict": a_told(an_incident(status="compromised"), open_, second),
    }


# --- hostile ----------------------------------------------------------------------------------------------------------

HOSTILE = (
    "<!channel> <https://x.example|y> <@U0VICTIM> `code` *bold* _it_ ~no~ :fire: &lt;!here&gt; \u202e\x1b[2J\n> quote "
    + "Mozilla/5.0 " * 250
)
# What is not free text: it is ours, or chosen from a few.
OURS = {
    "kind",
    "principal_kind",
    "severity",
    "status",
    "level",
    "playbook",
    "choice",
    "outcome",
    "state",
    "action",
    "link",
    "digest",
    "incident_id",
    "request_id",
    "decision_id",
    "receipt_id",
    "undoes",
    "undone_by",
    "by",
    "member",
    "answer",
    "groups",
    "rules",
    "asks",
    "access",
    "service",
}


def hostile(value: Any, text: str = HOSTILE, name: str = "") -> Any:
    """Return the same with the text in everything that somebody else could have written."""
    if name in OURS:
        return value
    if isinstance(value, str):
        return type(value)(text) if type(value) is str else value
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{each.name: hostile(getattr(value, each.name), text, each.name) for each in fields(value)}
        )
    if isinstance(value, Mapping):
        return {key: hostile(part, text, str(key)) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(hostile(part, text, name) for part in value)
    return value
