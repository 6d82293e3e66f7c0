from asking import NO_READER, Stubbed, a_case, answer, stolen

from prefect_cloudtrail.response.rules import Rules

NAME = "account_role"


def test_an_account_that_the_rules_call_critical_is_told_with_its_alias() -> None:
    aws = Stubbed(("iam", "list_account_aliases", {"AccountAliases": ["example-production"]}))
    rules = Rules(critical_accounts=("111122223333",), critical_services=("iam", "s3"))
    assert answer(NAME, a_case(stolen(), aws=aws, rules=rules)).said == (
        "111122223333 is called example-production.",
        "Critical by the rules: 111122223333, iam.",
    )


def test_what_the_rules_do_not_name_is_not_critical() -> None:
    aws = Stubbed(("iam", "list_account_aliases", {"AccountAliases": []}))
    assert answer(NAME, a_case(aws=aws, rules=Rules(critical_accounts=("999999999999",)))).said == (
        "111122223333 has no alias.",
        "Nothing that the rules call critical was touched.",
    )


def test_without_a_reader_and_rules_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case()).said == (
        (
            f"Could not determine: the alias of 111122223333: {NO_READER}; the rules name no critical_accounts or "
            "critical_services. Looked at: the account's alias, the rules."
        ),
    )
