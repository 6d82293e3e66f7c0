from typing import Any

from asking import Stubbed

from prefect_cloudtrail.context.lookups import Lookups, Unanswered
from prefect_cloudtrail.errors import SourceError

ALIASES = ("iam", "list_account_aliases", {"AccountAliases": ["example"]})


def aliases(lookups: Lookups, account: str = "1") -> object:
    return lookups.ask("iam", "ListAccountAliases", account)


def test_the_same_thing_is_asked_once() -> None:
    aws, waited = Stubbed(ALIASES), list[float]()
    lookups = Lookups(aws, wait=waited.append)
    first, second = aliases(lookups), aliases(lookups)
    assert first == second
    assert (len(aws.asked), len(waited)) == (1, 1)


def test_past_the_cap_nothing_is_asked_but_what_is_known_is_told() -> None:
    lookups = Lookups(Stubbed(ALIASES), most_calls=1, wait=lambda _: None)
    known = aliases(lookups)
    assert aliases(lookups, "2") == Unanswered("more than 1 look-ups in AWS were needed")
    assert aliases(lookups) == known


def test_past_its_time_nothing_is_asked() -> None:
    moments = iter([0.0, 0.0, 31.0])
    lookups = Lookups(Stubbed(ALIASES), wait=lambda _: None, clock=lambda: next(moments))
    assert aliases(lookups)
    assert aliases(lookups, "2") == Unanswered("look-ups in AWS took more than 30 seconds")


def test_what_aws_refuses_is_told_and_not_raised() -> None:
    for code, said in (
        ("AccessDenied", "iam:ListAccountAliases is not permitted in account 1"),
        ("NoSuchEntity", "iam:ListAccountAliases finds nothing by that name in account 1"),
        (
            "Throttling",
            (
                "iam:ListAccountAliases in account 1: An error occurred (Throttling) when calling the "
                "ListAccountAliases operation: "
            ),
        ),
    ):
        found = aliases(Lookups(Stubbed(("iam", "list_account_aliases", code)), wait=lambda _: None))
        assert isinstance(found, Unanswered)
        assert found.why.strip() == said.strip()
        assert found.missing == (code == "NoSuchEntity")


def test_a_role_that_cannot_be_assumed_is_told_and_not_raised() -> None:
    class Closed:
        def client(self, service: str, account_id: str, region: str | None = None) -> Any:
            raise SourceError(f"cannot assume the role in {account_id} for {service} {region}")

    assert aliases(Lookups(Closed(), wait=lambda _: None)) == Unanswered(
        "iam:ListAccountAliases in account 1: cannot assume the role in 1 for iam None"
    )
