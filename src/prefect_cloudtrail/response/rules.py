"""What the responder may do: a file on its own host, which no Prefect variable, block or run parameter changes."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from prefect_cloudtrail.errors import SettingsError

# How people and groups are written, in the file and wherever one decides.
MEMBER = re.compile(r"slack:[UW][A-Z0-9]+|system:[^\s:]+")
GROUP = re.compile(r"slack-group:S[A-Z0-9]+")


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


Account = Annotated[str, Meta(pattern=r"^\d{12}$")]
Arn = Annotated[str, Meta(pattern=r"^arn:[^\s]+$")]


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The file's keys; what is left out is as in Rules."""

    approvers: tuple[str, ...] = ()
    never: tuple[Arn, ...] = ()
    management_account: Account | None = None
    containments_an_hour: Annotated[int, Meta(ge=0, le=1_000)] = 5
    dry_run: bool = True
    expires_after_hours: Annotated[float, Meta(ge=0.25, le=72)] = 4
    responder_role: Annotated[str, Meta(pattern=r"^[\w+=,.@-]{1,64}$")] | None = None
    external_id: Annotated[str, Meta(min_length=2)] | None = None
    owners: dict[str, str] = {}
    critical_accounts: tuple[Account, ...] = ()
    critical_services: tuple[str, ...] = ()
    regimes: dict[str, tuple[str, ...]] = {}


def read_rules(path: Path | None) -> Rules:
    """Return the rules of a TOML file; without one those that admit nobody and change nothing.

    Raises:
        SettingsError: it cannot be read, others may write to it, or something in it does not fit.
    """
    if path is None:
        return Rules()
    path = path.expanduser()
    require_own(path, "rules", stat.S_IWGRP | stat.S_IWOTH, "be written to by others: chmod go-w")
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise SettingsError(f"the rules {path} cannot be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"the rules {path} do not fit: {error}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the rules {path} are not TOML: {error}") from error
    for name in file.approvers:
        if not MEMBER.fullmatch(name) and not GROUP.fullmatch(name):
            raise SettingsError(
                f"the rules {path} do not fit: approver {name!r} is none of slack:U..., slack-group:S..., system:NAME"
            )
    for key, name in file.owners.items():
        if not MEMBER.fullmatch(name):
            raise SettingsError(f"the rules {path} do not fit: the owner of {key!r} is no slack:U... or system:NAME")
    given = msgspec.structs.asdict(file)
    return Rules(expires_after=timedelta(hours=given.pop("expires_after_hours")), **given)


def require_own(path: Path, what: str, forbidden: int, why: str) -> None:
    """Make sure that a file or folder is this user's or root's own, without some rights for others.

    Args:
        path: which.
        what: what messages call it.
        forbidden: bits of its mode that must not be set.
        why: what those mean, and the command that takes them away.

    Raises:
        SettingsError: it is not there, somebody else's, or has a forbidden right.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise SettingsError(f"the {what} {path} cannot be read: {error.strerror}") from error
    if found.st_uid not in {0, os.geteuid()}:
        raise SettingsError(f"the {what} {path} belong to another user: chown them to root or to this one")
    if found.st_mode & forbidden:
        raise SettingsError(f"the {what} {path} can {why} {path}")
