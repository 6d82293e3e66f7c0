"""What is said beside the card: the guide's answers, each step as it happens, the receipt, who is called next. Pure.

Each message has a name that is the same whenever it is made; so it is said once, however often it is asked for.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from prefect_cloudtrail.card import principal_name
from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.context import Answer
from prefect_cloudtrail.response.decision import SettlementOutcome
from prefect_cloudtrail.response.plan import UNDO
from prefect_cloudtrail.response.receipt import Outcome, Receipt, Watch
from prefect_cloudtrail.risk import severity
from prefect_cloudtrail.slack.blocks import (
    LONGEST_SECTION,
    Block,
    actions,
    button,
    code,
    context,
    escaped,
    fields,
    moment,
    section,
    shown,
)
from prefect_cloudtrail.slack.card import ESCALATES_AFTER, headline
from prefect_cloudtrail.slack.message import PAGER, SLACK, Message, Told
from prefect_cloudtrail.slack.status import (
    EXPIRED,
    OPEN,
    Standing,
    how,
    is_same_answer,
    receipts_of,
    standings,
    who,
)

BANDS = list(Severity)
MOST_ANSWERS, LONGEST_ANSWER, MOST_RECEIPTS = 24, 240, 4
# What a person who answered that it was them, or not, is told by.
ANSWERS = {"yes": "Yes, it was me", "no": "No, it was not me", "unsure": "I am not sure"}


def replies(told: Told) -> tuple[Message, ...]:
    """Return everything that should have been said beside the card by now, oldest first."""
    found: list[tuple[datetime, Message]] = [
        *_guide(told),
        *_owner(told),
        *_higher(told),
        *_called(told),
        *(each for standing in standings(told) for each in _of_request(standing, told)),
    ]
    return tuple(message for _, message in sorted(found, key=lambda each: each[0]))


def _reply(name: str, at: datetime, text: str, *more: Block, follows: bool = False) -> tuple[datetime, Message]:
    return at, Message(name, text, (section(text, "said"), *more), follows)


# --- what was looked up, and who is called ----------------------------------------------------------------------------


def _guide(told: Told) -> Iterator[tuple[datetime, Message]]:
    """Yield the guide's answers, a line a question; what could not be determined says why."""
    if told.context is None:
        return
    lines = [_answered(answer) for answer in told.context.answers[:MOST_ANSWERS]]
    blocks = [section(f"*What else we looked at,* as of {moment(told.context.gathered_at)}", "guide")]
    blocks += [section(part, f"guide-{number}") for number, part in enumerate(_packed(lines))]
    if told.context.incomplete:
        blocks.append(context([f"Incomplete: {shown(told.context.incomplete, 300)}"], "incomplete"))
    yield told.context.gathered_at, Message("guide", "What else we looked at", tuple(blocks), follows=True)


def _answered(answer: Answer) -> str:
    """Return a question's answer in a line; what could not be determined is never cut off."""
    if answer.undetermined is None:
        return f"• *{shown(answer.asks)}* {shown(' '.join(answer.sentences[:2]), LONGEST_ANSWER)}"
    known = " ".join(each for each in answer.sentences[:2] if not each.startswith("Could not determine: "))
    why = f"_Could not determine:_ {shown(answer.undetermined.rstrip('.'), LONGEST_ANSWER // 2)}."
    said = f"{shown(known, LONGEST_ANSWER // 2)} " if known else ""
    return f"• *{shown(answer.asks)}* {said}{why}"


def _packed(lines: Iterable[str]) -> list[str]:
    """Return the lines in as few texts as a section's limit allows; none is cut for another's sake."""
    parts: list[str] = []
    for line in lines:
        if parts and len(parts[-1]) + len(line) < LONGEST_SECTION - 10:
            parts[-1] = f"{parts[-1]}\n{line}"
        else:
            parts.append(line)
    return parts


def _owner(told: Told) -> Iterator[tuple[datetime, Message]]:
    """Yield the question to the owner, in a direct message, and their answer in the thread."""
    owner = told.owner
    if owner is None:
        return
    incident, member = told.incident, owner.member.removeprefix(SLACK)
    name = shown(principal_name(incident.principal), 80)
    text = (
        f"Was this you? {name} made calls to AWS from {shown(_places(told), 80)}, "
        f"{moment(incident.first_event, '{date_short_pretty} {time}')} to {moment(incident.last_event, '{time}')}."
    )
    value = f"v1.{incident.incident_id}"
    if owner.answer is None:
        styles = {"no": "danger"}
        row = [button(said, f"owner.{key}", value, style=styles.get(key)) for key, said in ANSWERS.items()]
        more: tuple[Block, ...] = (actions(row, "owner"),)
    else:
        said = ANSWERS.get(owner.answer, owner.answer)
        more = (context([f"You answered: *{escaped(said)}*. Whoever decides sees it. Thank you."], "owner"),)
    small = context(["Your answer is evidence; it approves nothing. If in doubt, ask your security team."], "small")
    blocks = (section(text, "said"), *more, small)
    yield owner.asked_at, Message("owner", f"Was this you? {name} in AWS", blocks, follows=True, to=member)
    if owner.answer is not None and owner.answered_at is not None:
        text = f"{who(owner.member)}, the owner, answered: *{escaped(ANSWERS.get(owner.answer, owner.answer))}*."
        yield _reply("owner answered", owner.answered_at, text)


def _places(told: Told) -> str:
    names = [", ".join(part for part in (each.city, each.country) if part) for each in told.incident.places[:2]]
    return " and ".join(name for name in names if name) or "a place that is not known"


def _higher(told: Told) -> Iterator[tuple[datetime, Message]]:
    """Yield that the risk rose into a higher band than people were first told of."""
    if told.first_severity is None or told.first_told_at is None:
        return
    now = severity(told.incident.peak_risk)
    if BANDS.index(now) > BANDS.index(told.first_severity):
        text = f"{_mention(told)}The risk rose: it is *{now.value}* now. {shown(headline(told))}"
        yield _reply(f"band {now.value}", told.now, text)


def _called(told: Told) -> Iterator[tuple[datetime, Message]]:
    """Yield who is called when nobody answers, 5 minutes each, and the pager at the first time."""
    waiting = [each for each in standings(told) if each.state == OPEN and each.plan.playbook != UNDO]
    delivered = [each.asked.request.delivered_at for each in waiting if each.asked.request.delivered_at]
    if not delivered or any(each.asked.decisions for each in standings(told)):
        return
    since = min(delivered)
    for number in range(1, max(len(told.groups), 2)):
        at = since + number * ESCALATES_AFTER
        if told.now < at:
            return
        minutes = int(number * ESCALATES_AFTER / timedelta(minutes=1))
        if number < len(told.groups):
            text = f"<!subteam^{told.groups[number]}> nobody answered for {minutes} minutes: {shown(headline(told))}"
            yield _reply(f"called {number}", at, text)
        if number == 1:
            yield at, Message("pager", f"Nobody answered for {minutes} minutes: {headline(told)}", (), False, to=PAGER)


def _mention(told: Told) -> str:
    return f"<!subteam^{told.groups[0]}> " if told.groups else ""


# --- what people answered, and what was done --------------------------------------------------------------------------


def _of_request(standing: Standing, told: Told) -> Iterator[tuple[datetime, Message]]:
    request, asked = standing.asked.request, standing.asked
    name = f"*{standing.title}*"
    if _has_grown(standing, told):
        text = f"{_mention(told)}The plan to {standing.title.lower()} grew, and is asked anew: see the card."
        yield _reply(f"grown {request.request_id}", request.asked_at, text)
    if standing.state == EXPIRED:
        text = f"{name} was not answered until {moment(request.expires_at)}: nothing was done."
        yield _reply(f"expired {request.request_id}", request.expires_at, text)
    decided = standing.decided
    for each in standing.approvals:
        if decided is None or each.decision_id != decided.decision_id:
            text = f"{who(each.by)} approved {name} {moment(each.decided_at)}. One more person must.{_why(each.why)}"
            yield _reply(f"waiting {each.decision_id}", each.decided_at, text)
    if decided is None or asked.settlement is None:
        return
    did = {
        SettlementOutcome.APPROVED: f"approved {name}",
        SettlementOutcome.LEFT_ON: f"left it on, for {name}",
        SettlementOutcome.EXPECTED: "called it expected",
    }[asked.settlement.outcome]
    text = f"{who(decided.by)} {did} {moment(decided.decided_at)}.{_why(decided.why)}"
    small = context([f"decision {code(decided.decision_id, 40)} · plan {code(decided.digest[-12:], 20)}"], "small")
    yield _reply(f"settled {request.request_id}", decided.decided_at, text, small)
    done = receipts_of(told, decided.decision_id)
    for receipt in done:
        if receipt.outcome is not Outcome.STARTED:
            yield _step(receipt, len(done))
    if standing.watch is not None and standing.watch.said:
        yield from _watched(standing, standing.watch, told)


def _why(why: str) -> str:
    return f" “{shown(why, 300)}”" if why else ""


def _has_grown(standing: Standing, told: Told) -> bool:
    """Return whether people had been shown another plan of the same playbook before."""
    request = standing.asked.request
    return any(
        is_same_answer(each.request.plan, request.plan)
        and each.request.asked_at < request.asked_at
        and each.settlement is None
        and each.request.delivered_at is not None
        and each.request.expires_at > request.asked_at
        for each in told.course.asked
    )


def _step(receipt: Receipt, count: int) -> tuple[datetime, Message]:
    """Return what came of one step; an undone one says so in the receipt, not here."""
    when = receipt.applied_at or receipt.started_at
    took = f", read back {(when - receipt.started_at).total_seconds():.1f} s later" if receipt.applied_at else ""
    outcome = "applied" if receipt.outcome is Outcome.UNDONE else receipt.outcome.value.replace("_", " ")
    verb = "undo of " if receipt.step.undoes else ""
    number = f"{receipt.position + 1}/{count}" if count >= receipt.position + 1 else f"{receipt.position + 1}"
    text = (
        f"{number} {verb}{code(receipt.step.action, 60)} on {code(principal_name(receipt.step.target), 60)}: "
        f"*{outcome}* {moment(when)}{took}. {shown(receipt.said, 300)}"
    )
    return _reply(f"step {receipt.receipt_id}", when, text)


def _watched(standing: Standing, watch: Watch, told: Told) -> Iterator[tuple[datetime, Message]]:
    """Yield how the quiet stands where people must know, and the receipt with its Undo."""
    when = watch.contained_at or told.now
    if watch.state in {"still_used", "reversed"}:
        what = "Still used" if watch.state == "still_used" else "Turned back"
        text = f"{_mention(told)}*{what}.* {shown(watch.said, 400)}"
        yield _reply(f"{watch.state} {watch.decision_id}", told.now, text)
    if standing.plan.playbook == UNDO:
        if watch.state not in {"undone", "dry_run"}:
            text = f"*Undo: {shown(watch.state.replace('_', ' '), 40)}.* {shown(watch.said, 500)}"
            yield _reply(f"{watch.state} {watch.decision_id}", watch.applied_at, text)
        return
    yield watch.applied_at, _receipt(standing, watch, told, when)


def _receipt(standing: Standing, watch: Watch, told: Told, when: datetime) -> Message:
    """Return the receipt; it follows how things stand, and its Undo goes once there is nothing to undo."""
    receipts, decided = receipts_of(told, watch.decision_id), standing.decided
    stands = how(standing, told)
    state = {
        "contained": "Contained",
        "watching": "Applied, watching",
        "dry_run": "Dry run, nothing was changed",
        "undone": "Undone",
    }.get(stands, shown(stands.replace("_", " ").capitalize(), 40))
    text = f"*{state}{f' {moment(when)}' if watch.contained_at else ''}.* {shown(watch.said, 500)}"
    facts = []
    if receipts:
        facts.append(f"*Receipts*\n{_listed([code(each.receipt_id, 40) for each in receipts])}")
        facts.append(f"*Before*\n{_listed([_before(each) for each in receipts])}")
        facts.append(f"*After*\n{_listed([shown(each.said, 150) for each in receipts])}")
    if decided is not None:
        facts.append(f"*Approved*\n{who(decided.by)} {moment(decided.decided_at)}")
        delivered = standing.asked.request.delivered_at
        if delivered is not None:
            facts.append(f"*Told → decided*\n{_length(decided.decided_at - delivered)}")
        applied = [each.applied_at for each in receipts if each.applied_at]
        if applied:
            facts.append(f"*Decided → applied*\n{_length(max(applied) - decided.decided_at)}")
    blocks: list[Block] = [section(text, "said")]
    if facts:
        blocks.append(fields(facts, "facts"))
    still = [shown(each, 150) for each in standing.plan.survives[:4]]
    still += [f"by hand: {shown(each.text, 150)}" for each in told.course.by_hand if each.done_at is None][:3]
    if still:
        blocks.append(context([f"*Still open:* {' · '.join(still)}"], "open"))
    if any(each.may_hold for each in receipts):
        value = f"v1.{watch.decision_id}"
        blocks.append(actions([button("Undo…", "undo.request", value, label="Asks to give back what was.")], "undo"))
    return Message(f"receipt {watch.decision_id}", f"{state}: {standing.title}", tuple(blocks), follows=True)


def _listed(lines: list[str]) -> str:
    """Return a few lines, and how many there are more."""
    more = [f"and {len(lines) - MOST_RECEIPTS} more"] if len(lines) > MOST_RECEIPTS else []
    return "\n".join([*lines[:MOST_RECEIPTS], *more])


def _before(receipt: Receipt) -> str:
    """Return what was before a step, in a few words; the whole snapshot is in the receipt."""
    before, key = receipt.before, receipt.step.arguments.get("access_key_id")
    if not before:
        return "nothing was read"
    if key is not None and "status" in before:
        return f"key …{shown(str(key)[-4:], 8)}: {shown(str(before['status']), 20)}"
    if "document" in before:
        return f"{shown(principal_name(receipt.step.target), 60)} without our policy"
    return "as the receipt keeps it"


def _length(length: timedelta) -> str:
    seconds = max(length.total_seconds(), 0)
    if seconds < 10:  # noqa: PLR2004 - then the tenths are telling
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - minutes read better
