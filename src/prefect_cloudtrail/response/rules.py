"""What the responder may do: a file on its own host, which no Prefect variable, block or run parameter changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class Rules:
    """The responder's file, as it was read.

    Attributes:
        approvers: who may decide: `slack:U...` a member, `slack-group:S...` a group, `system:NAME` a user of the
            responder's host. Nobody where it is empty.
        never: principals that nothing is done to, as ARNs in which * stands for anything.
        management_account: the organisation's; its root is never touched.
        containments_an_hour: past so many, each further one needs two people.
        dry_run: everything is done but the change.
        expires_after: how long a request takes answers, from its delivery.
        responder_role: the role's name to assume in every account; None is the host's own credentials.
        external_id: what that role asks for.
        owners: the person behind a principal, where no trusted source says it: principal or person -> `slack:U...` or
            `system:NAME`.
        critical_accounts: account ids, whose incidents say so.
        critical_services: services, as commands name them (`secretsmanager`), whose incidents say so.
        regimes: a law's or standard's name -> the accounts and services it holds for.
    """

    approvers: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    management_account: str | None = None
    containments_an_hour: int = 5
    dry_run: bool = True
    expires_after: timedelta = timedelta(hours=4)
    responder_role: str | None = None
    external_id: str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    critical_accounts: tuple[str, ...] = ()
    critical_services: tuple[str, ...] = ()
    regimes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
