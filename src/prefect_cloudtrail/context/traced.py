"""What a principal did around an incident: its calls from the event index, and the few records that matter, in full."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Session:
    """Temporary credentials that one of the principal's credentials was traded for.

    Attributes:
        role: ARN of the role; of a user's own session (GetSessionToken, GetFederationToken), of the user.
        name: the session's name; empty where there is none.
        account_id: the role's account.
        access_key_id: its ASIA key.
        started_by: the access key that asked for it.
        started_at: when.
        expires_at: until when it works.
        user_id: `aws:userid` of the session, `AROA...:name`, where the record says it.
    """

    role: str
    name: str
    account_id: str
    access_key_id: str | None
    started_by: str | None
    started_at: datetime
    expires_at: datetime | None
    user_id: str | None = None


@dataclass(frozen=True)
class Made:
    """Something an intruder may have left behind: a user, key, login, trust or policy.

    Attributes:
        command: what made it, such as `iam:CreateAccessKey`.
        target: its ARN, or what the record calls it.
        account_id: where.
        at: when.
        undo: how to take it back, a command or sentence.
        parameters: the record's request parameters, redacted.
    """

    command: str
    target: str
    account_id: str
    at: datetime
    undo: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Trace:
    """What one incident's principal did, and whatever its credentials were traded for.

    Attributes:
        calls: INDEX rows of the person from 48 hours before the incident's first event on, oldest first.
        records: full CloudTrail records of the incident's alerts and of what was written, redacted, oldest first.
        sessions: credentials that were traded, hop by hop, oldest first.
        made: what was made meanwhile, oldest first.
        usual_networks: CIDR prefixes the principal worked from on at least two days of the last 30, most used first;
            none of the incident's own.
        usual_calls_at: when it last called from one of those; None where it did not within a day before the incident's
            last event.
        incomplete: why something could not be read; None where nothing is missing.
    """

    calls: pl.DataFrame
    records: tuple[Mapping[str, Any], ...] = ()
    sessions: tuple[Session, ...] = ()
    made: tuple[Made, ...] = ()
    usual_networks: tuple[str, ...] = ()
    usual_calls_at: datetime | None = None
    incomplete: str | None = None
