"""Who is to be asked, by what a caller cannot choose."""

from prefect_cloudtrail.context.asked import Answered, Asked, listed, shown
from prefect_cloudtrail.context.chains import part
from prefect_cloudtrail.context.tags import owner_tag

ORDER = 10
ASKS = "Who is the owner, to be asked?"
PERMISSIONS = ("iam:ListRoleTags", "iam:ListUserTags")
LOOKED_AT = "the rules' owners, the Identity Center user, the owner tag"
# A session name is its caller's choice; so is a source identity that no trust policy demands.


def answer(case: Asked) -> Answered:
    """Return the owner a trusted mapping names; never by a session's name."""
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
