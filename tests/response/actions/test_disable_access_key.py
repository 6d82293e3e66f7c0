from datetime import UTC, datetime, timedelta

import pytest
from response.actions.scenarios import AKey, applied, receipt
from response.cloud import ACCOUNT, Cloud, Fault, last_used, now

from prefect_cloudtrail.errors import ActionError, TargetGoneError
from prefect_cloudtrail.response.actions import Check, disable_access_key
from prefect_cloudtrail.response.plan import Step

MARCH = datetime(2026, 3, 31, 2, 51, tzinfo=UTC)


def test_it_says_which_service_breaks_and_what_lives_on(cloud: Cloud) -> None:
    user = AKey(cloud)
    other = user.iam.create_access_key(UserName=user.name)["AccessKey"]["AccessKeyId"]
    last_used(user.key, MARCH)
    found = disable_access_key.check(cloud, user.taken)
    assert found == Check(
        before={
            "user_name": "deploy-user",
            "access_key_id": user.key,
            "status": "Active",
            "keys": dict(sorted({user.key: "Active", other: "Active"}.items())),
        },
        does=f"Sets the access key {user.key} of deploy-user Inactive.",
        breaks=(
            f"Whatever signs with {user.key} stops: it was last used at 2026-03-31 02:51 UTC for s3 in eu-central-1.",
        ),
        survives=(
            "Sessions made from it live on: up to 36 hours of the user's own, up to 12 hours of each role.",
            f"Its other key {other} stays on: it was never used, as far as AWS knows.",
        ),
        stops_service=False,
        arn=user.arn,
    )


@pytest.mark.parametrize(("hours", "stops"), [(23, True), (25, False)])
def test_a_key_used_within_a_day_is_in_service(cloud: Cloud, hours: int, stops: bool) -> None:
    user = AKey(cloud)
    last_used(user.key, now() - timedelta(hours=hours))
    assert disable_access_key.check(cloud, user.taken).stops_service is stops


def test_a_key_of_another_user_is_refused(cloud: Cloud) -> None:
    user = AKey(cloud)
    user.iam.create_user(UserName="another")
    step = Step("disable_access_key", ACCOUNT, "", {"user_name": "another", "access_key_id": user.key})
    with pytest.raises(ActionError) as raised:
        disable_access_key.check(cloud, step)
    said = f"cannot disable the access key {user.key} of another: it belongs to deploy-user; propose it again"
    assert str(raised.value) == said
    assert user.statuses() == {user.key: "Active"}


def test_a_key_that_was_off_before_stays_off_when_undone(cloud: Cloud) -> None:
    user = AKey(cloud)
    user.iam.update_access_key(UserName=user.name, AccessKeyId=user.key, Status="Inactive")
    found = disable_access_key.check(cloud, user.taken)
    assert (found.does, found.breaks) == (f"The access key {user.key} of deploy-user is Inactive already.", ())
    assert disable_access_key.undo(cloud, applied(cloud, receipt(cloud, user.taken))).holds
    assert user.statuses() == {user.key: "Inactive"}


def test_a_key_that_is_deleted_is_gone_though_its_user_is_there(cloud: Cloud) -> None:
    user = AKey(cloud)
    done = applied(cloud, receipt(cloud, user.taken))
    user.iam.delete_access_key(UserName=user.name, AccessKeyId=user.key)
    with pytest.raises(TargetGoneError, match=f"the access key {user.key} of deploy-user is there no more"):
        disable_access_key.undo(cloud, done)


def test_after_a_rotation_the_old_key_stays_off(cloud: Cloud) -> None:
    user = AKey(cloud)
    done = applied(cloud, receipt(cloud, user.taken))
    new = user.iam.create_access_key(UserName=user.name)["AccessKey"]["AccessKeyId"]
    with pytest.raises(ActionError) as raised:
        disable_access_key.undo(cloud, done)
    assert str(raised.value) == (
        f"the access key {user.key} of deploy-user stays Inactive: the user has another key since, {new}, "
        "as after a rotation; set it Active by hand if it is still needed"
    )
    assert user.statuses() == {user.key: "Inactive", new: "Active"}


def test_undo_that_is_denied_leaves_the_key_off(cloud: Cloud) -> None:
    user = AKey(cloud)
    done = applied(cloud, receipt(cloud, user.taken))
    cloud.faults.append(Fault("AccessDenied", only="UpdateAccessKey"))
    with pytest.raises(ActionError, match=f"cannot set the access key {user.key} of deploy-user Active: AccessDenied"):
        disable_access_key.undo(cloud, done)
    assert user.statuses() == {user.key: "Inactive"}
