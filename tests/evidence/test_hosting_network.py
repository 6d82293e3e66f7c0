from frames import a_call, strand

from prefect_cloudtrail.evidence import hosting_network


def test_a_hosting_company_speaks_for() -> None:
    hosted = strand(a_call(organisation="Example Hosting GmbH"))
    assert hosting_network.explain(hosted) == "The address belongs to Example Hosting GmbH, a hosting network."


def test_an_access_provider_is_silent() -> None:
    assert hosting_network.explain(strand()) is None


def test_a_machine_is_at_home_there() -> None:
    hosted = strand(a_call(organisation="Example Hosting GmbH"), kind="instance_role")
    assert hosting_network.explain(hosted) is None
