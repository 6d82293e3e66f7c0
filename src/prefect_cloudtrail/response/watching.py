"""Watches what was applied until its quiet is proven: read back, and no successful call by the credential any more.

"Contained" is said only when the read-back agrees, nothing that people must do by hand is open, and CloudTrail,
complete to 30 minutes after, shows no successful call. Complete is what was delivered: silence is not quiet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import polars as pl

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import ActionError, RefusedError, StateError, TargetGoneError
from prefect_cloudtrail.response.actions import Aws, actions
from prefect_cloudtrail.response.containing import Clock, alone, sentence
from prefect_cloudtrail.response.deciding import CLOCKS_DIFFER, approved
from prefect_cloudtrail.response.receipt import Outcome, Receipt, Watch
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store

# After the change: AWS is read back at 10, 30 and 60 seconds, and what was reversed by then is applied again. What is
# reversed later, a person may have wanted: it is told, not fought.
READ_BACKS = (timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=60))
# The last of them may come late.
APPLIES_AGAIN_FOR = timedelta(minutes=2)
EVERY = timedelta(minutes=5)
GIVES_UP_AFTER = timedelta(hours=24)
# IAM takes this long to reach everywhere; a call within it proves nothing.
SPREADS = timedelta(seconds=60)
QUIET_FOR = timedelta(minutes=30)
# CloudTrail delivers within about this; an object delivered now says that what happened so long ago is there.
DELIVERED_WITHIN = timedelta(minutes=15)
# No policy can deny it, so it shows nothing.
ALWAYS_ALLOWED = ("sts:GetCallerIdentity",)
SHOWN_COMMANDS = 3


class WatchState(StrEnum):
    """How a watched plan stands."""

    WATCHING = "watching"
    CONTAINED = "contained"
    STILL_USED = "still_used"
    REVERSED = "reversed"
    FAILED = "failed"
    UNPROVEN = "unproven"  # watched for a day without proof
    UNDONE = "undone"


ENDED = (WatchState.CONTAINED, WatchState.UNDONE, WatchState.FAILED, WatchState.UNPROVEN)


@dataclass(frozen=True)
class ReadBack:
    """What AWS says of one applied step now: whether it still agrees, and the sentence; or why it says nothing."""

    receipt: Receipt
    agrees: bool
    said: str
    answered: bool = True


def watch(store: Store, decision_id: str, aws: Aws, *, rules: Rules, keys: Keys, clock: Clock) -> Watch:
    """Return how an applied plan stands now, stored with when to look again.

    Raises:
        StateError: nothing was applied under this decision.
        LeaseHeldError: another looks right now, or undoes it.
    """
    _require_watched(store, decision_id)
    # What an undo gives back meanwhile would be applied again here.
    with alone(store, decision_id, clock):
        return _looked(store, decision_id, aws, (rules, keys), clock)


def _looked(store: Store, decision_id: str, aws: Aws, approval: tuple[Rules, Keys], clock: Clock) -> Watch:
    watched = _require_watched(store, decision_id)
    if watched.next_at is None:
        return watched
    incident = store.incidents(ids=[watched.incident_id])[0]
    changed = [
        each
        for each in store.responses.receipts(decision_id=decision_id)
        if each.outcome in {Outcome.APPLIED, Outcome.STARTED}
    ]
    found = [_read_back(store, each, aws, watched, approval, clock) for each in changed]
    now = clock()
    state, words = _judged(store, watched, incident, found, now)
    if state != watched.state:
        document = {"decision_id": decision_id, "was": watched.state, "said": words}
        store.responses.audit(f"watch {state}", incident.incident_id, document, now)
    return store.responses.update_watch(
        decision_id,
        state=state,
        said=words,
        next_at=None if state in ENDED else _next(watched.applied_at, now),
        contained_at=now if state == WatchState.CONTAINED else None,
    )


def _require_watched(store: Store, decision_id: str) -> Watch:
    watched = next((each for each in store.responses.watches() if each.decision_id == decision_id), None)
    if watched is None:
        raise StateError(f"nothing was applied under the decision {decision_id}")
    return watched


def still_made(index: pl.DataFrame, keys: Iterable[str], fence: Iterable[str], since: datetime) -> pl.DataFrame:
    """Return INDEX's rows of successful calls by the keys after `since`, oldest first.

    Args:
        index: INDEX.
        keys: access keys, temporary ones too.
        fence: networks that the principal was left to work from.
        since: when the change had spread.
    """
    return index.filter(
        pl.col("aws.cloudtrail.user_identity.access_key_id").is_in(list(keys)),
        pl.col("@timestamp") > since,
        pl.col("event.outcome") == "success",
        ~pl.col("command").is_in(list(ALWAYS_ALLOWED)),
        ~pl.col("network").is_in(list(fence)).fill_null(value=False),
    ).sort("@timestamp", "log.file.path", "log.offset")


def _read_back(
    store: Store, receipt: Receipt, aws: Aws, watched: Watch, approval: tuple[Rules, Keys], clock: Clock
) -> ReadBack:
    action = actions()[receipt.step.action]
    # Before it was applied no clock can be that is right: what is seen then is told, and not fought.
    early = -CLOCKS_DIFFER <= clock() - watched.applied_at <= APPLIES_AGAIN_FOR
    try:
        reading = action.verify(aws, receipt)
        if not reading.holds and early:
            # Within the same approval, which is verified again: what the principal turned back is turned again.
            try:
                approved(store, receipt.decision_id, *approval, clock())
            except RefusedError as error:
                # Such as a breaker that was tripped since: it stays turned back, and is told so.
                return ReadBack(
                    receipt, agrees=False, said=f"{reading.said} It is not applied again: {sentence(error)}"
                )
            action.apply(aws, receipt)
            reading = action.verify(aws, receipt)
            document = {"receipt_id": receipt.receipt_id, "holds": reading.holds, "said": reading.said}
            store.responses.audit("step applied again", receipt.incident_id, document, clock())
    except TargetGoneError as error:
        gone = store.responses.update_receipt(receipt.receipt_id, outcome=Outcome.GONE, said=sentence(error))
        return ReadBack(gone, agrees=True, said=gone.said)
    except ActionError as error:
        return ReadBack(receipt, agrees=False, said=sentence(error), answered=False)
    now = clock()
    if reading.holds:
        held = store.responses.update_receipt(
            receipt.receipt_id,
            outcome=Outcome.APPLIED,
            said=reading.said,
            after=reading.after,
            applied_at=receipt.applied_at or now,
            verified_at=now,
        )
        return ReadBack(held, agrees=True, said=held.said)
    never = receipt.applied_at is None and not early
    loose = store.responses.update_receipt(
        receipt.receipt_id,
        outcome=Outcome.FAILED if never else receipt.outcome,
        said=reading.said,
        after=reading.after,
    )
    return ReadBack(loose, agrees=False, said=loose.said)


def _judged(
    store: Store, watched: Watch, incident: Incident, found: Sequence[ReadBack], now: datetime
) -> tuple[WatchState, str]:
    """Return how it stands, and why, in a sentence."""
    receipts = store.responses.receipts(decision_id=watched.decision_id)
    outcomes = {each.outcome for each in receipts}
    if outcomes == {Outcome.UNDONE}:
        return WatchState.UNDONE, "It was undone."
    if outcomes == {Outcome.FAILED}:
        return WatchState.FAILED, "Nothing could be applied, so there is nothing to watch."
    turned = [each for each in found if each.answered and not each.agrees]
    if turned:
        before = any(each.receipt.applied_at for each in turned)
        return (WatchState.REVERSED if before else WatchState.WATCHING), " ".join(each.said for each in turned)
    used = _used(store, watched, incident, receipts)
    if used.height:
        return WatchState.STILL_USED, _said_of(used)
    silent = [each for each in found if not each.answered]
    if silent:
        # What is not known has not changed: it is neither contained nor turned back.
        words = f"AWS does not say whether it holds. {' '.join(each.said for each in silent)}"
        over = now - watched.applied_at > GIVES_UP_AFTER
        return (WatchState.UNPROVEN if over else WatchState(watched.state)), words
    return _quiet(store, watched, incident, receipts, now)


def _quiet(
    store: Store, watched: Watch, incident: Incident, receipts: Sequence[Receipt], now: datetime
) -> tuple[WatchState, str]:
    """Return whether the quiet of what holds is proven, and what is missing."""
    by_hand = [each for each in store.responses.manual_steps(watched.incident_id) if not each.done_at]
    accounts = {incident.account_id, *(each.step.account_id for each in receipts)}
    complete = [store.responses.delivered_until(account, watched.applied_at) for account in accounts]
    complete_to = None if None in complete else min(each for each in complete if each) - DELIVERED_WITHIN
    proven_at = watched.applied_at + QUIET_FOR
    if by_hand:
        names = ", ".join(each.name for each in by_hand)
        state, words = WatchState.WATCHING, f"Quiet so far; to be done by hand still: {names}."
    elif complete_to is None or complete_to < proven_at:
        known = f"is complete to {complete_to:%H:%M} UTC" if complete_to else "delivered nothing yet"
        words = f"Quiet so far; CloudTrail {known}, and must be complete to {proven_at:%H:%M} UTC."
        state = WatchState.WATCHING
    else:
        words = f"Read back, and no successful call since; CloudTrail is complete to {complete_to:%H:%M} UTC."
        return WatchState.CONTAINED, words
    return (WatchState.UNPROVEN if now - watched.applied_at > GIVES_UP_AFTER else state), words


def _used(store: Store, watched: Watch, incident: Incident, receipts: Sequence[Receipt]) -> pl.DataFrame:
    steps = [each.step for each in receipts]
    keys = {*incident.access_key_ids, *(str(key) for step in steps if (key := step.arguments.get("access_key_id")))}
    gathered = store.responses.context(incident.incident_id)
    if gathered is not None:
        # Sessions that were made from it are it, too.
        keys |= {str(each["access_key_id"]) for each in msgspec.json.decode(gathered)["sessions"]} - {"None"}
    fence = {network for step in steps for network in step.arguments.get("networks", ())}
    since = watched.applied_at + SPREADS
    return still_made(store.scan("index", since=since).collect(), keys, fence, since)


def _said_of(used: pl.DataFrame) -> str:
    commands = used["command"].unique(maintain_order=True).to_list()
    more = f" and {len(commands) - SHOWN_COMMANDS} more" if len(commands) > SHOWN_COMMANDS else ""
    calls = f"{used.height:,} successful call{'s' if used.height > 1 else ''}"
    last = used["@timestamp"][-1]
    return f"{calls} since, the last at {last:%H:%M:%S} UTC: {', '.join(commands[:SHOWN_COMMANDS])}{more}."


def _next(applied_at: datetime, now: datetime) -> datetime:
    """Return when to look again: at the next read-back, then every few minutes."""
    ahead = [applied_at + after for after in READ_BACKS if applied_at + after > now]
    return min([*ahead, now + EVERY])
