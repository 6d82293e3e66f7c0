from response.actions.scenarios import AnInstance, applied, receipt
from response.cloud import Cloud

from prefect_cloudtrail.response.actions import reassociate_profile


def test_it_says_that_an_attacker_on_the_instance_gets_fresh_credentials_too(cloud: Cloud) -> None:
    instance = AnInstance(cloud)
    found = reassociate_profile.check(cloud, instance.taken)
    assert found.does == (f"Associates the instance profile {instance.arns[0]} with {instance.instance_id} anew.")
    assert found.survives == (
        f"An attacker who is on {instance.instance_id} gets the fresh credentials, too: isolate the instance if so.",
        "The old credentials live on, up to 6 hours, unless they are denied: revoke the role's sessions first.",
    )


def test_it_is_done_once(cloud: Cloud) -> None:
    instance = AnInstance(cloud)
    begun = receipt(cloud, instance.taken)
    applied(cloud, begun)
    first = instance.association().association_id
    applied(cloud, begun)
    assert instance.association().association_id == first != begun.before["association_id"]


def test_before_it_is_done_it_does_not_hold(cloud: Cloud) -> None:
    instance = AnInstance(cloud)
    reading = reassociate_profile.verify(cloud, receipt(cloud, instance.taken))
    assert not reading.holds
    assert reading.said == (
        f"The instance {instance.instance_id} has its old association with {instance.arns[0]} still."
    )
