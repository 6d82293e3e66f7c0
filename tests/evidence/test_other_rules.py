from dataclasses import replace

from frames import strand

from prefect_cloudtrail.evidence.other_rules import explain


def test_another_rule_that_finds_the_same_calls_unusual_speaks_for_it() -> None:
    assert explain(replace(strand(), other_rules=("rare_error_code",))) == ("Other rules agree: rare error code.")


def test_without_another_rule_it_says_nothing() -> None:
    assert explain(strand()) is None


def test_without_a_new_place_it_takes_two() -> None:
    usual = replace(strand(), new_place=False)
    assert explain(replace(usual, other_rules=("rare_error_code",))) is None
    assert explain(replace(usual, other_rules=("error_message_spike", "rare_error_code"))) == (
        "Other rules agree: error message spike, rare error code."
    )
