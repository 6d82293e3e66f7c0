from asking import NO_READER, Stubbed, a_case, an_incident, answer, stolen

NAME = "ec2_address"


def test_an_address_of_ours_is_told_with_its_holder() -> None:
    aws = Stubbed(
        ("ec2", "describe_addresses", {"Addresses": [{"PublicIp": "50.0.5.7", "InstanceId": "i-0abc"}]}),
        ("ec2", "describe_network_interfaces", {"NetworkInterfaces": []}),
    )
    case = a_case(stolen() | {"source.as.number": 16509, "network.kind": "hosting"}, aws=aws)
    assert answer(NAME, case).said == (
        "50.0.5.7 is Amazon's (AS16509), marked as hosting: an EC2 address is likely.",
        "50.0.5.7 is ours: i-0abc, account 111122223333, eu-central-1.",
    )
    assert aws.asked == [("ec2", "111122223333", "eu-central-1")] * 2


def test_an_address_that_nobody_of_us_holds_is_not_ours() -> None:
    interface = {"NetworkInterfaceId": "eni-1", "Association": {"PublicIp": "50.0.5.8"}}
    aws = Stubbed(
        ("ec2", "describe_addresses", {"Addresses": []}),
        ("ec2", "describe_network_interfaces", {"NetworkInterfaces": []}),
    )
    assert answer(NAME, a_case(aws=aws)).said == (
        "50.0.5.7 is announced by Example Broadband, not by Amazon.",
        "None is an address of ours, asked in 1 account and region.",
    )
    found = Stubbed(
        ("ec2", "describe_addresses", {"Addresses": []}),
        ("ec2", "describe_network_interfaces", {"NetworkInterfaces": [interface]}),
    )
    assert answer(NAME, a_case(aws=found)).said[-1] == "50.0.5.8 is ours: eni-1, account 111122223333, eu-central-1."


def test_without_a_reader_who_announces_it_is_told() -> None:
    assert answer(NAME, a_case()).said == (
        "50.0.5.7 is announced by Example Broadband, not by Amazon.",
        f"Could not determine: whether it is ours: {NO_READER}. Looked at: who announces the address.",
    )


def test_without_an_address_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case(incident=an_incident(networks=()))).undetermined == (
        "none of its calls came from an address"
    )
