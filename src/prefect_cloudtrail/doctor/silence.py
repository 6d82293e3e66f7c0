"""Whether the trail itself fell silent, or was told to record less, as far as the runs so far know."""

from collections.abc import Iterator
from datetime import datetime

from prefect_cloudtrail.checks import Check, counted
from prefect_cloudtrail.notices import NoticeKind
from prefect_cloudtrail.silence import TRAIL, watched_from
from prefect_cloudtrail.store import Store


def look_at_silence(store: Store, now: datetime) -> Iterator[Check]:
    """Yield what goes on, or that nothing does, and whether it would be seen."""
    going_on = store.notices.all(NoticeKind.SILENCE, NoticeKind.STOPPED, going_on=True)
    for each in going_on:
        if each.kind == NoticeKind.SILENCE:
            whose = f"account {each.subject}" if each.subject else "the trail, all its accounts,"
            said = f"{whose} delivered nothing since {each.happened_at:%Y-%m-%d %H:%M} UTC"
            yield Check(
                "silence", "warn", said, "see that the trail is logging, and that its bucket takes what it delivers"
            )
        else:
            yield Check("silence", "warn", each.sentence, "start it again, or see that another trail records the same")
    known = [each for each in store.notices.deliveries() if each.account != TRAIL]
    if not known:
        said = "whether a trail falls silent is not seen: no log object that was read is named as CloudTrail names it"
        yield Check("silence", "warn", said, "read the trail's bucket, or a copy that keeps the names")
        return
    watched = [each for each in known if watched_from(each) <= now]
    if not watched:
        soonest = min(watched_from(each) for each in known)
        said = f"what is usual is not known yet: an account's silence is told from {soonest:%Y-%m-%d} on"
        yield Check("silence", "ok", said)
    elif not going_on:
        yield Check("silence", "ok", f"{counted(len(watched), 'account')} watched, none is unusually silent")
