from frames import a_call, strand

from prefect_cloudtrail.evidence import instance_credentials_outside_aws


def test_an_instance_elsewhere_speaks_for() -> None:
    assert instance_credentials_outside_aws.explain(strand(kind="instance_role")) == (
        "An EC2 instance's credentials, used from Example Broadband, outside AWS."
    )


def test_an_instance_at_amazon_is_silent() -> None:
    inside = strand(a_call(organisation="Amazon.com, Inc."), kind="instance_role")
    assert instance_credentials_outside_aws.explain(inside) is None


def test_a_person_is_silent() -> None:
    assert instance_credentials_outside_aws.explain(strand()) is None
