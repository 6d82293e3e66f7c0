from asking import NO_READER, Stubbed, a_case, answer, stolen
from frames import NOON

NAME = "mfa"
MFA = "aws.cloudtrail.user_identity.session_context.mfa_authenticated"


def test_sessions_and_devices_are_counted() -> None:
    device = {"UserName": "ana", "SerialNumber": "arn:aws:iam::111122223333:mfa/ana", "EnableDate": NOON}
    aws = Stubbed(("iam", "list_mfa_devices", {"MFADevices": [device]}))
    case = a_case(stolen() | {MFA: True}, stolen(minutes=1) | {MFA: False}, stolen(minutes=2), aws=aws)
    assert answer(NAME, case).said == ("Its sessions began with MFA in 1 of 2 calls.", "The user has 1 MFA device.")


def test_a_user_without_a_device_is_told() -> None:
    aws = Stubbed(("iam", "list_mfa_devices", {"MFADevices": []}))
    assert answer(NAME, a_case(aws=aws)).said == (
        "Its calls were signed with a lasting key or say nothing of MFA.",
        "The user has no MFA device.",
    )


def test_without_a_reader_devices_are_not_known() -> None:
    assert answer(NAME, a_case()).said[-1] == (
        f"Could not determine: whether the user has a device: {NO_READER}. Looked at: the sessions' records."
    )
