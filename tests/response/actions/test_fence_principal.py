from typing import Any

import pytest
from response.actions.scenarios import AUser, applied, receipt
from response.cloud import Cloud, Fault
from response.policy_evaluator import Call, allows

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import fence_principal

USUAL = ["192.0.2.0/24", "2001:db8::/48"]
DIRECT = {"aws:ViaAWSService": "false"}


def test_it_says_that_a_thief_inside_the_fence_goes_on(cloud: Cloud) -> None:
    user = AUser(cloud)
    found = fence_principal.check(cloud, user.step("fence_principal", networks=USUAL))
    assert found.does == ("Denies the user deploy-user everything that does not come from 192.0.2.0/24, 2001:db8::/48.")
    assert found.breaks == (
        "Whatever works as the user deploy-user from elsewhere stops; from there it goes on.",
        f"The access key {user.key} (Active) was never used, as far as AWS knows.",
    )
    assert found.survives == (
        "A thief who calls from 192.0.2.0/24, 2001:db8::/48 goes on.",
        "Calls through any VPC endpoint, the thief's own too, pass, and what AWS services do on its behalf.",
        "Sessions of roles that it already assumed live on, up to 12 hours.",
    )
    assert not found.stops_service


@pytest.mark.parametrize(
    ("arguments", "context", "passes"),
    [
        ({}, {**DIRECT, "aws:SourceIp": "192.0.2.17"}, True),
        ({}, {**DIRECT, "aws:SourceIp": "2001:db8::17"}, True),
        ({}, {**DIRECT, "aws:SourceIp": "203.0.113.9"}, False),
        ({}, {"aws:ViaAWSService": "true", "aws:SourceIp": "203.0.113.9"}, True),
        # Of a call by a service, such as CloudFormation, the address is a name at times, and then it is not there.
        ({}, {"aws:ViaAWSService": "true"}, True),
        ({}, {**DIRECT, "aws:SourceVpce": "vpce-thief", "aws:VpcSourceIp": "10.0.0.4"}, True),
        ({"vpc_endpoints": ["vpce-ours"]}, {**DIRECT, "aws:SourceVpce": "vpce-ours"}, True),
        ({"vpc_endpoints": ["vpce-ours"]}, {**DIRECT, "aws:SourceVpce": "vpce-thief"}, False),
        ({"vpc_endpoints": ["vpce-ours"]}, {**DIRECT, "aws:SourceIp": "203.0.113.9"}, False),
        ({"vpc_endpoints": ["vpce-ours"]}, {**DIRECT, "aws:SourceIp": "192.0.2.17"}, True),
    ],
)
def test_from_usual_networks_it_goes_on_and_from_elsewhere_it_stops(
    cloud: Cloud, arguments: dict[str, Any], context: dict[str, str], passes: bool
) -> None:
    user = AUser(cloud)
    applied(cloud, receipt(cloud, user.step("fence_principal", networks=USUAL, **arguments)))
    assert allows(user.policies().values(), Call("s3:GetObject", "arn:aws:s3:::a/b", context)) is passes


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ([], "no network would stay open; deny it everything instead"),
        (["192.0.2.1/24"], "192.0.2.1/24 has host bits set; name CIDR prefixes"),
        (["somewhere"], "'somewhere' does not appear to be an IPv4 or IPv6 network; name CIDR prefixes"),
        (["192.0.2.0/24", "0.0.0.0/0"], "a network of all addresses is no fence; name its usual ones"),
        (["::/0"], "a network of all addresses is no fence; name its usual ones"),
    ],
)
def test_what_is_no_fence_is_refused(cloud: Cloud, networks: list[str], said: str) -> None:
    user = AUser(cloud)
    with pytest.raises(ActionError) as raised:
        fence_principal.check(cloud, user.step("fence_principal", networks=networks))
    assert str(raised.value) == f"cannot fence {user.arn}: {said}"


def test_a_fence_that_does_not_fit_says_what_to_do(cloud: Cloud) -> None:
    user = AUser(cloud)
    begun = receipt(cloud, user.step("fence_principal", networks=USUAL))
    cloud.faults.append(Fault("LimitExceeded", only="PutUserPolicy"))
    with pytest.raises(ActionError) as raised:
        fence_principal.apply(cloud, begun)
    assert str(raised.value) == (
        "cannot put the policy prefect-cloudtrail-rcp_0123456789abcdef0123 on the user deploy-user: its inline "
        "policies have no room for it in 2,048 characters; name fewer networks, or deny it everything instead"
    )
