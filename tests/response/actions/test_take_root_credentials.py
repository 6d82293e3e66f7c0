from dataclasses import replace

import pytest
from response.actions.scenarios import ARoot, applied, receipt
from response.cloud import ACCOUNT, MANAGEMENT, Cloud, Fault

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import take_root_credentials

LOOKS = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
DELETES = "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"


def test_it_says_that_there_is_no_undo(cloud: Cloud) -> None:
    root = ARoot(cloud)
    found = take_root_credentials.check(cloud, root.taken)
    used = "last used at 2026-03-31 02:51 UTC for s3 in us-east-1"
    assert found.does == (
        f"Takes root's credentials of account {ACCOUNT} away: its password, the access key AKIAROOTROOTROOTROOT, "
        "the signing certificate CERTIFICATE0123456789012. There is no undo."
    )
    assert found.breaks == (
        f"Whatever signs with root's access key AKIAROOTROOTROOTROOT stops: it was {used}.",
        "Nobody can sign in as root there, until it is given a new password from the management account.",
    )
    assert found.survives == ("Sessions that root has open live on, up to 36 hours: deny root by SCP first.",)


def test_to_look_it_takes_a_session_that_may_only_look(cloud: Cloud) -> None:
    root = ARoot(cloud)
    begun = receipt(cloud, root.taken)
    take_root_credentials.verify(cloud, begun)
    assert set(root.tasks) == {LOOKS}
    take_root_credentials.apply(cloud, begun)
    assert root.tasks[-1] == DELETES


def test_cut_off_in_between_it_goes_on_where_it_was(cloud: Cloud) -> None:
    root = ARoot(cloud)
    begun = receipt(cloud, root.taken)
    cloud.faults.append(Fault("AccessDenied", only="DeleteLoginProfile", times=1))
    with pytest.raises(ActionError, match=f"cannot delete root's password of account {ACCOUNT}: AccessDenied"):
        take_root_credentials.apply(cloud, begun)
    assert root.state() == (True, [], ["CERTIFICATE0123456789012"])
    applied(cloud, begun)
    assert root.state() == (False, [], [])


def test_the_managing_accounts_own_root_is_refused(cloud: Cloud) -> None:
    root = ARoot(cloud)
    with pytest.raises(ActionError) as raised:
        take_root_credentials.check(cloud, replace(root.taken, account_id=MANAGEMENT))
    assert str(raised.value) == (
        f"cannot take root's credentials of {MANAGEMENT}: it is the account that manages the others; "
        "sign in as its root, and change the password and keys by hand"
    )


def test_where_root_access_is_not_managed_centrally_it_says_so(cloud: Cloud) -> None:
    root = ARoot(cloud)
    cloud.faults.append(Fault("AccessDenied", only="AssumeRoot"))
    with pytest.raises(ActionError, match=f"cannot act as root of account {ACCOUNT} .*: AccessDenied, as the test has"):
        take_root_credentials.check(cloud, root.taken)


def test_undo_says_that_it_cannot_be(cloud: Cloud) -> None:
    root = ARoot(cloud)
    done = applied(cloud, receipt(cloud, root.taken))
    with pytest.raises(ActionError) as raised:
        take_root_credentials.undo(cloud, done)
    assert str(raised.value) == (
        f"cannot give back root's credentials of account {ACCOUNT}: they are deleted; "
        "where root is needed, allow its password recovery from the management account (Root access management)"
    )
