from asking import a_case, answer, stolen

from prefect_cloudtrail.response.rules import Rules

NAME = "regulation"


def test_a_regime_of_the_account_runs_its_clock_from_detection() -> None:
    rules = Rules(regimes={"GDPR": ("111122223333",), "PCI DSS": ("iam",), "HIPAA": ("s3",)})
    assert answer(NAME, a_case(stolen(), rules=rules)).said == (
        (
            "GDPR holds for 111122223333: until 2026-03-23 12:15 UTC to tell the supervisory authority (article 33), "
            "counted from detection."
        ),
        "PCI DSS holds for iam: no clock of it is known here.",
    )


def test_what_is_not_marked_is_not_touched() -> None:
    assert answer(NAME, a_case(rules=Rules(regimes={"GDPR": ("999999999999",)}))).said == (
        "None of the marked accounts and services was touched.",
    )


def test_without_marks_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case()).said == (
        "Could not determine: the rules mark no account or service with a regime (regimes). Looked at: the rules.",
    )
