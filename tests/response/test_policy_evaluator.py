import pytest
from response.policy_evaluator import Call, allows, denies

NOON = {"DateLessThan": {"aws:TokenIssueTime": "2026-03-31T12:00:30Z"}}


def statement(condition: dict[str, dict[str, str | list[str]]], effect: str = "Deny") -> dict[str, object]:
    return {"Statement": [{"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}]}


@pytest.mark.parametrize(
    ("condition", "context", "met"),
    [
        ({"StringEquals": {"aws:userid": "A:b"}}, {"aws:UserId": "A:b"}, True),
        ({"StringEquals": {"aws:userid": "A:b"}}, {"aws:userid": "A:B"}, False),
        ({"StringEquals": {"aws:userid": "A:b"}}, {}, False),
        ({"StringLike": {"aws:userid": "A:*"}}, {"aws:userid": "A:b"}, True),
        ({"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}, {"aws:SourceVpce": "vpce-2"}, False),
        ({"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}, {"aws:SourceVpce": "vpce-3"}, True),
        ({"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}}, {}, True),
        ({"Null": {"aws:SourceVpce": "true"}}, {}, True),
        ({"Null": {"aws:SourceVpce": "true"}}, {"aws:SourceVpce": "vpce-1"}, False),
        ({"Null": {"aws:SourceVpce": "false"}}, {"aws:SourceVpce": "vpce-1"}, True),
        ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}, {"aws:SourceIp": "192.0.2.255"}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}, {"aws:SourceIp": "192.0.3.0"}, True),
        ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}, {"aws:SourceIp": "2001:db8::1"}, True),
        ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}, {}, True),
        ({"NotIpAddressIfExists": {"aws:SourceIp": ["192.0.2.0/24"]}}, {"aws:SourceIp": "192.0.2.1"}, False),
        ({"BoolIfExists": {"aws:ViaAWSService": "true"}}, {}, True),
        ({"Bool": {"aws:ViaAWSService": "true"}}, {}, False),
        (NOON, {"aws:TokenIssueTime": "2026-03-31T12:00:29Z"}, True),
        (NOON, {"aws:TokenIssueTime": "2026-03-31T12:00:30Z"}, False),
        # A user's own access key has no such time: the deny of sessions is none of it.
        (NOON, {}, False),
    ],
)
def test_a_condition_is_met_as_iam_meets_it(
    condition: dict[str, dict[str, str | list[str]]], context: dict[str, str], met: bool
) -> None:
    assert denies(statement(condition), Call("s3:GetObject", context=context)) is met


def test_a_deny_is_stronger_than_an_allow() -> None:
    both = [statement({}, "Allow"), statement({"Null": {"aws:SourceVpce": "true"}})]
    assert not allows(both, Call("s3:GetObject"))
    assert allows(both, Call("s3:GetObject", context={"aws:SourceVpce": "vpce-1"}))


def test_what_is_not_allowed_is_not_allowed() -> None:
    assert not allows([], Call("s3:GetObject"))


def test_an_action_matches_by_its_wildcards_in_any_case() -> None:
    made = {"Statement": {"Effect": "Deny", "Action": ["iam:Create*", "s3:Get?bject"], "Resource": "arn:aws:s3:::a/*"}}
    met = [("iam:createuser", True), ("iam:GetUser", False), ("s3:GetObject", True), ("s3:GetObjectAcl", False)]
    assert [(action, denies(made, Call(action, "arn:aws:s3:::a/b"))) for action, _ in met] == met
    assert not denies(made, Call("s3:GetObject", "arn:aws:s3:::b/b"))


def test_what_is_not_understood_is_no_answer() -> None:
    with pytest.raises(KeyError):
        denies(
            statement({"NumericLessThan": {"aws:MultiFactorAuthAge": "1"}}),
            Call("s3:GetObject", context={"aws:MultiFactorAuthAge": "2"}),
        )
    with pytest.raises(AssertionError):
        denies({"Statement": [{"Effect": "Deny", "NotAction": "*", "Resource": "*"}]}, Call("s3:GetObject"))
