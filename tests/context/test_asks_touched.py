from asking import a_case, an_incident, answer, record_of, stolen

NAME = "touched"


def test_secrets_come_first_and_reads_and_writes_are_told_apart() -> None:
    made, read, looked = stolen(), stolen("secretsmanager:GetSecretValue", 1), stolen("iam:ListUsers", 2)
    case = a_case(
        made,
        read,
        looked,
        records=(
            record_of(made, resources=[{"ARN": "arn:aws:iam::111122223333:user/bob"}]),
            record_of(read, requestParameters={"secretId": "prod/db"}, readOnly=True),
        ),
    )
    said = answer(NAME, case)
    assert said.said == (
        "1 thing written, 1 thing read, by 2 records.",
        "Secrets and data stores among them: secretsmanager.",
        "Not read again: 1 more call.",
    )
    assert said.rows == (
        {"service": "secretsmanager", "access": "read", "target": "prod/db", "calls": 1},
        {"service": "iam", "access": "write", "target": "arn:aws:iam::111122223333:user/bob", "calls": 1},
    )


def test_without_calls_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case(incident=an_incident(networks=()))).said == (
        "Could not determine: none of its calls is in the event index. Looked at: the event index of 14 days.",
    )
