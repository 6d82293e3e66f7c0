from asking import NO_READER, Stubbed, a_case, an_incident, answer, stolen
from frames import days

NAME = "who_and_should_it"


def test_new_commands_are_told_with_the_owner_tag_and_the_peers() -> None:
    aws = Stubbed(("iam", "list_user_tags", {"Tags": [{"Key": "Owner", "Value": "platform\x1b[2J"}]}))
    case = a_case(
        stolen(),
        stolen("ec2:DescribeInstances"),
        past=days(3, command="ec2:DescribeInstances"),
        peers=[("bob", "ec2:DescribeInstances", "Berlin, BE, DE"), ("carl", "s3:ListBuckets", "Berlin, BE, DE")],
        aws=aws,
    )
    said = answer(NAME, case)
    assert said.said == (
        "arn:aws:iam::111122223333:user/ana, iam user, account 111122223333, key AKIAEXAMPLE.",
        "Its owner tag says platform�[2J.",
        "It called 2 commands here, 2 calls; 1 new for it: iam:CreateUser.",
        "iam:CreateUser: used by none of its 2 peers in 90 days.",
    )
    assert said.rows == (
        {"command": "iam:CreateUser", "calls": 1, "days_of_90": 0, "peers_using": 0, "peers": 2},
        {"command": "ec2:DescribeInstances", "calls": 1, "days_of_90": 3, "peers_using": 1, "peers": 2},
    )


def test_without_a_reader_the_owner_tag_is_not_known() -> None:
    said = answer(NAME, a_case(stolen(), past=days(1, command="iam:CreateUser")))
    assert said.said[1:] == (
        "Its owner tag is not known.",
        "It called 1 command here, 1 call; none is new for it.",
        f"Could not determine: its owner tag: {NO_READER}. Looked at: IAM.",
    )


def test_an_incident_whose_calls_left_the_index_says_so() -> None:
    case = a_case(stolen(), incident=an_incident(networks=(), access_key_ids=()))
    assert answer(NAME, case).said == (
        "arn:aws:iam::111122223333:user/ana, iam user, account 111122223333, no access key known.",
        "Its owner tag is not known.",
        "Could not determine: none of its calls is in the event index. Looked at: the event index of 14 days.",
    )
