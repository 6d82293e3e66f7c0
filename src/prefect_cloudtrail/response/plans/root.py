"""An account's root: a member's is denied by the organisation; the management account's only people can stop."""

from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import DISABLE, QUARANTINE, by_hand, in_use, plan, was_in_use

KINDS = ("root",)


def propose(case: Case) -> tuple[Plan, ...]:
    """Return of a member account the deny first, then that with its credentials taken; else what people must do."""
    account, management = case.standing.account_id, case.standing.management_account
    if case.standing.is_management_account is not False or management is None:
        return _by_people(case, account)
    root = f"arn:aws:iam::{account}:root"
    scp = Step("deny_by_scp", management, root, {"target_account_id": account, "principal_arn": root})
    said = f"Deny root of account {account} every call, by an SCP."
    denied = plan(
        case,
        QUARANTINE,
        (scp,),
        manual=(_secured(account),),
        does=(said,),
        breaks=("What only root may do in the account cannot be done.", *in_use(case)),
        survives=("Its password and keys stay: it can sign in, and may do nothing.", *_others(case)),
        stops_service=was_in_use(case),
    )
    taken = plan(
        case,
        DISABLE,
        (scp, Step("take_root_credentials", account, root, {"from_account_id": management})),
        manual=(_secured(account),),
        approvers=2,
        why_two="Root's password and keys are deleted: that cannot be undone.",
        does=(said, f"Take root's password, access keys and certificates of account {account} away. There is no undo."),
        breaks=("Nobody can sign in as root until the organisation lets it recover its password.", *in_use(case)),
        survives=_others(case),
        stops_service=was_in_use(case),
    )
    return (denied, taken)


def _by_people(case: Case, account: str) -> tuple[Plan, ...]:
    is_known = case.standing.is_management_account
    why = (
        f"Account {account} is the management account: no SCP and no other account can stop its root."
        if is_known
        else f"Whether account {account} is a member of the organisation is not known: no SCP can be put on it."
    )
    return by_hand(
        case,
        ManualStep(
            "page_people",
            f"Wake who holds the mailbox and second factor of account {account}'s root, and the head of security, now.",
        ),
        _secured(account),
        ManualStep("call_aws", "Open an urgent case with AWS Support: the root of an account is in other hands."),
        why=why,
    )


def _secured(account: str) -> ManualStep:
    return ManualStep(
        "secure_root",
        f"Secure root of account {account}: the mailbox's password, then root's password by recovery, MFA anew, its "
        "access keys deleted, and the account's contacts as they were.",
    )


def _others(case: Case) -> tuple[str, ...]:
    return (f"Users, keys and roles that root made in account {case.standing.account_id} go on.",)
