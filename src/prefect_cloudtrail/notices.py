"""What people must hear of beside incidents: a trail that fell silent, or was told to record less. Told once each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from prefect_cloudtrail.silence import TRAIL, Deliveries, Gap, Silence, silences, span

# More at once are told in one message.
ALONE = 3
NAMED = 10


class NoticeKind(StrEnum):
    """What a notice is about."""

    SILENCE = "silence"
    SILENCE_OVER = "silence_over"
    STOPPED = "logging_stopped"  # of a trail, or an event data store
    STARTED_AGAIN = "logging_started_again"
    NARROWED = "logging_narrowed"  # deleted, too


@dataclass(frozen=True)
class Notice:
    """One sentence that people must hear, once.

    Attributes:
        notice_id: the same, whichever run notices it.
        kind: what it is about.
        subject: the account, TRAIL for all of them; of logging, account and trail.
        sentence: what is said.
        happened_at: when it began; of an end, when that was.
        noticed_at: up to when the run that noticed it had read.
        told_with: the notice in whose message this one is told; None where it has its own.
        ended_at: of a silence, or of logging that was stopped, when it was over; None while it goes on.
    """

    notice_id: str
    kind: NoticeKind
    subject: str
    sentence: str
    happened_at: datetime
    noticed_at: datetime
    told_with: str | None = None
    ended_at: datetime | None = None

    def row(self) -> dict[str, str]:
        """Return it as scripts read it."""
        at = f"{self.happened_at:%Y-%m-%dT%H:%M:%SZ}"
        about = {"notice_id": self.notice_id, "kind": self.kind.value, "subject": self.subject}
        return {**about, "happened_at": at, "sentence": self.sentence}


def of_silence(
    known: Sequence[Deliveries], open_now: Sequence[Notice], now: datetime, outage: Gap | None
) -> list[Notice]:
    """Return the silences that began or ended, each once: those of `open_now` that go on are not said again.

    Args:
        known: deliveries, as `silence.silences` takes them.
        open_now: the silences that were told and are not over.
        now: until when all that was delivered is known.
        outage: as `silence.silences` takes it.
    """
    last = {each.account: each.last for each in known}
    over = [each for each in open_now if last.get(each.subject, each.happened_at) > each.happened_at]
    again = [_over(each, last[each.subject], now) for each in over]
    ended = next(((each.happened_at, last[TRAIL]) for each in over if each.subject == TRAIL), outage)
    told = {each.subject for each in open_now if each not in over}
    begun = [_begun(each) for each in silences(known, now, ended) if each.account not in told]
    return [*together(again), *together(begun)]


def _begun(found: Silence) -> Notice:
    advice = (
        "see that the trail is logging, that its bucket still takes what it delivers, and that the reader may list it"
        if found.account == TRAIL
        else "see that its trail is logging there; whether the account is closed or rests, its owner knows"
    )
    sentence = f"{found.sentence()}: {advice}."
    notice_id = f"silence {found.account} {found.since:%Y-%m-%dT%H:%M:%SZ}"
    return Notice(notice_id, NoticeKind.SILENCE, found.account, sentence, found.since, found.now)


def _over(silence: Notice, last: datetime, now: datetime) -> Notice:
    whose = f"account {silence.subject}" if silence.subject else "the trail"
    began = silence.happened_at
    since = f"it had been silent since {began:%Y-%m-%d %H:%M} UTC, for at most {span(last - began)}"
    return Notice(
        f"over {silence.notice_id}",
        NoticeKind.SILENCE_OVER,
        silence.subject,
        f"{whose} delivers again: {since}.",
        last,
        now,
    )


def together(notices: Sequence[Notice]) -> list[Notice]:
    """Return the notices of one kind and moment; of more than three, all are told in the first one's message."""
    if len(notices) <= ALONE:
        return list(notices)
    first, *others = notices
    named = ", ".join(each.subject for each in others[:NAMED])
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    sentence = f"{first.sentence} So it is with {len(others)} other accounts: {named}{more}."
    return [replace(first, sentence=sentence), *(replace(each, told_with=first.notice_id) for each in others)]


def still_silent(notices: Iterable[Notice]) -> list[str]:
    """Return a line for each silence that goes on: whose, and since when."""
    return [
        f"{each.subject or 'all accounts'} since {each.happened_at:%Y-%m-%dT%H:%M:%SZ}"
        for each in notices
        if each.kind == NoticeKind.SILENCE and each.ended_at is None
    ]
