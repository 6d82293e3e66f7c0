from asking import a_case, answer, record_of, stolen

NAME = "request_parameters"


def test_parameters_are_shown_and_harmless() -> None:
    row = stolen()
    case = a_case(row, stolen(minutes=5), records=(record_of(row, requestParameters={"userName": "x\u202e"}),))
    said = answer(NAME, case)
    assert said.said == ("Of 2 calls, 1 record read again, without secrets.",)
    assert said.rows == (
        {
            "at": "2026-03-20T12:00:00Z",
            "command": "iam:CreateUser",
            "parameters": '{"userName": "x\\u202e"}',
            "error": "",
        },
    )


def test_objects_that_are_gone_are_said() -> None:
    case = a_case(incomplete="1 object could not be read: a.gz: gone.")
    assert answer(NAME, case).said == (
        (
            "Could not determine: 1 object could not be read: a.gz: gone. "
            "Looked at: the objects that the event index names."
        ),
    )
