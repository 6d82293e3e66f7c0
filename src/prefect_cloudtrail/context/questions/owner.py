"""Who is to be asked, by what a caller cannot choose; and what they answered, where they were asked."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from prefect_cloudtrail.context.asked import Answered, Asked, listed, moment, shown
from prefect_cloudtrail.context.chains import part
from prefect_cloudtrail.context.tags import owner_tag

ORDER = 10
ASKS = "Who is the owner, to be asked?"
PERMISSIONS = ("iam:ListRoleTags", "iam:ListUserTags")
LOOKED_AT = "the rules' owners, the Identity Center user, the owner tag"
# A session name is its caller's choice; so is a source identity that no trust policy demands.
# What the buttons of "Was this you?" carry. Whoever took over the owner's Slack could answer, too: it decides nothing.
SAID: Mapping[str, str] = MappingProxyType({"yes": "it was me", "no": "it was not me", "unsure": "I am not sure"})


def answer(case: Asked) -> Answered:
    """Return the owner a trusted mapping names, never by a session's name, and what they said of it in Slack."""
    found, asked = _owner(case), case.owner_asked
    if asked is None:
        return found
    sentence = f"Asked {shown(asked.member)} in Slack at {moment(asked.asked_at)}; no answer yet."
    if asked.answer is not None and asked.answered_at is not None:
        said = SAID[asked.answer]
        sentence = (
            f"Asked {shown(asked.member)} in Slack at {moment(asked.asked_at)}; "
            f'answered at {moment(asked.answered_at)}: "{said}". That is their word, and decides nothing.'
        )
    return replace(found, sentences=(*found.sentences, sentence))


def _owner(case: Asked) -> Answered:
    owners, incident = case.rules.owners, case.incident
    mapped = owners.get(incident.principal) or owners.get(incident.person)
    if mapped:
        return Answered((f"{shown(mapped)}, by the rules' owners.",))
    users = {part(each, "userIdentity", "onBehalfOf").get("userId") for each in case.records_here} - {None}
    if users:
        return Answered((f"The Identity Center user {listed(sorted(map(str, users)))}.",))
    tag = owner_tag(case)
    if tag.owner is None:
        why = tag.undetermined or f"no trusted mapping names one: {tag.sentence}"
        return Answered((), (), why.rstrip("."), LOOKED_AT)
    if tag.changed_at is not None:
        return Answered((), (), f"its owner tag, {shown(tag.owner)}, was changed in these 48 hours", LOOKED_AT)
    return Answered((f"{shown(tag.owner)}, by its owner tag.",))
