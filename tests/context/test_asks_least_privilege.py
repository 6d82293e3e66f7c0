from datetime import timedelta

from asking import NO_READER, Stubbed, a_case, an_incident, answer
from frames import NOON, days

NAME = "least_privilege"
ATTACHED = {"AttachedPolicies": [{"PolicyName": "Admin", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}
JOB = {"JobId": "00000000-0000-0000-0000-000000000001"}


def a_report(status: str, *services: tuple[str, int | None]) -> dict[str, object]:
    used = [
        {"ServiceName": name, "ServiceNamespace": name}
        | ({"LastAuthenticated": NOON - timedelta(days=back)} if back is not None else {})
        for name, back in services
    ]
    done = {"JobCreationDate": NOON, "JobCompletionDate": NOON}
    return {"JobStatus": status, "ServicesLastAccessed": used, **done}


def test_services_that_nobody_used_are_told_once_the_report_is_made() -> None:
    aws = Stubbed(
        ("iam", "list_attached_user_policies", ATTACHED),
        ("iam", "generate_service_last_accessed_details", JOB),
        ("iam", "get_service_last_accessed_details", a_report("IN_PROGRESS")),
        ("iam", "get_service_last_accessed_details", a_report("COMPLETED", ("s3", 91), ("ec2", 89), ("kms", None))),
    )
    assert answer(NAME, a_case(past=days(3), aws=aws)).said == (
        "In the 90 days before it used 1 service: ec2.",
        "Attached: arn:aws:iam::aws:policy/AdministratorAccess.",
        "2 services of 3 allowed not used in 90 days: kms, s3.",
    )


def test_a_role_is_asked_about_by_its_own_name() -> None:
    role = an_incident(principal="arn:aws:iam::111122223333:role/app/web/maria", principal_kind="role_session")
    aws = Stubbed(
        ("iam", "list_attached_role_policies", {"AttachedPolicies": []}),
        ("iam", "generate_service_last_accessed_details", JOB),
        ("iam", "get_service_last_accessed_details", a_report("COMPLETED", ("ec2", 1))),
    )
    assert answer(NAME, a_case(incident=role, aws=aws)).said[1:] == (
        "No policy is attached to it directly.",
        "It used all that it is allowed in 90 days.",
    )


def test_a_report_that_does_not_come_is_said() -> None:
    waiting = [("iam", "get_service_last_accessed_details", a_report("IN_PROGRESS"))] * 5
    aws = Stubbed(
        ("iam", "list_attached_user_policies", ATTACHED),
        ("iam", "generate_service_last_accessed_details", JOB),
        *waiting,
    )
    assert answer(NAME, a_case(aws=aws)).undetermined == (
        "the services it does not use: IAM had no report after 5 seconds"
    )


def test_without_a_reader_what_it_used_is_told() -> None:
    assert answer(NAME, a_case(past=days(1))).said == (
        "In the 90 days before it used 1 service: ec2.",
        f"Could not determine: its policies: {NO_READER}. Looked at: history.",
    )


def test_root_has_no_policies_to_ask_for() -> None:
    root = an_incident(principal="arn:aws:iam::111122223333:root", principal_kind="root")
    assert answer(NAME, a_case(incident=root)).undetermined == "it is neither an IAM user nor a role"
