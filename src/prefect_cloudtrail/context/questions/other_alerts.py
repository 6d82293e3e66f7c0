"""What else was raised about the same user in the 48 hours."""

from datetime import timedelta

from prefect_cloudtrail.context.asked import Answered, Asked, moment, number, shown
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 3
ASKS = "Are there other alerts of this user in the last 48 hours?"
PERMISSIONS = ("guardduty:GetFindings", "guardduty:ListDetectors", "guardduty:ListFindings")
MOST_FINDINGS = 20
MOST_REGIONS = 5
BEFORE = timedelta(hours=48)


def answer(case: Asked) -> Answered:
    """Return the same people's other incidents, and GuardDuty's findings about its keys where they may be asked for."""
    sentences = [f"This incident holds {number(len(case.incident.alerts), 'alert')}."]
    rows = [
        {
            "incident_id": each.incident_id,
            "risk": each.risk,
            "opened_at": moment(each.opened_at),
            "said": shown(each.summary),
        }
        for each in case.others
    ]
    if rows:
        sentences.append(f"{number(len(rows), 'other incident')} of the same person within 48 hours.")
    else:
        sentences.append("No other incident of the same person within 48 hours.")
    found = _findings(case)
    if isinstance(found, Unanswered):
        return Answered(tuple(sentences), tuple(rows), f"GuardDuty's findings: {found.why}", "our own alerts")
    sentences.append(
        f"GuardDuty has {number(len(found), 'finding')} about its keys." if found else "GuardDuty has none."
    )
    return Answered(tuple(sentences), (*rows, *found))


def _findings(case: Asked) -> list[dict[str, object]] | Unanswered:
    keys = [key for key in case.incident.access_key_ids if key][:50]
    if case.lookups.aws is not None and not keys:
        return Unanswered("no access key is known to ask for")
    account, rows = case.incident.account_id, []
    regions = sorted(case.here["cloud.region"].drop_nulls().unique())[:MOST_REGIONS] or ["us-east-1"]
    since = int((case.incident.first_event - BEFORE).timestamp() * 1000)
    criteria = {"Criterion": {"resource.accessKeyDetails.accessKeyId": {"Eq": keys}, "updatedAt": {"Gte": since}}}
    for region in regions:
        detectors = case.lookups.ask("guardduty", "ListDetectors", account, region)
        if isinstance(detectors, Unanswered):
            return detectors
        for detector in detectors["DetectorIds"]:
            listed = case.lookups.ask(
                "guardduty", "ListFindings", account, region, DetectorId=detector, FindingCriteria=criteria
            )
            if isinstance(listed, Unanswered):
                return listed
            if not listed["FindingIds"]:
                continue
            ids = listed["FindingIds"][:MOST_FINDINGS]
            got = case.lookups.ask("guardduty", "GetFindings", account, region, DetectorId=detector, FindingIds=ids)
            if isinstance(got, Unanswered):
                return got
            rows += [
                {"finding": shown(f["Type"]), "severity": f["Severity"], "region": region} for f in got["Findings"]
            ]
    return rows
