"""The closing checklist: what must be done until an incident is over, ticked by read-back or by a person."""

from dataclasses import dataclass

from prefect_cloudtrail.context.asked import Asked, listed, moment, shown
from prefect_cloudtrail.context.lookups import Unanswered

BY_PERSON = "A person ticks this."
NOT_READ = "Not read back"


@dataclass(frozen=True)
class Closing:
    """One line; `how` says by what it was ticked, or why not."""

    name: str
    text: str
    done: bool
    how: str


def checklist(case: Asked) -> tuple[Closing, ...]:
    """Return the lines of this incident, in the order they are best done."""
    lines = [_key(case, key) for key in case.incident.access_key_ids if key.startswith("AKIA")]
    lines += [_session(case, index) for index in range(len(case.trace.sessions))]
    lines += [
        Closing(
            f"made_{index}", f"Take back {shown(each.command)} {shown(each.target, 120)}.", done=False, how=BY_PERSON
        )
        for index, each in enumerate(case.trace.made, start=1)
    ]
    if case.user_name:
        lines.append(_mfa(case, case.user_name))
    lines.append(
        Closing("unused", "Take away permissions and keys that nobody used in 90 days.", done=False, how=BY_PERSON)
    )
    services = sorted({alert.command.partition(":")[0] for alert in case.incident.alerts})
    lines.append(
        Closing("policy", f"Tighten the policy that allowed it: {listed(services)}.", done=False, how=BY_PERSON)
    )
    return tuple(lines)


def _key(case: Asked, key: str) -> Closing:
    text = f"Rotate the key {shown(key)}."
    if case.user_name is None:
        return Closing(f"rotate_{key}", text, done=False, how=BY_PERSON)
    found = case.lookups.ask("iam", "ListAccessKeys", case.incident.account_id, UserName=case.user_name)
    if isinstance(found, Unanswered):
        return Closing(f"rotate_{key}", text, done=False, how=f"{NOT_READ}: {found.why}.")
    statuses = {each["AccessKeyId"]: str(each["Status"]) for each in found["AccessKeyMetadata"]}
    status = statuses.get(key, "gone")
    return Closing(f"rotate_{key}", text, done=status != "Active", how=f"Read back: it is {status}.")


def _session(case: Asked, index: int) -> Closing:
    each = case.trace.sessions[index]
    text = f"Let the session of {shown(each.role, 120)} run out, or revoke it."
    name = f"session_{each.access_key_id or index}"
    if each.expires_at is None:
        return Closing(name, text, done=False, how=BY_PERSON)
    done = each.expires_at <= case.now
    return Closing(name, text, done=done, how=f"It {'ended' if done else 'ends'} at {moment(each.expires_at)}.")


def _mfa(case: Asked, user_name: str) -> Closing:
    found = case.lookups.ask("iam", "ListMFADevices", case.incident.account_id, UserName=user_name)
    if isinstance(found, Unanswered):
        return Closing("mfa", "Ask for MFA.", done=False, how=f"{NOT_READ}: {found.why}.")
    done = bool(found["MFADevices"])
    return Closing(
        "mfa", "Ask for MFA.", done=done, how=f"Read back: {'a device is' if done else 'no device is'} there."
    )
