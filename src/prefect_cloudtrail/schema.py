"""The frames' columns and types, in the order data meets them.

Columns are spelled as ECS and Elastic's AWS integration spell them, so a finding reads the same here and in a SIEM.
"""

from typing import TypeVar, cast

import polars as pl

from prefect_cloudtrail.errors import CloudTrailResponseError

Schema = dict[str, pl.DataType | type[pl.DataType]]
Rows = TypeVar("Rows", bound=pl.DataFrame | pl.LazyFrame)

UTC_MICROSECONDS = pl.Datetime("us", "UTC")

# A row is one CloudTrail record, read narrowly.
EVENTS: Schema = {
    "@timestamp": UTC_MICROSECONDS,
    "event.id": pl.String,
    "event.provider": pl.String,  # iam.amazonaws.com
    "event.action": pl.String,  # CreateUser
    "event.type": pl.String,  # AwsApiCall, AwsConsoleSignIn, AwsServiceEvent, ...
    "event.outcome": pl.String,  # success or failure
    "cloud.account.id": pl.String,  # where the call happened: recipientAccountId, else the caller's account
    "cloud.region": pl.String,
    "source.address": pl.String,  # sourceIPAddress as written
    "user_agent.original": pl.String,
    "user.name": pl.String,
    "aws.cloudtrail.error_code": pl.String,
    "aws.cloudtrail.error_message": pl.String,
    "aws.cloudtrail.read_only": pl.Boolean,
    "aws.cloudtrail.recipient_account_id": pl.String,
    "aws.cloudtrail.shared_event_id": pl.String,
    "aws.cloudtrail.user_identity.type": pl.String,
    "aws.cloudtrail.user_identity.arn": pl.String,
    "aws.cloudtrail.user_identity.principal_id": pl.String,
    "aws.cloudtrail.user_identity.account_id": pl.String,
    "aws.cloudtrail.user_identity.access_key_id": pl.String,
    "aws.cloudtrail.user_identity.invoked_by": pl.String,
    "aws.cloudtrail.user_identity.identity_provider": pl.String,
    "aws.cloudtrail.user_identity.on_behalf_of.user_id": pl.String,
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn": pl.String,
    "aws.cloudtrail.user_identity.session_context.session_issuer.type": pl.String,
    "aws.cloudtrail.user_identity.session_context.mfa_authenticated": pl.Boolean,
    "aws.cloudtrail.user_identity.session_context.creation_date": UTC_MICROSECONDS,
    "aws.cloudtrail.user_identity.session_context.source_identity": pl.String,
    "log.file.path": pl.String,  # the object it came from
    "log.offset": pl.UInt32,  # the record's place in that object, from 0
}

# A row is what could not be read, and why; nothing is passed over without one.
REJECTED: Schema = {
    "log.file.path": pl.String,
    "log.offset": pl.UInt32,  # null where the object as a whole could not be read
    "reason": pl.String,
    "sample": pl.String,  # the first 200 bytes, control characters replaced
}

# What geo.place adds to EVENTS. Null where the address is no place: a service's name, private, reserved, invalid.
GEO: Schema = {
    "source.ip": pl.String,
    "network": pl.String,  # 203.0.113.0/24 or 2001:db8::/48
    "source.geo.city_name": pl.String,
    "source.geo.region_name": pl.String,
    "source.geo.country_iso_code": pl.String,
    "source.geo.location.lat": pl.Float64,
    "source.geo.location.lon": pl.Float64,
    "source.geo.accuracy_km": pl.Float64,
    "source.as.number": pl.Int64,
    "source.as.organization.name": pl.String,
    "network.kind": pl.String,  # own, egress, hosting, vpn or tor; null for any other
    "place": pl.String,  # city, region and country in one key: "Springfield, IL, US"; null without a city
}

# What principal.name adds: who it was, and with whom to compare.
WHO: Schema = {
    "command": pl.String,  # iam:CreateUser
    "principal": pl.String,  # the identity that lasts
    "principal.kind": pl.String,
    "person": pl.String,  # one human behind several principals; the principal itself where none is known
    "peers": pl.String,  # principals of the same role, or of the same account and kind
    "user_agent.name": pl.String,  # family: what stands before the first slash
}

# What the pipeline adds: which 15-minute window brought the record, and which hour it is judged as.
WHEN: Schema = {
    "window": UTC_MICROSECONDS,  # the window's end
    "hour": UTC_MICROSECONDS,  # the UTC hour of the event; of its window where it came later than the look-back
    "late": pl.Boolean,
}

# EVENTS, placed and named.
PLACED: Schema = {**EVENTS, **GEO, **WHO, **WHEN}

# A row is one distinct (principal, command, network, place, user agent family, error code and message) of one UTC hour.
PRESENCES: Schema = {
    "hour": UTC_MICROSECONDS,
    "window": UTC_MICROSECONDS,  # the first that brought it
    "visible": UTC_MICROSECONDS,  # part of history from this hour on: the first to begin after its window ended
    "principal": pl.String,
    "person": pl.String,
    "peers": pl.String,
    "account": pl.String,
    "service": pl.String,
    "command": pl.String,
    "network": pl.String,
    "place": pl.String,
    "country": pl.String,
    "asn": pl.String,  # "AS3320"
    "rented": pl.String,  # "rented" on a hosting, VPN or Tor network; null elsewhere
    "mfa": pl.String,  # whether the session, or the sign-in, began with MFA: "true" or "false"; null where neither says
    "agent": pl.String,
    "error": pl.String,  # "none" being one
    "message": pl.String,  # an error's message, digested; null where there was none
    "quarter": pl.String,  # in which quarter of an hour that was: "14:45"
}

# A row is one event, without its texts: who was where, and which object and record holds it. Serves the 48 hours.
# Of ids only those of events that raised an alert are kept: all of them would take more room than everything else.
INDEX: Schema = {
    name: PLACED[name]
    for name in (
        "@timestamp",
        "window",
        "event.id",
        "principal",
        "principal.kind",
        "person",
        "peers",
        "command",
        "event.outcome",
        "cloud.account.id",
        "cloud.region",
        "source.ip",
        "network",
        "place",
        "source.geo.country_iso_code",
        "source.geo.location.lat",
        "source.geo.location.lon",
        "source.geo.accuracy_km",
        "source.as.number",
        "source.as.organization.name",
        "network.kind",
        "user_agent.name",
        "aws.cloudtrail.error_code",
        "aws.cloudtrail.user_identity.access_key_id",
        "aws.cloudtrail.user_identity.session_context.mfa_authenticated",
        "log.file.path",
        "log.offset",
    )
}

# A row is an event that the look-back knows: a UUID's 128 bits, or of another id a digest's.
SEEN: Schema = {"high": pl.UInt64, "low": pl.UInt64, "@timestamp": UTC_MICROSECONDS}

# A row is an event, placed, named and dated, as far as anything asks later: the texts that say so are left behind.
ARRIVED: Schema = (
    SEEN
    | INDEX
    | {
        name: PLACED[name]
        for name in (
            "event.provider",
            "source.geo.city_name",
            "aws.cloudtrail.error_message",
            "hour",
            "late",
        )
    }
)
# A row is what history knows of one outcome in one context, over all but the last days. Additive, so days fold in.
USUAL: Schema = {
    "tally": pl.String,  # which question: "principal>place"
    "context": pl.String,
    "outcome": pl.String,
    "weight": pl.Float64,  # sum of 2 ^ (day / half-life); over 2 ^ (today / half-life): decayed presences
    "days": pl.Int64,  # distinct UTC days
    "first_day": pl.Int32,  # days since 2020-01-01
    "last_day": pl.Int32,
}

# A row is where a place lies, as first seen.
PLACES: Schema = {
    "place": pl.String,
    "source.geo.city_name": pl.String,
    "source.geo.country_iso_code": pl.String,
    "source.geo.location.lat": pl.Float64,
    "source.geo.location.lon": pl.Float64,
    "source.geo.accuracy_km": pl.Float64,
}

# One detector's row: who, what, where, when, how surprising, and the counts behind it.
FINDING: Schema = {
    "rule": pl.String,
    "principal": pl.String,
    "person": pl.String,
    "principal.kind": pl.String,
    "account": pl.String,
    "command": pl.String,
    "outcome": pl.String,  # the place, country, network, command or error code that is unusual; a spike's quarter
    "level": pl.String,  # what that is: place, country, asn, command, error or messages
    "hour": UTC_MICROSECONDS,
    "window": UTC_MICROSECONDS,  # the first that brought it
    "late": pl.Boolean,
    "surprise": pl.Float64,  # decibans, 0 and up
    "score": pl.Float64,  # 0 to 100; 50 is the rule's own threshold
    "counts": pl.String,  # JSON: for each context its n, N and k; or what was forecast
}


def empty(schema: Schema) -> pl.DataFrame:
    """Return a frame of this schema without a row."""
    return pl.DataFrame(schema=schema)


def check(frame: Rows, schema: Schema, name: str) -> Rows:
    """Return the frame's columns of `schema`, in its order.

    Raises:
        CloudTrailResponseError: a column is missing or of another type; names each.
    """
    found = frame.lazy().collect_schema()
    wrong = [
        f"{column} is {found.get(column)}, not {kind}" for column, kind in schema.items() if found.get(column) != kind
    ]
    if wrong:
        raise CloudTrailResponseError(f"this frame is not {name}: {'; '.join(wrong)}")
    return cast("Rows", frame.select(list(schema)))
