"""Builds what touches the world from the settings; called by the command line and the tasks only."""

import os
import pwd
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from prefect_cloudtrail.cloudtrail import FolderSource, Source
from prefect_cloudtrail.errors import SettingsError, StateError
from prefect_cloudtrail.feedback import Feedback
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.networks import Networks
from prefect_cloudtrail.parts import Reading, in_processes
from prefect_cloudtrail.response.actions import Aws
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import STATE_FILES, Backup, BucketHome, FileHome, Store
from prefect_cloudtrail.store.feedback import of_another

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_sdk import WebClient

    from prefect_cloudtrail.response.deciding import Member
    from prefect_cloudtrail.response.head import Head
    from prefect_cloudtrail.response.responder import Plane
    from prefect_cloudtrail.response.signing import Keys
    from prefect_cloudtrail.slack.teller import Teller

S3, SQS, LOOKUP = "s3://", "sqs://", "lookup://"
KINDS = "a folder of log objects, s3://bucket/prefix, sqs://QUEUE, or lookup://"
# Longer than Slack takes on a bad day; a message that is not answered by then is looked for.
SLACK_SECONDS = 10


def log_source(
    settings: Settings, *, since: datetime | None = None, until: datetime | None = None, past: bool = False
) -> Source:
    """Return where a run reads log objects from.

    Args:
        settings: with the source's.
        since: what happened before is passed over by the run, and need not be asked.
        until: the same of what happened after.
        past: whether the run is about past days, which a queue holds none of.

    Raises:
        SettingsError: no source is set, or of a kind that is not known, or none for past days.
        SourceError: there is no such bucket or queue, it cannot be reached, or there are no credentials.
    """
    source = settings.source
    if not source:
        raise SettingsError(f"no source: pass --source or set PREFECT_CLOUDTRAIL_SOURCE to {KINDS}")
    if source.startswith(SQS):
        trail = _trail(settings)
        if past:
            raise SettingsError(f"a queue holds no past days: for this, pass --source {trail}")
        from prefect_cloudtrail.aws_sources import open_notices  # noqa: PLC0415 - boto3, as below

        return open_notices(source, trail, **_asked_as(settings))
    if source.startswith(LOOKUP):
        from prefect_cloudtrail.aws_sources import open_lookup  # noqa: PLC0415

        return open_lookup(source, look_back=settings.look_back, since=since, until=until, **_asked_as(settings))
    if source.startswith(S3):
        from prefect_cloudtrail.aws import open_s3  # noqa: PLC0415 - boto3 takes as long to import as all the rest

        return open_s3(source, **_asked_as(settings))
    scheme, found, _ = source.partition("://")
    if found:
        raise SettingsError(f"cannot read from {scheme}://; --source takes {KINDS}")
    return FolderSource(Path(source).expanduser())


def archive(settings: Settings) -> Source:
    """Return where what was read can be read again: with a queue as source, the trail's bucket.

    Raises:
        SettingsError: as `log_source`.
        SourceError: as `log_source`.
    """
    if settings.source and settings.source.startswith(SQS):
        return log_source(settings.model_copy(update={"source": _trail(settings)}))
    return log_source(settings)


def _trail(settings: Settings) -> str:
    if settings.trail is None:
        raise SettingsError(
            "no trail: pass --trail or set PREFECT_CLOUDTRAIL_TRAIL to s3://bucket/prefix, which the queue's notices "
            "may name; others are not followed"
        )
    return settings.trail


class _AskedAs(TypedDict):
    endpoint_url: str | None
    role_arn: str | None
    external_id: str | None
    region: str | None


def _asked_as(settings: Settings) -> _AskedAs:
    """Where AWS answers a source, and as whom it is asked."""
    return {
        "endpoint_url": settings.endpoint_url,
        "role_arn": settings.role_arn,
        "external_id": settings.external_id,
        "region": settings.region,
    }


def reading(settings: Settings) -> Reading:
    """Return where what arrives is read: in as many processes as the settings say, or as there are cores."""
    return in_processes(settings.processes or len(os.sched_getaffinity(0)))


def geo(settings: Settings) -> Geo:
    """Return the open geo databases.

    Raises:
        GeoError: none is set, or it cannot be used.
    """
    city = settings.city_db.expanduser() if settings.city_db else None
    listed = Networks.read(settings.networks.expanduser()) if settings.networks else None
    return Geo.open(city, settings.asn_db.expanduser() if settings.asn_db else None, listed)


def reader(settings: Settings) -> Aws | None:
    """Return clients for every account with the reader's role; None where none is set."""
    if not settings.reader_role:
        return None
    from prefect_cloudtrail.response.accounts import Accounts  # noqa: PLC0415 - boto3, as above

    return Accounts(settings.reader_role, settings.external_id, settings.endpoint_url, settings.region)


def case_store(settings: Settings) -> Store:
    """Return the open case store, made where there is none.

    Raises:
        StateError: it cannot be used.
    """
    return Store.open(_home(settings), settings.database, kind="live")


def fresh_backtest(settings: Settings) -> Store:
    """Return an empty case store for a backtest; an earlier backtest in its folder is deleted.

    Raises:
        StateError: the folder holds a state that is no backtest's, or it cannot be used.
    """
    state = _home(settings)
    if not isinstance(state, Path):
        raise StateError(f"a backtest keeps its state in a folder, not in {settings.state}: pass --state DIR")
    with Store.open(state, settings.database, kind="backtest") as earlier:
        began = bool(earlier.runs(limit=1)) or earlier.feedback() != Feedback()
    if began and settings.database:
        raise StateError("the database holds an earlier backtest; name an empty one")
    if began:
        for name in STATE_FILES:
            path = state / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return Store.open(state, settings.database, kind="backtest")


def existing_store(settings: Settings) -> Store:
    """Return the open case store.

    Raises:
        StateError: there is none yet, or it cannot be used.
    """
    return Store.read_only(_home(settings), settings.database)


def restored(settings: Settings, folder: Path) -> Backup:
    """Return the backup from which the state that the settings name was made.

    Raises:
        StateError: the backup is not whole, or there is a state already.
    """
    return Store.restore(folder, _home(settings), settings.database, datetime.now(UTC))


@contextmanager
def plane(settings: Settings) -> "Iterator[Plane]":
    """Give what the responder works with: the case store, clients with its role, its file and its keys.

    Raises:
        SettingsError: its file or its keys are not set, or cannot be used.
        StateError: there is no state yet, or it cannot be used.
    """
    from prefect_cloudtrail.response.accounts import Accounts  # noqa: PLC0415 - boto3, as above
    from prefect_cloudtrail.response.responder import Plane  # noqa: PLC0415 - the signing takes as long

    rules = read_rules(settings.rules)
    keys = signing_keys(settings)
    aws = Accounts(
        rules.responder_role, rules.external_id, settings.endpoint_url, settings.region, "prefect-cloudtrail-responder"
    )
    existing_store(settings).close()
    with case_store(settings) as store:
        yield Plane(store, aws, lambda: read_rules(settings.rules), keys, lambda: datetime.now(UTC), head_of(settings))


def slack(settings: Settings) -> "WebClient | None":
    """Return the client of Slack's Web API; None where incidents are told on the terminal.

    Raises:
        SettingsError: a channel is set, and no token.
    """
    if settings.slack_channel is None:
        return None
    if settings.slack_token is None:
        raise SettingsError("no Slack token: set PREFECT_CLOUDTRAIL_SLACK_TOKEN beside the channel, or neither")
    from slack_sdk import WebClient  # noqa: PLC0415 - its import takes as long as --help may

    # It tries nothing again by itself: what was posted and not answered must be looked for first.
    token, url = settings.slack_token.get_secret_value(), settings.slack_url or WebClient.BASE_URL
    return WebClient(token=token, base_url=url, timeout=SLACK_SECONDS, retry_handlers=[])


def teller(settings: Settings, store: Store) -> "Teller | None":
    """Return what tells Slack of the store's incidents; None where they are told on the terminal.

    Raises:
        SettingsError: a channel is set, and no token.
    """
    client = slack(settings)
    if client is None or settings.slack_channel is None:
        return None
    from prefect_cloudtrail.slack.teller import Teller  # noqa: PLC0415 - as above

    return Teller(
        store,
        client,
        settings.slack_channel,
        lambda: read_rules(settings.rules),
        settings.groups_to_call,
        lambda: datetime.now(UTC),
        pager_url=settings.pager_url.get_secret_value() if settings.pager_url else None,
    )


@contextmanager
def listening(settings: Settings, plane: "Plane", address: str, port: int | None) -> "Iterator[str]":
    """Listen to what people do in Slack until the end; give how, in a few words.

    Args:
        settings: with Slack's.
        plane: what the responder works with.
        address: to take Slack's requests at, where they come over HTTP.
        port: the same; None is Socket Mode.

    Raises:
        SettingsError: what Slack needs for it is not set.
        SlackError: Slack cannot be listened to.
    """
    client = slack(settings)
    if client is None:
        yield "no Slack"
        return
    from prefect_cloudtrail.slack.listener import Listener  # noqa: PLC0415 - as above
    from prefect_cloudtrail.slack.requests import served  # noqa: PLC0415
    from prefect_cloudtrail.slack.sockets import listening as connected  # noqa: PLC0415

    listener = Listener(plane, client, settings.slack_channel)
    if port is not None:
        if settings.slack_signing_secret is None:
            raise SettingsError("no signing secret: set PREFECT_CLOUDTRAIL_SLACK_SIGNING_SECRET for Slack over HTTP")
        secret = settings.slack_signing_secret.get_secret_value()
        with served(listener, secret, plane.store, plane.clock, address, port) as at:
            yield f"Slack over HTTP on {address}:{at}"
    elif settings.slack_app_token is None:
        raise SettingsError(
            "no app token: set PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN for Socket Mode, or give --slack-port"
        )
    else:
        with connected(listener, settings.slack_app_token.get_secret_value(), client, plane.store, plane.clock):
            yield "Slack over Socket Mode"


def signing_keys(settings: Settings) -> "Keys":
    """Return the keys that decisions are signed with.

    Raises:
        SettingsError: none are set, or they cannot be read.
    """
    from prefect_cloudtrail.response.signing import Keys  # noqa: PLC0415 - the cryptography takes as long

    return Keys.open(folder_of_keys(settings))


def head_of(settings: Settings) -> "Head":
    """Return how far the audit of the settings' case store went, as this host knows it.

    Raises:
        SettingsError: the folder of the keys is not set.
    """
    from prefect_cloudtrail.response.head import Head  # noqa: PLC0415 - the signing takes as long

    return Head.of(folder_of_keys(settings), settings.state, settings.database)


def folder_of_keys(settings: Settings) -> Path:
    """Return where the signing keys are, or are to be.

    Raises:
        SettingsError: it is not set.
    """
    if settings.signing_keys is None:
        raise SettingsError(
            "no signing keys: set PREFECT_CLOUDTRAIL_SIGNING_KEYS to their folder on the responder's host"
        )
    return settings.signing_keys.expanduser()


def system_member() -> "Member":
    """Return who works at this terminal: the user that this process runs as, whatever the environment says."""
    from prefect_cloudtrail.response.deciding import Member  # noqa: PLC0415 - the signing takes as long

    return Member(f"system:{pwd.getpwuid(os.getuid()).pw_name}")


def feedback_of(state: str) -> Feedback:
    """Return what people entered in a state, given by its folder, or by the URL of its database.

    Raises:
        SettingsError: it is given by its bucket, which does not say where its database is.
        StateError: there is none, or it cannot be read.
    """
    if state.startswith(S3):
        raise SettingsError("what people entered is in the case store: give --feedback postgresql://USER@HOST/NAME")
    return of_another(state if "://" in state else Path(state).expanduser())


def _home(settings: Settings) -> Path | FileHome:
    """Where the state's files lie; the bucket is this account's own, so no role is assumed for it."""
    if not settings.state.startswith(S3):
        return Path(settings.state).expanduser()
    from prefect_cloudtrail.aws import bucket_and_prefix, open_bucket  # noqa: PLC0415 - as above

    bucket, prefix = bucket_and_prefix(settings.state)
    store = open_bucket(bucket, endpoint_url=settings.endpoint_url, region=settings.region)
    return BucketHome(store, bucket, prefix)
