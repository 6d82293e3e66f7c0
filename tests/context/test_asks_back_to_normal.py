from datetime import timedelta

from asking import ACCOUNT, KEY, NO_READER, Stubbed, a_case, an_incident, answer
from frames import NOON

from prefect_cloudtrail.context.closing import checklist
from prefect_cloudtrail.context.trace import Made, Session

NAME = "back_to_normal"
ROLE = "arn:aws:iam::111122223333:role/admin"


def test_what_is_read_back_is_ticked_and_the_rest_waits_for_a_person() -> None:
    key = {"UserName": "ana", "AccessKeyId": "AKIAEXAMPLEEXAMPLE", "Status": "Inactive", "CreateDate": NOON}
    aws = Stubbed(
        ("iam", "list_access_keys", {"AccessKeyMetadata": [key]}), ("iam", "list_mfa_devices", {"MFADevices": []})
    )
    case = a_case(
        incident=an_incident(access_key_ids=("AKIAEXAMPLEEXAMPLE",)),
        aws=aws,
        sessions=(Session(ROLE, "", ACCOUNT, "ASIAEXAMPLE", KEY, NOON, NOON + timedelta(minutes=30)),),
        made=(Made("iam:CreateUser", "bob", ACCOUNT, NOON, "", {}),),
    )
    assert answer(NAME, case).said == (
        "2 of 6 lines of the closing checklist done.",
        "Rotate the key AKIAEXAMPLEEXAMPLE. Read back: it is Inactive.",
        f"Let the session of {ROLE} run out, or revoke it. It ended at 2026-03-20 12:30 UTC.",
        "Take back iam:CreateUser bob. A person ticks this.",
        "Ask for MFA. Read back: no device is there.",
        "Take away permissions and keys that nobody used in 90 days. A person ticks this.",
        "Tighten the policy that allowed it: iam. A person ticks this.",
    )
    assert [line.done for line in checklist(case)] == [True, True, False, False, False, False]


def test_what_cannot_be_read_back_is_open() -> None:
    said = answer(NAME, a_case())
    assert said.said[-1] == (
        f"Could not determine: whether it is done: Rotate the key {KEY}. Ask for MFA. "
        "Looked at: the closing checklist, read back in AWS."
    )
    assert said.said[:3] == (
        "0 of 4 lines of the closing checklist done.",
        f"Rotate the key {KEY}. Not read back: {NO_READER}.",
        f"Ask for MFA. Not read back: {NO_READER}.",
    )
