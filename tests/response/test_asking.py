import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from prefect_cloudtrail.errors import ActionError, SourceError, TargetGoneError
from prefect_cloudtrail.response.asking import asking


def answered(code: str, message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetUser")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            answered("AccessDeniedException"),
            (
                "cannot find ana: AccessDeniedException, because; allow it to the responder's role "
                "(deploy/iam/responder.json), and see whether an SCP denies it"
            ),
        ),
        (answered("ExpiredToken"), "cannot find ana: ExpiredToken, because; renew the responder's credentials"),
        (
            answered("UnmodifiableEntity"),
            "cannot find ana: UnmodifiableEntity, because; only AWS may change it: choose another step",
        ),
        (answered("ServiceFailure"), "cannot find ana: ServiceFailure, because; look at it in the console"),
        (
            EndpointConnectionError(endpoint_url="https://iam.example"),
            (
                'cannot find ana: Could not connect to the endpoint URL: "https://iam.example"; '
                "check the network, the region and the credentials"
            ),
        ),
        (
            ParamValidationError(report="UserName is\nempty"),
            (
                "cannot find ana: Parameter validation failed: UserName is empty; "
                "the step names it wrongly: propose it again"
            ),
        ),
        (SourceError("cannot assume the role r: why"), "cannot find ana: cannot assume the role r: why"),
    ],
)
def test_what_aws_does_not_do_is_one_line(error: Exception, said: str) -> None:
    with pytest.raises(ActionError) as raised, asking("find ana"):
        raise error
    assert str(raised.value) == said
    assert not isinstance(raised.value, TargetGoneError)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("code", ["NoSuchEntity", "ResourceNotFoundException", "PolicyNotFoundException"])
def test_what_is_not_there_is_gone(code: str) -> None:
    with pytest.raises(TargetGoneError) as raised, asking("find ana"):
        raise answered(code)
    assert str(raised.value) == "cannot find ana: it is there no more (because)"


def test_text_that_others_wrote_draws_nothing() -> None:
    with pytest.raises(ActionError) as raised, asking("find ana"):
        raise answered("AccessDenied", "\x1b[2Jno\nway")
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)
