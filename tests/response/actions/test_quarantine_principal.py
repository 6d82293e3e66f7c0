import json

import pytest
from response.actions.scenarios import AUser, applied, receipt
from response.cloud import Cloud, Fault
from response.policy_evaluator import Call, denies

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import quarantine_principal
from prefect_cloudtrail.response.actions._inline import QUOTAS

OURS = quarantine_principal.quarantine()
V3 = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"


def test_it_says_what_stops_and_that_reading_goes_on(cloud: Cloud) -> None:
    found = quarantine_principal.check(cloud, AUser(cloud).step("quarantine_principal"))
    assert found.does == (
        "Denies the user deploy-user what thieves do: starting machines and models, making identities, and S3."
    )
    assert found.breaks[0] == "Whatever starts machines, changes IAM or reads S3 as the user deploy-user stops."
    assert found.survives == (
        "Reading goes on, except from S3: databases, secrets and parameters can still be read.",
        "Sessions of roles that it already assumed live on, up to 12 hours.",
    )
    assert found.before["version"] == 1


@pytest.mark.usefixtures("aws_policies")
def test_it_denies_all_that_awss_own_denies(cloud: Cloud) -> None:
    iam = cloud.admin("iam")
    version = iam.get_policy(PolicyArn=V3)["Policy"]["DefaultVersionId"]
    theirs = iam.get_policy_version(PolicyArn=V3, VersionId=version)["PolicyVersion"]["Document"]
    actions = [action for statement in theirs["Statement"] for action in statement["Action"]]
    assert len(actions) > 90
    assert [action for action in actions if not denies(OURS, Call(action.replace("*", "Anything")))] == []


@pytest.mark.usefixtures("aws_policies")
def test_a_quarantine_that_aws_put_up_stays(cloud: Cloud) -> None:
    user = AUser(cloud)
    user.iam.attach_user_policy(UserName=user.name, PolicyArn=V3)
    done = applied(cloud, receipt(cloud, user.step("quarantine_principal")))
    assert quarantine_principal.undo(cloud, done).holds
    assert user.attached() == [V3]


@pytest.mark.parametrize(
    "action", ["secretsmanager:GetSecretValue", "dynamodb:GetItem", "sts:AssumeRole", "s3:PutObject"]
)
def test_what_a_service_does_goes_on(action: str) -> None:
    assert not denies(OURS, Call(action))


def test_grants_that_services_take_go_on() -> None:
    assert denies(OURS, Call("kms:CreateGrant"))
    assert not denies(OURS, Call("kms:CreateGrant", context={"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}))


def test_it_fits_beside_what_a_user_has() -> None:
    assert len(json.dumps(OURS, separators=(",", ":"))) < QUOTAS["user"] - 100


def test_where_there_is_no_room_it_says_what_to_do(cloud: Cloud) -> None:
    begun = receipt(cloud, AUser(cloud).step("quarantine_principal"))
    cloud.faults.append(Fault("LimitExceeded", only="PutUserPolicy"))
    with pytest.raises(ActionError, match="deny it everything instead, which needs no room"):
        quarantine_principal.apply(cloud, begun)
