import pytest
from frames import call, colleagues, days, find, user

from prefect_cloudtrail.detectors import unusual_country_for_command as detector

# A busy organisation: a command must be well known before a place can be unusual for it.
PAST = [*days(40), *colleagues(30, days_each=40)]


def test_fires_in_a_country_nobody_ever_used_the_command_in() -> None:
    found = find(detector, [call("Kyiv")], PAST)
    outcome = {"city": "Kyiv, 30, UA", "country": "UA"}["country"]
    assert found.select("rule", "principal", "command", "outcome").rows() == [
        ("unusual_country_for_command", user("ana"), "ec2:DescribeInstances", outcome)
    ]
    assert 50 <= found["score"][0] <= 100


def test_is_silent_where_the_command_is_usual() -> None:
    assert find(detector, [call("Berlin")], PAST).is_empty()


def test_is_silent_without_calls() -> None:
    assert find(detector, [], PAST).is_empty()


def test_a_new_command_in_a_known_country_is_no_surprise() -> None:
    assert find(detector, [call("Berlin", command="iam:CreateUser")], PAST).is_empty()


@pytest.mark.parametrize(("earlier_days", "rows"), [(1, 1), (2, 0)])
def test_a_country_of_two_earlier_days_is_usual_for_the_command(earlier_days: int, rows: int) -> None:
    been = days(earlier_days, "Kyiv", who="colleague1", network="50.0.88.0/24")
    more = colleagues(150, days_each=40)
    assert find(detector, [call("Kyiv")], [*PAST, *more, *been]).height == rows


@pytest.mark.parametrize(("earlier_days", "rows"), [(1, 1), (2, 0)])
def test_a_network_of_the_principals_own_is_exempt(earlier_days: int, rows: int) -> None:
    used = days(earlier_days, "Berlin", network="50.0.5.0/24")
    assert find(detector, [call("Kyiv")], [*PAST, *used]).height == rows


def test_counts_say_what_was_known_in_each_context() -> None:
    counts = find(detector, [call("Kyiv")], PAST)["counts"].str.json_decode(infer_schema_length=None)[0]
    assert [each["context"] for each in counts["contexts"]] == [
        "account+command",
        "account+service",
        "account",
        "organisation",
    ]
    assert all(each["n"] == 0 and each["total"] > 500 for each in counts["contexts"])
