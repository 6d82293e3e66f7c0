from asking import NO_READER, Stubbed, a_case, an_incident, answer

NAME = "other_alerts"


def test_our_incidents_and_guarddutys_findings_are_counted() -> None:
    finding = {
        "AccountId": "111122223333",
        "Arn": "arn:example",
        "CreatedAt": "2026-03-20",
        "Id": "f-1",
        "Region": "eu-central-1",
        "Resource": {},
        "SchemaVersion": "2.0",
        "Severity": 8.0,
        "Type": "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
        "UpdatedAt": "2026-03-20",
    }
    aws = Stubbed(
        ("guardduty", "list_detectors", {"DetectorIds": ["d-1"]}),
        ("guardduty", "list_findings", {"FindingIds": ["f-1"]}),
        ("guardduty", "get_findings", {"Findings": [finding]}),
    )
    said = answer(NAME, a_case(aws=aws, others=(an_incident(incident_id="inc_2"),)))
    assert said.said == (
        "This incident holds 1 alert.",
        "1 other incident of the same person within 48 hours.",
        "GuardDuty has 1 finding about its keys.",
    )
    assert [row.get("incident_id") or row["finding"] for row in said.rows] == ["inc_2", finding["Type"]]


def test_guardduty_that_may_not_be_asked_is_said() -> None:
    aws = Stubbed(("guardduty", "list_detectors", "AccessDeniedException"))
    assert answer(NAME, a_case(aws=aws)).said == (
        "This incident holds 1 alert.",
        "No other incident of the same person within 48 hours.",
        (
            "Could not determine: GuardDuty's findings: guardduty:ListDetectors is not permitted in account "
            "111122223333. Looked at: our own alerts."
        ),
    )


def test_without_a_reader_our_own_alerts_are_told() -> None:
    assert answer(NAME, a_case()).said[-1] == (
        f"Could not determine: GuardDuty's findings: {NO_READER}. Looked at: our own alerts."
    )
