"""An incident as a responder wants to read it: what happened, where, how likely it is theft, and why. Pure text."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from prefect_cloudtrail.cases import Evidence, Incident
from prefect_cloudtrail.explain import Explanation, Reason
from prefect_cloudtrail.response.course import Course
from prefect_cloudtrail.response.decision import Request
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import markdown, plain
from prefect_cloudtrail.tuning import ABOVE_DECIBANS, Tuning

SHOWN_EVIDENCE = 8
SHOWN_ACCOUNTS = 5

Row = TypeVar("Row")
SHOWN_COMMANDS = 6


def headline(incident: Incident) -> str:
    """Return the whole decision in one line."""
    name = principal_name(incident.principal)
    if incident.kind == "cohort":
        return plain(incident.summary)
    return plain(f"{incident.risk:.0%} likely stolen: {name}, from {where(incident)}")


def principal_name(principal: str) -> str:
    """Return what people call a principal: the end of its ARN."""
    return plain(principal.rsplit("/", 1)[-1] if principal.startswith("arn:") else principal, 80)


def where(incident: Incident) -> str:
    """Return the incident's places in words."""
    names = [", ".join(part for part in (place.city, place.country) if part) for place in incident.places[:2]]
    more = f" and {len(incident.places) - 2} more" if len(incident.places) > 2 else ""  # noqa: PLR2004 - two fit a line
    return plain(" and ".join(name for name in names if name) + more) or "an unknown place"


def commands(incident: Incident) -> str:
    """Return the commands that raised alerts, most surprising first."""
    found = [alert.command for alert in sorted(incident.alerts, key=lambda a: (-a.surprise, a.command))]
    names = list(dict.fromkeys(found))
    more = f" and {len(names) - SHOWN_COMMANDS} more" if len(names) > SHOWN_COMMANDS else ""
    return plain(", ".join(names[:SHOWN_COMMANDS]), 400) + more


def clock(moment: datetime) -> str:
    """Return a moment in words, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def facts(incident: Incident) -> list[tuple[str, str]]:
    """Return the lines under the headline, each with its label."""
    networks = [
        f"{n.ip} · {n.organisation or 'unknown network'}" + (f" (AS{n.asn})" if n.asn else "")
        for n in incident.networks
    ]
    lines = [
        ("who", plain(incident.principal)),
        ("account", incident.account_id or "unknown"),
        ("from", f"{where(incident)}" + (f" · {plain(networks[0])}" if networks else "")),
        ("when", f"{clock(incident.first_event)} to {clock(incident.last_event)}"),
        ("what", plain(incident.summary)),
        ("commands", commands(incident)),
    ]
    if incident.access_key_ids:
        lines.insert(2, ("key", ", ".join(plain(key) for key in incident.access_key_ids[:3])))
    return lines


def terminal(incident: Incident, width: int = 80) -> str:
    """Return the card for a terminal, without colour."""
    lines = [f"{incident.severity.value.upper()} · {headline(incident)}", ""]
    for label, value in facts(incident):
        lines += _wrapped(f"{label:>9}  ", value, width)
    lines += ["", "      why  decibans for (+) and against (-); of each kind the strongest counts"]
    for piece in incident.evidence[:SHOWN_EVIDENCE]:
        lines += _wrapped(f"{_weight(piece):>9}  ", plain(piece.sentence), width)
    lines += ["", f" incident  {incident.incident_id}, revision {incident.revision}, {len(incident.alerts)} alerts"]
    return "\n".join(lines)


def report(incident: Incident) -> str:
    """Return the incident as Markdown, for an artifact."""
    lines = [f"# {markdown(headline(incident))}", ""]
    lines += [f"- **{label}:** {markdown(value, 400)}" for label, value in facts(incident)]
    lines += ["", "| decibans | counted | why |", "| ---: | --- | --- |"]
    lines += [
        f"| {piece.decibans:+g} | {'yes' if piece.counted else 'no'} | {markdown(piece.sentence, 300)} |"
        for piece in incident.evidence
    ]
    lines += ["", f"Incident `{incident.incident_id}`, revision {incident.revision}, {len(incident.alerts)} alerts."]
    return "\n".join(lines)


def course(found: Course, width: int = 80) -> str:
    """Return what came of an incident for a terminal: asked, answered, done, by hand, watched; empty without any."""
    lines: list[str] = []
    for each in found.asked:
        people = ", ".join(f"{plain(given.by)} ({given.choice.value})" for given in each.decisions) or "nobody yet"
        ended = each.settlement.outcome.value if each.settlement else f"open until {clock(each.request.expires_at)}"
        said = f"{each.request.plan.playbook}, {each.request.request_id}: {ended}; answered by {people}"
        lines += _wrapped("    asked  ", said, width)
    for receipt in found.receipts:
        row = receipt_row(receipt)
        lines += _wrapped("  receipt  ", f"{row['receipt']}, {row['step']}, {row['outcome']}: {row['what']}", width)
    for step in found.by_hand:
        done = f"done by {plain(step.done_by or '')}" if step.done_at else "to be done"
        lines += _wrapped("  by hand  ", f"{plain(step.name)}, {done}: {plain(step.text, 1000)}", width)
    for watch in found.watches:
        lines += _wrapped("  watched  ", f"{watch.state.replace('_', ' ')}: {plain(watch.said, 400)}", width)
    return "\n".join(lines)


def receipt_row(receipt: Receipt) -> dict[str, str]:
    """Return what was done in one step, for a reviewer's table."""
    step = receipt.step
    return {
        "receipt": receipt.receipt_id,
        "step": f"undo of {step.action}" if step.undoes else step.action,
        "target": plain(step.target),
        "outcome": receipt.outcome.value,
        "what": plain(receipt.said, 400),
        "started": clock(receipt.started_at),
        "applied": clock(receipt.applied_at) if receipt.applied_at else "",
        "undone by": receipt.undone_by or "",
    }


def asked(request: Request, width: int = 80) -> str:
    """Return what people are asked to allow, for a terminal: what it does, who is hurt, what goes on, how to answer."""
    plan = request.plan
    people = "one person" if plan.approvers == 1 else f"{plan.approvers} different people"
    lines = [plain(f"ASKED · {plan.playbook} against {principal_name(plan.principal)}, by {people}"), ""]
    steps = [plain(f"{step.action} on {step.target}", 400) for step in plan.steps] or ["none in AWS"]
    by_hand = [plain(step.text, 1000) for step in plan.manual]
    parts = [
        ("does", plan.does),
        ("breaks", plan.breaks),
        ("goes on", plan.survives),
        ("steps", [f"{number}. {step}" for number, step in enumerate(steps, 1)]),
        ("by hand", by_hand),
        ("why two", [plan.why_two] if plan.why_two else []),
        ("read it", ["Something that was in use within a day would stop."] if plan.stops_service else []),
    ]
    for label, sentences in parts:
        for number, sentence in enumerate(sentences):
            lines += _wrapped(f"{label if number == 0 else '':>9}  ", plain(sentence, 1000), width)
    # Not wrapped: it is there to be copied.
    lines += ["", f"   decide  prefect-cloudtrail decide {plain(request.request_id)} approve"]
    lines += _wrapped(" " * 11, "or leave, to leave it on; or expected, where it was no theft", width)
    lines += _wrapped("    until  ", clock(request.expires_at), width)
    lines += [f" incident  {plain(plan.incident_id)}"]
    return "\n".join(lines)


def not_asked(plan: Plan, why: str) -> str:
    """Return in a line that nobody is asked to allow a plan, and why."""
    return plain(f"NOT ASKED · {plan.playbook} against {principal_name(plan.principal)}: {why}", 400)


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return a run's summary row in one sentence, and a line for each account that still learns, or is silent."""
    rejected = sum(summary["rejected"].values())
    why = f" ({', '.join(f'{count} {reason}' for reason, count in summary['rejected'].items())})" if rejected else ""
    quiet = f" ({summary['suppressed']:,} suppressed)" if summary.get("suppressed") else ""
    sentence = (
        f"{_number(summary['events'], 'event')} in {_number(summary['objects'], 'object')}, "
        f"{_number(summary['duplicates'], 'duplicate')}, {rejected:,} rejected{why}; "
        f"{_number(summary['alerts'], 'alert')}{quiet}, {_number(summary['incidents'], 'incident')}."
    )
    learning = [f"learning: {account}" for account in summary["learning"]]
    silent = [f"silent: {account}" for account in summary.get("silent", ())]
    return [sentence, *learning, *silent]


def notice_lines(summary: Mapping[str, Any], width: int = 80) -> list[str]:
    """Return what people must hear beside a run's incidents, for a terminal, each with an empty line behind it."""
    lines: list[str] = []
    for each in summary["notices"]:
        lines += [*_wrapped("   NOTICE  ", plain(each["sentence"], 2_500), width), ""]
    return lines


def tuning_lines(found: Tuning) -> list[str]:
    """Return what other thresholds would have meant, a day, as two tables; nothing where nothing was judged.

    Of many accounts, those that most would be told about.
    """
    if not found.days:
        return []

    def a_day(*counts: int) -> list[str]:
        return [f"{count / found.days:.1f}" for count in counts]

    told = {each.account: each.incidents for each in reversed(found.telling) if each.account}
    most = sorted(told, key=lambda account: (-told[account], account))
    shown = {None, *(most[:SHOWN_ACCOUNTS] if len(most) > 1 else [])}  # one account is all of them
    telling = [each for each in found.telling if each.account in shown]
    steps = [each for each in found.thresholds if each.account in shown]
    ladder = sorted({each.tell_from for each in telling})
    lines = [
        "",
        f"Over {found.days:g} days, * as it was run. Told from a risk of, a day: incidents (cards)",
        _columns("", [f"{each:.0%}{'*' if each == found.tell_from else ''}" for each in ladder], 12),
    ]
    for row in _runs(telling, len(ladder)):
        cells = [f"{incidents} ({cards})" for e in row for incidents, cards in [a_day(e.incidents, e.cards)]]
        lines.append(_columns(row[0].rule or row[0].account or "all", cells, 12))
    lines += [
        "",
        "Alerts of one rule from a surprise of, a day: its alerts / incidents left in all / told of these",
        _columns("", [f"{above:+g} dB" if above else "own*" for above in ABOVE_DECIBANS], 16),
    ]
    for ladder_of in _runs(steps, len(ABOVE_DECIBANS)):
        first = ladder_of[0]
        name = f"  {first.account}" if first.account else f"{first.rule}, {first.decibans:g} dB"
        lines.append(_columns(name, ["/".join(a_day(e.alerts, e.incidents, e.told)) for e in ladder_of], 16))
    if len(most) > SHOWN_ACCOUNTS:
        lines.append(f"{_number(len(most) - SHOWN_ACCOUNTS, 'account')} more with --json")
    return [*lines, ""]


def _runs(rows: Sequence[Row], length: int) -> list[Sequence[Row]]:
    return [rows[start : start + length] for start in range(0, len(rows), length)]


def _columns(name: str, cells: Sequence[str], width: int) -> str:
    return f"{plain(name):<38}" + "".join(f"{cell:>{width}}" for cell in cells)


def explanation(found: Explanation) -> str:
    """Return why an event did or did not raise an alert, for a terminal."""
    lines = [
        f"{plain(found.command)} by {plain(found.principal)}",
        f"from {plain(found.place or found.network or 'no place')}, judged as of {found.hour:%Y-%m-%d %H:00} UTC",
    ]
    for each in found.judgements:
        lines += ["", f"{each.rule}: {plain(each.why)}"]
        if each.counts is None or each.surprise is None:
            continue
        lines.append(f"  surprise {each.surprise:.1f} dB; an alert from {each.threshold:g} dB")
        lines += [_counted(context) for context in each.counts.get("contexts", ())]
        if forecast := each.counts.get("forecast"):
            expected = f"{forecast['expected']:g} expected by the {forecast['context']}'s {forecast['by']}"
            lines.append(f"  {forecast['messages']} distinct messages, {expected}")
    for rated in found.incidents:
        lines += ["", f"incident {rated.incident_id}, {rated.risk:.1%}: each piece of evidence, and its group"]
        lines += [_reason(piece) for piece in rated.evidence]
    return "\n".join(lines)


def _reason(piece: Reason) -> str:
    said = plain(piece.sentence) if piece.sentence is not None else "does not hold"
    return f"{_weight(piece):>9}  {piece.name} ({piece.group}): {said}"


def _counted(context: dict[str, Any]) -> str:
    learns = ", still learning" if context["learning"] else ""
    of = f"{context['n']:g} of {context['total']:g} presences"
    return f"  {context['context']}: {of}, {context['days']} earlier days{learns}"


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _weight(piece: Evidence | Reason) -> str:
    return f"{piece.decibans:+g} dB" if piece.counted else f"({piece.decibans:+g})"


def _wrapped(label: str, value: str, width: int) -> list[str]:
    return textwrap.wrap(value, width, initial_indent=label, subsequent_indent=" " * len(label)) or [label]
