"""What the credential opens, beside what it is used for."""

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, listed, number, shown
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 20
ASKS = "Does it have no more than it needs?"
PERMISSIONS = (
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetServiceLastAccessedDetails",
    "iam:ListAttachedRolePolicies",
    "iam:ListAttachedUserPolicies",
)
UNUSED_DAYS = 90
ASKS_FOR_REPORT = 5
REPORT_SECONDS = 1.0


def answer(case: Asked) -> Answered:
    """Return its attached policies, and the services they allow that were not used in 90 days."""
    used = sorted({command.partition(":")[0] for command in case.own["command"].unique()})
    sentences = [f"In the 90 days before it used {number(len(used), 'service')}: {listed(used)}."]
    asked = _target(case)
    if asked is None:
        return Answered(tuple(sentences), (), "it is neither an IAM user nor a role", "history")
    arn, account = asked, asked.split(":")[4]
    if case.user_name:
        attached = case.lookups.ask("iam", "ListAttachedUserPolicies", account, UserName=case.user_name)
    else:
        attached = case.lookups.ask("iam", "ListAttachedRolePolicies", account, RoleName=case.role_name)
    if isinstance(attached, Unanswered):
        return Answered(tuple(sentences), (), f"its policies: {attached.why}", "history")
    policies = [shown(each["PolicyArn"], 150) for each in attached["AttachedPolicies"]]
    sentences.append(f"Attached: {listed(policies)}." if policies else "No policy is attached to it directly.")
    report = _report(case, account, arn)
    if isinstance(report, Unanswered):
        return Answered(tuple(sentences), (), f"the services it does not use: {report.why}", "history, its policies")
    unused = sorted(shown(each["ServiceNamespace"]) for each in report if _is_unused(each, case))
    sentences.append(
        f"{number(len(unused), 'service')} of {len(report)} allowed not used in 90 days: {listed(unused)}."
        if unused
        else "It used all that it is allowed in 90 days."
    )
    return Answered(tuple(sentences), tuple({"unused_service": each} for each in unused[:MOST_ROWS]))


def _target(case: Asked) -> str | None:
    """The user's or role's ARN."""
    if case.user_name:
        return case.incident.principal
    if case.role_name and ":role/" in case.incident.principal:
        arn, _, path = case.incident.principal.partition(":role/")
        end = path.rpartition(case.role_name)[0] + case.role_name
        return f"{arn}:role/{end}"
    return None


def _report(case: Asked, account: str, arn: str) -> list[dict[str, object]] | Unanswered:
    job = case.lookups.ask("iam", "GenerateServiceLastAccessedDetails", account, Arn=arn)
    if isinstance(job, Unanswered):
        return job
    for again in range(ASKS_FOR_REPORT):
        found = case.lookups.ask("iam", "GetServiceLastAccessedDetails", account, again=again, JobId=job["JobId"])
        if isinstance(found, Unanswered):
            return found
        if found["JobStatus"] != "IN_PROGRESS":
            return list(found["ServicesLastAccessed"])
        case.lookups.wait(REPORT_SECONDS)
    return Unanswered(f"IAM had no report after {ASKS_FOR_REPORT} seconds")


def _is_unused(service: dict[str, object], case: Asked) -> bool:
    last = service.get("LastAuthenticated")
    return last is None or (case.now - last).days > UNUSED_DAYS  # type: ignore[operator]
