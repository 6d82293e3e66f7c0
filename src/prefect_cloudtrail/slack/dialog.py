"""The dialogs: what is asked again before it is done, forms, answers; and what was filled in. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from prefect_cloudtrail.card import principal_name, where
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.feedback import Scope
from prefect_cloudtrail.geo import network_of
from prefect_cloudtrail.response.actions import Check
from prefect_cloudtrail.response.decision import Request
from prefect_cloudtrail.response.guards import approvers_needed
from prefect_cloudtrail.response.plan import UNDO
from prefect_cloudtrail.slack.blocks import Block, context, escaped, moment, plain_text, section, shown
from prefect_cloudtrail.slack.message import Told
from prefect_cloudtrail.slack.status import title_of

View = dict[str, Any]

CONFIRM, EXPECTED, LEAVE, DETAILS, ANSWER = "confirm", "expected", "leave", "details", "answer"
LONGEST_REASON, MOST_LINES = 300, 8
QUIET_DAYS = (7, 30, 90)
# By what a plan is called.
ASKS = {"Disable key": "Disable this key?", "Undo": "Give it back?"}
DOES = {"Block new places": "Block now", "Disable key": "Disable now", "Undo": "Give back now"}


@dataclass(frozen=True)
class Bound:
    """What a dialog stands for: carried along in it, and looked up anew.

    Attributes:
        kind: which dialog.
        id: the request's, or the incident's.
        digest: of the plan as it was shown; empty where there is none.
        opener: who opened it, `U...`: nobody else may submit it.
    """

    kind: str
    id: str
    digest: str
    opener: str

    def dumped(self) -> str:
        """Return it as a dialog carries it."""
        return json.dumps({"v": 1, "kind": self.kind, "id": self.id, "digest": self.digest, "opener": self.opener})


def bound(text: object) -> Bound | None:
    """Return what a dialog carries; None where that is nothing of ours."""
    try:
        found = json.loads(str(text))
        if not isinstance(found, dict) or found.get("v") != 1:
            return None
        return Bound(str(found["kind"]), str(found["id"]), str(found["digest"]), str(found["opener"]))
    except (ValueError, KeyError, RecursionError):
        return None


def _view(kind: str, heading: str, blocks: Sequence[Block], carried: Bound | None, submit: str | None = None) -> View:
    view: View = {
        "type": "modal",
        "callback_id": kind,
        "title": plain_text(heading, 24),
        "close": plain_text("Cancel" if submit else "Close", 24),
        "blocks": list(blocks)[:100],
    }
    if carried is not None:
        view["private_metadata"] = carried.dumped()
    if submit is not None:
        view["submit"] = plain_text(submit, 24)
    return view


def loading(heading: str = "One moment") -> View:
    """Return the dialog that is opened at once, while AWS and Slack are asked."""
    return _view(ANSWER, heading, [section("Looking at how it is now…", "loading")], None)


def recording() -> View:
    """Return the dialog that stands while an answer is recorded."""
    return _view(ANSWER, "One moment", [section("Recording your answer…", "loading")], None)


def answer(heading: str, said: str) -> View:
    """Return a dialog that only says something; `said` is mrkdwn."""
    return _view(ANSWER, heading, [section(said, "said")], None)


# --- approve ----------------------------------------------------------------------------------------------------------


def confirm(request: Request, told: Told, checks: Sequence[Check | str], opener: str) -> View:
    """Return what is asked once more: what is done, to whom, who is hurt, what goes on, all as it is now.

    Args:
        request: what is to be approved.
        told: its incident.
        checks: of each step what AWS says now, or why that is not known or the step is no more possible.
        opener: who opened it.
    """
    plan, now_known = request.plan, [each for each in checks if isinstance(each, Check)]
    blocks = [section(_whom(told, checks), "m_who")]
    does = plan.does or tuple(each.does for each in now_known)
    blocks.append(section(f"*Does*\n{_numbered(does)}", "m_do"))
    breaks = list(dict.fromkeys([*plan.breaks, *(said for each in now_known for said in each.breaks)]))
    survives = list(dict.fromkeys([*plan.survives, *(said for each in now_known for said in each.survives)]))
    hurt = []
    if breaks:
        hurt.append(f":warning: *Stops*\n{_lines(breaks)}")
    if survives:
        hurt.append(f"*Does not stop*\n{_lines(survives)}")
    if plan.manual:
        hurt.append(f"*By hand, by you*\n{_lines([each.text for each in plan.manual])}")
    if hurt:
        blocks.append(section("\n".join(hurt), "m_hurt"))
    if stops_service(request, checks):
        blocks.append(_tick("This is in use by a service", "I accept that what uses it stops"))
    blocks += [_reason("Note for the record", optional=True), context([_small(request, told)], "m_foot")]
    is_possible = not checks or bool(now_known) or bool(plan.manual)
    submit = DOES.get(title_of(plan), "Do it now") if is_possible else None
    if not is_possible:
        blocks = [each for each in blocks if each.get("type") != "input"]
    carried = Bound(CONFIRM, request.request_id, plan.digest, opener)
    return _view(CONFIRM, ASKS.get(title_of(plan), f"{title_of(plan)}?"), blocks, carried, submit)


def stops_service(request: Request, checks: Sequence[Check | str]) -> bool:
    """Return whether something that was in use lately would stop."""
    return request.plan.stops_service or any(isinstance(each, Check) and each.stops_service for each in checks)


def _whom(told: Told, checks: Sequence[Check | str]) -> str:
    incident = told.incident
    name = shown(principal_name(incident.principal), 80)
    lines = [f"*{name}* in account {shown(incident.account_id or 'unknown', 20)}"]
    as_now = [each.does if isinstance(each, Check) else each for each in checks]
    if as_now:
        lines.append(f"As it is {moment(told.now)}:\n{_lines(as_now)}")
    return "\n".join(lines)


def _small(request: Request, told: Told) -> str:
    count, why = approvers_needed(request.plan, told.contained_last_hour, told.rules, told.concerned)
    second = "one person decides" if count == 1 else f"{count} people must approve: {shown(why or '', 150)}"
    live = "*Dry run: nothing is changed*" if told.rules.dry_run else "Live (not a dry run)"
    parts = [live]
    if request.plan.playbook != UNDO:
        parts.append(f"{told.contained_last_hour} of {told.rules.containments_an_hour} approved this hour")
    return " · ".join([*parts, second, f"request ends {moment(request.expires_at, '{time}')}"])


def _numbered(sentences: Sequence[str]) -> str:
    found = [f"{number}. {shown(each, 250)}" for number, each in enumerate(sentences[:MOST_LINES], 1)]
    return "\n".join(found + _left(sentences)) or "Nothing is changed in AWS; what is to do is by hand."


def _lines(sentences: Sequence[str]) -> str:
    return "\n".join([f"• {shown(each, 250)}" for each in sentences[:MOST_LINES]] + _left(sentences))


def _left(sentences: Sequence[str]) -> list[str]:
    return [f"… and {len(sentences) - MOST_LINES} more"] if len(sentences) > MOST_LINES else []


def _tick(label: str, text: str) -> Block:
    option = {"text": plain_text(text, 75), "value": "accept"}
    element = {"type": "checkboxes", "action_id": "ack", "options": [option]}
    return {"type": "input", "block_id": "ack_outage", "label": plain_text(label, 200), "element": element}


def _reason(label: str, *, optional: bool) -> Block:
    element = {"type": "plain_text_input", "action_id": "reason", "max_length": LONGEST_REASON}
    return {
        "type": "input",
        "block_id": "reason",
        "optional": optional,
        "label": plain_text(label, 200),
        "element": element,
    }


# --- expected, leave, details -----------------------------------------------------------------------------------------


def scopes(incident: Incident) -> dict[str, tuple[str, Scope]]:
    """Return what could be kept quiet from now on: by name, in words, and as feedback has it."""
    person, found = incident.person, dict[str, tuple[str, Scope]]()
    if incident.kind != "principal" or not person:
        return found
    at = next((each for each in incident.places if each.city and each.country), None)
    place = f"{at.city}, {at.country}" if at else None
    country = next((each.country for each in incident.places if each.country), None)
    commands = list(dict.fromkeys(each.command for each in incident.alerts))
    if place and len(commands) == 1:
        found["command"] = (
            f"{commands[0]} by {person} in {place}",
            Scope(person=person, command=commands[0], place=place),
        )
    if place:
        found["place"] = (f"{person} in {place}", Scope(person=person, place=place))
    if incident.networks:
        network = network_of(ip_address(incident.networks[0].ip))
        found["network"] = (f"{person} from {network}", Scope(person=person, network=network))
    if country:
        found["country"] = (f"{person} anywhere in {country}", Scope(person=person, country=country))
    return found


def expected(told: Told, opener: str) -> View:
    """Return the form for "it's expected": a reason, and whether alerts like it are kept quiet from now on."""
    incident = told.incident
    name, at = shown(principal_name(incident.principal), 80), shown(where(incident), 80)
    text = f"*{name}* from *{at}* was expected: the incident is closed, and what it did counts as usual from now on."
    blocks = [section(text, "m_who"), _reason("Why was it expected?", optional=False)]
    offered = scopes(incident)
    if offered:
        options = [{"text": plain_text(said, 75), "value": key} for key, (said, _) in offered.items()]
        quiet = {"text": plain_text("Keep quiet about this from now on", 75), "value": "quiet"}
        days = [{"text": plain_text(f"{each} days", 75), "value": str(each)} for each in QUIET_DAYS]
        blocks += [
            _choice("quiet", "quiet", "Alerts like it", {"type": "checkboxes", "options": [quiet]}),
            _choice("quiet_scope", "scope", "About what", _select(options)),
            _choice("quiet_days", "days", "For how long", _select(days)),
        ]
    carried = Bound(EXPECTED, incident.incident_id, "", opener)
    return _view(EXPECTED, "It's expected?", blocks, carried, "It's expected")


def _select(options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "static_select", "options": list(options), "initial_option": options[0]}


def _choice(block_id: str, action_id: str, label: str, element: Mapping[str, Any]) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "optional": True,
        "label": plain_text(label, 200),
        "element": {**element, "action_id": action_id},
    }


def leave(told: Told, opener: str) -> View:
    """Return what is asked before an incident is left on: nothing is changed, and who is asked no more."""
    name = shown(principal_name(told.incident.principal), 80)
    text = f"*{name}* is left on: nothing is changed, and nobody is asked again about these plans."
    blocks = [section(text, "m_who"), _reason("Why?", optional=True)]
    return _view(LEAVE, "Leave it on?", blocks, Bound(LEAVE, told.incident.incident_id, "", opener), "Leave it on")


def details(told: Told) -> View:
    """Return all the evidence, and the guide's answers."""
    pieces = sorted(told.incident.evidence, key=lambda each: not each.counted)
    lines = [
        f"*{each.decibans:+g} dB*{'' if each.counted else ' (not counted)'} {shown(each.sentence, 250)}"
        for each in pieces[:40]
    ]
    blocks = [section(f"*{told.incident.risk:.1%}* likely. Of each kind of evidence the strongest counts.", "risk")]
    blocks += [section("\n".join(lines[at : at + 8]), f"evidence-{at}") for at in range(0, len(lines), 8)]
    if told.context is not None:
        for number, found in enumerate(told.context.answers[:40]):
            said = shown(" ".join(found.sentences), 1_200)
            blocks.append(section(f"*{escaped(found.asks)}*\n{said}", f"answer-{number}"))
    return _view(DETAILS, "Evidence", blocks, None)


# --- what was filled in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filled:
    """What somebody filled in."""

    reason: str
    accepts: bool
    quiet: bool
    scope: str
    days: int


def filled(values: object) -> Filled:
    """Return what is in a submitted view's state, whatever shape it has."""
    found = _Values(values)
    days = found.option("quiet_days", "days")
    return Filled(
        reason=" ".join(found.text("reason", "reason").split())[:LONGEST_REASON],
        accepts="accept" in found.options("ack_outage", "ack"),
        quiet="quiet" in found.options("quiet", "quiet"),
        scope=found.option("quiet_scope", "scope"),
        days=int(days) if days.isdecimal() and int(days) in QUIET_DAYS else QUIET_DAYS[0],
    )


@dataclass(frozen=True)
class _Values:
    """Slack's state values: block id, action id, element."""

    values: object

    def _element(self, block_id: str, action_id: str) -> Mapping[str, Any]:
        block = self.values.get(block_id) if isinstance(self.values, Mapping) else None
        element = block.get(action_id) if isinstance(block, Mapping) else None
        return element if isinstance(element, Mapping) else {}

    def text(self, block_id: str, action_id: str) -> str:
        value = self._element(block_id, action_id).get("value")
        return value if isinstance(value, str) else ""

    def option(self, block_id: str, action_id: str) -> str:
        chosen = self._element(block_id, action_id).get("selected_option")
        return str(chosen.get("value", "")) if isinstance(chosen, Mapping) else ""

    def options(self, block_id: str, action_id: str) -> set[str]:
        chosen = self._element(block_id, action_id).get("selected_options")
        found = chosen if isinstance(chosen, list) else []
        return {str(each.get("value", "")) for each in found if isinstance(each, Mapping)}
