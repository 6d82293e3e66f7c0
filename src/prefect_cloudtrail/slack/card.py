"""The card: one message an incident, the decision first, kept current in place. Pure.

A plan's button is `approve.PLAYBOOK` with the value `v1.req_...`; of two plans of one playbook, which may stand side by
side, the second one's is `approve.PLAYBOOK.2`. A plan without a button is in the menu: its value is `approve.req_...`.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from prefect_cloudtrail import feedback
from prefect_cloudtrail.card import principal_name, where
from prefect_cloudtrail.cases import Evidence
from prefect_cloudtrail.response.decision import SettlementOutcome
from prefect_cloudtrail.response.guards import approvers_needed, refusal
from prefect_cloudtrail.response.plan import UNDO, Plan, Step
from prefect_cloudtrail.risk import PROPOSED_FROM
from prefect_cloudtrail.slack.blocks import (
    Block,
    actions,
    bullets,
    button,
    code,
    context,
    escaped,
    fields,
    header,
    moment,
    overflow,
    rich,
    section,
    shown,
)
from prefect_cloudtrail.slack.message import CARD, Message, Told
from prefect_cloudtrail.slack.status import (
    EXPIRED,
    HARMLESS,
    SUPERSEDED,
    Standing,
    account,
    how,
    listener_is_gone,
    offered,
    receipts_of,
    standings,
    watched_until,
    who,
)
from prefect_cloudtrail.text import plain

MOST_BUTTONS, MOST_EVIDENCE = 2, 8
# CloudTrail delivers within that time; a key that called later may be calling now.
ACTIVE_WITHIN = timedelta(minutes=30)
# Plans are there within seconds of the card; later something kept them away.
PLANS_WITHIN = timedelta(minutes=2)
ESCALATES_AFTER = timedelta(minutes=5)
# On a phone a line holds about 45 letters, and what is decided by must fit its screen: all of it is in the dialog.
LONGEST_NAME, LONGEST_PLAN = 32, 400
DRY_RUN = "Dry run: nothing will be changed."

ACCESS_KEY = re.compile(r"\bA(?:KIA|SIA)[A-Z0-9]{12,124}\b")
# Evidence whose sentence says what would be usual.
SAYS_WHAT_IS_USUAL = ("new_city_for_principal", "new_country_for_principal", "far_from_usual")

STATES = {
    "applying": "approved, applying",
    "watching": "applied, watching",
    "contained": "contained",
    "still_used": "applied, but still used",
    "reversed": "somebody turned it back",
    "failed": "failed",
    "partly_applied": "partly applied",
    "refused": "refused, nothing was done",
    "dry_run": "dry run, nothing was changed",
    "undone": "undone",
    "unproven": "applied; quiet not proven within a day",
    "left_on": "left on",
    "expected": "it was expected",
    EXPIRED: "expired, nothing was done",
    SUPERSEDED: "part of what was approved",
}


def card(told: Told) -> Message:
    """Return the incident's card as it is to be now: push text, verdict, plan, buttons, facts, evidence, footer."""
    asked = offered(told)
    blocks = [
        header(headline(told), "head"),
        *_state(told),
        section(_what(told), "what"),
        *_plans(told, asked),
        *_buttons(told, asked),
        fields(_facts(told), "who"),
        *_why(told.incident.evidence),
        context(_foot(told, asked), "foot"),
    ]
    return Message(CARD, push(told, asked), tuple(blocks))


def headline(told: Told) -> str:
    """Return the verdict in one line."""
    incident = told.incident
    if incident.kind == "cohort":
        return plain(incident.summary, 150)
    name = "root" if incident.principal_kind == "root" else plain(principal_name(incident.principal), LONGEST_NAME)
    place = f", from {where(incident)}" if any(each.city or each.country for each in incident.places[:2]) else ""
    return f"{incident.risk:.0%} likely stolen: {_credential(told)} of {name}{place}"


def push(told: Told, asked: Sequence[Standing]) -> str:
    """Return what a phone shows before it is unlocked: the whole decision."""
    settled = [each for each in standings(told) if each.asked.settlement is not None]
    said = shown(headline(told))
    if told.breaker.tripped:
        said = f"{said}. The breaker is tripped: nothing can be approved"
    elif _is_expected_by_verdict(told):
        said = f"It was expected. {said}"
    elif settled:
        last = max(settled, key=lambda each: each.asked.settlement.settled_at if each.asked.settlement else told.now)
        said = f"{last.title}: {_state_of(last, told)}. {said}"
    else:
        active = ", still active" if _is_active(told) and told.incident.kind != "cohort" else ""
        said = f"{said}{active}{_question(asked)}"
    return f"{said.rstrip('.?')}{'?' if said.endswith('?') else '.'}{' Dry run.' if told.rules.dry_run else ''}"


def _question(asked: Sequence[Standing]) -> str:
    if not asked:
        return ""
    if asked[0].approvals:
        return f". {asked[0].title}: one more person must approve"
    return f". {asked[0].title}?"


def _state_of(standing: Standing, told: Told) -> str:
    """Return in words how a settled request stands."""
    state = how(standing, told)
    if standing.plan.playbook == UNDO and state == "undone":
        return "done"
    return STATES.get(state, escaped(plain(state.replace("_", " "), 40)))


# --- what happened ----------------------------------------------------------------------------------------------------


def _credential(told: Told) -> str:
    incident = told.incident
    if incident.principal_kind == "root":
        return "sign-in"
    if any(key.startswith("AKIA") for key in incident.access_key_ids):
        return "key"
    return "session" if incident.access_key_ids else "sign-in"


def _is_active(told: Told) -> bool:
    return told.now - told.incident.last_event <= ACTIVE_WITHIN


def _what(told: Told) -> str:
    incident = told.incident
    if incident.kind == "cohort":  # what it is is the headline, and nobody is to be stopped
        said = " ".join(shown(each.sentence, 150) for each in incident.evidence[:1])
        return f"{said} Last call {moment(incident.last_event)}.".strip()
    active = "*Still active*, last call" if _is_active(told) else "Last call"
    parts = [f"*{shown(incident.summary, 120)}*", _usual(told), _touched(told)]
    return " ".join([*filter(None, parts), f"{active} {moment(incident.last_event)}."])


def _usual(told: Told) -> str:
    """Return the sentence that says what is usual, or else the strongest reason."""
    counted = [each for each in told.incident.evidence if each.counted and each.decibans > 0]
    best = next((each for each in counted if each.name in SAYS_WHAT_IS_USUAL), next(iter(counted), None))
    return shown(best.sentence, 100) if best else ""


def _touched(told: Told) -> str:
    """Return which secrets it read, and what an intruder would leave behind, from the guide."""
    if told.context is None:
        return ""
    rows = [row for answer in told.context.answers if answer.name == "touched" for row in answer.rows]
    secrets = sum(row.get("service") == "secretsmanager" and row.get("access") == "read" for row in rows)
    commands = list(dict.fromkeys(each.command.partition(":")[2] for each in told.context.made))
    more = f" and {len(commands) - 2} more" if len(commands) > 2 else ""  # noqa: PLR2004 - two fit a line
    read = f"read {secrets} secret{'' if secrets == 1 else 's'}" if secrets else ""
    called = f"called {shown(', '.join(commands[:2]), 60)}{more}" if commands else ""
    said = " and ".join(filter(None, (read, called)))
    return f"It {said}." if said else ""


def _facts(told: Told) -> list[str]:
    incident = told.incident
    keys = ", ".join(code(_short(key), 24) for key in incident.access_key_ids[:2])
    network = next(iter(incident.networks), None)
    kind = shown(incident.principal_kind.replace("_", " "), 30)
    whom = f"*Who*\n{shown(principal_name(incident.principal), 80)}\n{kind}{' · ' if keys else ''}{keys}"
    place = f"*From*\n{shown(where(incident), 80)}"
    if network is not None:
        organisation = f" · {shown(network.organisation, 40)}" if network.organisation else ""
        place += f"\n{shown(network.ip, 40)}{organisation}{f' · AS{network.asn}' if network.asn else ''}"
    found = [whom, f"*Account*\n{account(told)}", place]
    return [*found, f"*First / last*\n{moment(incident.first_event)} / {moment(incident.last_event)}"]


def _short(key: str) -> str:
    """Return an access key as people tell it apart: its kind and its end."""
    return f"{key[:4]}…{key[-4:]}" if len(key) > 12 else key  # noqa: PLR2004 - shorter ones are none


def _why(evidence: Sequence[Evidence]) -> Iterator[Block]:
    """Yield the evidence, what counts first; in rich text, in which whatever others wrote is letters."""
    ordered = sorted(evidence, key=lambda each: not each.counted)[:MOST_EVIDENCE]
    if ordered:
        yield bullets(([rich(_weight(each), bold=each.counted), rich(each.sentence)] for each in ordered), "why")


def _weight(piece: Evidence) -> str:
    sign = "+" if piece.decibans > 0 else "−" if piece.decibans < 0 else ""  # noqa: RUF001 - a minus, as wide as a plus
    number = f"{sign}{abs(piece.decibans):g} dB "
    return number if piece.counted else f"({number.strip()}, not counted) "


# --- what is decided, and what is asked -------------------------------------------------------------------------------


def _state(told: Told) -> Iterator[Block]:
    """Yield what came of it so far, once something did."""
    lines = [line for each in standings(told) if (line := _came_of(each, told))]
    if told.rules.dry_run and told.course.asked:
        lines.insert(0, f"*{DRY_RUN}*")
    if _is_expected_by_verdict(told):
        lines.append("*It was expected,* says a verdict: the incident is closed.")
    if told.incident.status == feedback.Answer.COMPROMISED:
        lines.append("*It was theft,* says a verdict.")
    if told.owner is not None and told.owner.answer:
        said = {"yes": "it was me", "no": "it was not me"}.get(told.owner.answer, "not sure")
        lines.append(f"The owner, {who(told.owner.member)}, answered: *{said}*. An answer is evidence, not approval.")
    if told.breaker.tripped:
        lines.append(
            f"*The breaker is tripped,* by {who(told.breaker.by)}: {shown(told.breaker.why, 150)}. "
            "Nothing is approved or carried out until `prefect-cloudtrail breaker reset --why TEXT`."
        )
    if by_hand := [each for each in told.course.by_hand if each.done_at is None]:
        names = ", ".join(code(each.name, 60) for each in by_hand[:3])
        lines.append(
            f"*By hand still:* {names}; then "
            f"`prefect-cloudtrail steps {escaped(told.incident.incident_id)} --done NAME --why TEXT`"
        )
    if lines:
        yield section("\n".join([*lines[:1], *lines[1:][-6:]]), "state")


def _is_expected_by_verdict(told: Told) -> bool:
    """Return whether it was called expected, and not by the answer to a request."""
    return told.incident.status == feedback.Answer.EXPECTED and not any(
        each.state == SettlementOutcome.EXPECTED for each in standings(told)
    )


def _came_of(standing: Standing, told: Told) -> str | None:
    """Return what came of a request in one line; None while nobody answered it."""
    name, decided = standing.title, standing.decided
    if decided is None:
        if standing.state == EXPIRED:
            return f"*{name}: expired* {moment(standing.asked.request.expires_at, '{time}')}, nothing was done."
        if standing.approvals and standing.state != SUPERSEDED:
            people = " and ".join(who(each.by) for each in standing.approvals)
            return f"*{name}: one more person must approve.* {people} did {moment(standing.approvals[-1].decided_at)}."
        return None
    by = f"{who(decided.by)} {moment(decided.decided_at)}"
    state = _state_of(standing, told)
    if standing.watch is None:
        why = f" “{shown(decided.why, 120)}”" if decided.why else ""
        return f"*{name}: {state}.* {by}.{why}"
    until, stands = "", how(standing, told)
    if stands == "watching":
        until = f" until {moment(watched_until(standing.watch), '{time}')}"
    elif stands == "contained" and standing.watch.contained_at:
        until = f" {moment(standing.watch.contained_at, '{time}')}"
    said = "Given back what was before." if stands == "undone" else _steps(told, standing)
    if standing.watch.said and stands == standing.state:
        said = shown(standing.watch.said, 220)
    return f"*{name}: {state}{until}.* {by}. {said}"


def _steps(told: Told, standing: Standing) -> str:
    decided = standing.decided
    done = receipts_of(told, decided.decision_id) if decided else ()
    return shown(" ".join(each.said for each in done), 220)


def _plans(told: Told, asked: Sequence[Standing]) -> Iterator[Block]:
    """Yield what could be done: what each button does, who is hurt, what goes on; all of it is in the dialog."""
    if not asked:
        if line := _no_plans(told):
            yield section(line, "plan")
        return
    described = asked[:MOST_BUTTONS]
    lines = [_in_short(each, told, LONGEST_PLAN // len(described)) for each in described]
    if rest := asked[MOST_BUTTONS:]:
        lines.append(f"In the menu, too: {', '.join(each.title.lower() for each in rest)}.")
    yield section("\n".join(lines), "plan")


def _in_short(standing: Standing, told: Told, room: int) -> str:
    """Return what a plan does, who is hurt and what goes on, in so many letters; all of it is in the dialog."""
    plan = standing.plan
    count, _ = _needed(told, standing)
    people = f" ({count} people)" if count > 1 else ""
    if not plan.steps:
        by_hand = shown(next((each.text for each in plan.manual), ""), room // 2)
        return f"*{standing.title}{people}:* {_sentences(standing.does, room // 2)} {by_hand}".rstrip()
    parts = [f"*{standing.title}{people}:* {_sentences(standing.does, room * 42 // 100)}"]
    if plan.breaks:
        stops = "*Stops:*" if plan.stops_service else "_Stops:_"
        parts.append(f"{stops} {_sentences(plan.breaks[:1], room * 32 // 100)}")
    if plan.survives:
        parts.append(f"_Goes on:_ {_sentences(plan.survives[:1], room * 26 // 100)}")
    if plan.manual:
        parts.append(f"_By hand:_ {len(plan.manual)} step{'' if len(plan.manual) == 1 else 's'}, in the dialog.")
    return " ".join(parts)


def _no_plans(told: Told) -> str | None:
    if told.incident.kind == "cohort" or told.course.asked or told.incident.status != "open":
        return None
    if told.first_told_at is None or told.now - told.first_told_at < PLANS_WITHIN:
        return "What could be done is being worked out…"
    step = Step("", told.incident.account_id, told.incident.principal)
    never = refusal(Plan("", told.incident.incident_id, told.incident.principal, (step,)), told.rules)
    if never is not None:
        return f"Nothing is proposed against it: {shown(never, 200)}"
    if told.incident.risk < PROPOSED_FROM:
        return f"Nothing is proposed against it: plans are made from a risk of {PROPOSED_FROM:.0%}."
    return "*No plan was made against it:* the run in Prefect says why. The thread has what was looked up."


def _sentences(sentences: Sequence[str], longest: int) -> str:
    """Return the sentences that fit, at least the first one's beginning, cut at a word."""
    said = ""
    for each in map(_without_ids, sentences):
        if said and len(said) + len(each) >= longest:
            break
        said = f"{said} {each}".strip()
    if len(said) > longest:
        said = f"{said[: longest - 1].rpartition(' ')[0] or said[: longest - 1]}…"
    return shown(said, longest)


def _without_ids(sentence: str) -> str:
    return ACCESS_KEY.sub(lambda found: _short(found[0]), sentence)


def _buttons(told: Told, asked: Sequence[Standing]) -> Iterator[Block]:
    """Yield the buttons: two plans, "expected" and a menu; those that decide go once it is over."""
    incident_id = told.incident.incident_id
    if told.incident.status == feedback.Answer.EXPECTED:
        return
    settled = [each for each in standings(told) if each.asked.settlement is not None]
    if listener_is_gone(told) and (asked or not settled) and not told.breaker.tripped:
        yield section(
            "*Buttons do not work now: the listener is away.* On the responder's host:\n"
            + "\n".join(_commands(told, asked[:MOST_BUTTONS])),
            "gone",
        )
    row: list[Block] = []
    if not told.breaker.tripped:
        playbooks = [each.plan.playbook for each in asked]
        row += [
            _approve(each, playbooks[: at + 1].count(each.plan.playbook))
            for at, each in enumerate(asked[:MOST_BUTTONS])
        ]
    if not settled and not told.breaker.tripped:
        row.append(
            button(
                "It's expected…",
                "decide.expected",
                f"v1.{incident_id}",
                label="This was expected. Opens a form for the reason.",
            )
        )
    if not asked and any(each.state == EXPIRED for each in standings(told)) and not settled:
        row.append(button("Ask again", "ask.again", f"v1.{incident_id}"))
    options = [] if told.breaker.tripped else _more(asked)
    if asked and not told.breaker.tripped:
        options.append(("Leave it on…", f"leave.{incident_id}", None))
    options.append(("Show all evidence", f"details.{incident_id}", None))
    if told.link:
        options.append(("Open run in Prefect", f"open.{incident_id}", told.link))
    yield actions([*row, overflow(options, "more")], "decide")


def _commands(told: Told, asked: Sequence[Standing]) -> list[str]:
    """Return the commands that answer without a button."""
    incident_id = escaped(told.incident.incident_id)
    if not asked:
        return [f"`prefect-cloudtrail verdict {incident_id} expected --why TEXT`"]
    return [f"{each.title}: `prefect-cloudtrail decide {each.asked.request.request_id} approve`" for each in asked]


def _approve(standing: Standing, number: int) -> Block:
    playbook, request_id = standing.plan.playbook, standing.asked.request.request_id
    harmless = playbook == HARMLESS
    label = plain(next(iter(standing.does), standing.title), 75)
    changes = playbook != UNDO and standing.plan.steps
    style = None if not changes else "primary" if harmless else "danger"
    # Two plans of one playbook may stand side by side, and no two buttons may have one name.
    action_id = f"approve.{playbook}" if number == 1 else f"approve.{playbook}.{number}"
    return button(f"{standing.title}…", action_id, f"v1.{request_id}", style=style, label=label)


def _more(asked: Sequence[Standing]) -> list[tuple[str, str, str | None]]:
    """Return plans that have no button of their own."""
    return [
        (f"{each.title}…", f"approve.{each.asked.request.request_id}", None)
        for each in asked[MOST_BUTTONS : MOST_BUTTONS + 2]
    ]


def _foot(told: Told, asked: Sequence[Standing]) -> list[str]:
    parts = []
    if asked:
        whom = f"Asked <!subteam^{told.groups[0]}>" if told.groups else "Asked this channel"
        since = min(each.asked.request.delivered_at or each.asked.request.asked_at for each in asked)
        until = min(each.asked.request.expires_at for each in asked)
        parts += [f"{whom} {moment(since)}", f"answer by {moment(until, '{time}')}", _people(told, asked)]
    parts.append(code(told.incident.incident_id))
    if told.link:
        parts.append(f"<{escaped(told.link)}|run in Prefect>")
    lines = [" · ".join(parts)]
    if asked:
        called = "No answer in 5 min: the next group is called. " if len(told.groups) > 1 else ""
        lines.append(f"{called}Buttons dead? {'; '.join(_commands(told, asked[:1]))}")
    return lines


def _people(told: Told, asked: Sequence[Standing]) -> str:
    """Return how many people it takes, and why more than one."""
    needed = [(each, *_needed(told, each)) for each in asked]
    several = [(each, count, why) for each, count, why in needed if count > 1]
    if not several:
        return "one person decides"
    each, count, why = several[0]
    whose = "" if len(several) == len(needed) else f"{each.title}: "
    return f"{whose}{count} people must approve: {shown(why or '', 120)}"


def _needed(told: Told, standing: Standing) -> tuple[int, str | None]:
    return approvers_needed(standing.plan, told.contained_last_hour, told.rules, told.concerned)
