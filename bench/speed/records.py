"""The drawn events as CloudTrail writes them, and delivers them: polars puts the texts together, a column at a time."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Literal

import deflate
import numpy as np
import polars as pl

from bench.speed.organisation import SESSION, USER
from prefect_cloudtrail.schema import EVENTS, UTC_MICROSECONDS

Shape = Literal["usual", "large", "tiny"]
# How many records an object holds; "usual" is what an account and region bring in five minutes, whatever that is.
RECORDS_AN_OBJECT: dict[Shape, int | None] = {"usual": None, "large": 20_000, "tiny": 10}
AT_ONCE = 100_000  # records held as text
LEVEL = 6
MOST_SESSIONS = 30
SESSION_LASTS = timedelta(hours=1)
ONE_IN_CONSOLE = 40  # of people's calls, so many have the console's credentials
DASHES = (8, 13, 18, 23)
BITS: dict[Callable[..., bytes], int] = {base64.b16encode: 4, base64.b32encode: 5, base64.b64encode: 6}
FORMS = 24  # of requests; those that no text is given for are null

HTTPS = '","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"'


def complete(drawn: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """Return the drawn events with their ids, keys and sessions: every column of EVENTS but where the record lies."""
    count = drawn.height
    who, kind = pl.col("who"), pl.col(f"{USER}.type")
    session = pl.col("id") % (1 + who * 7 % MOST_SESSIONS)
    began = pl.col("@timestamp").dt.truncate("1h") - SESSION_LASTS + pl.duration(seconds=who * 13 % 900 + session)
    return drawn.with_columns(
        pl.Series("event.id", uuids(chance, count)),
        pl.when(kind == "AssumedRole")
        .then(
            pl.format("ASIA{}{}", (who + 10_000).cast(pl.String), (session + 10**11).cast(pl.String)).str.slice(0, 20)
        )
        .when(kind == "IAMUser")
        .then(pl.format("AKIA{}", who + 10**15))
        .alias(f"{USER}.access_key_id"),
        pl.when(kind == "AssumedRole").then(began).cast(UTC_MICROSECONDS).alias(f"{SESSION}.creation_date"),
    )


def write(events: pl.DataFrame, folder: Path, shape: Shape, chance: np.random.Generator) -> tuple[pl.DataFrame, int]:
    """Write the events' records as objects below `AWSLogs/`, and return them with where each lies, and bytes of JSON.

    Args:
        events: as `complete` returned them.
        folder: the bucket's root.
        shape: how many records an object holds.
        chance: gives the ids that name objects, and all that nobody reads.
    """
    ordered = _laid_out(events, shape, chance)
    json_bytes = 0
    with ThreadPoolExecutor(2) as pool:
        writing: list[Future[None]] = []
        for part in _parts(ordered):
            records = part.select("log.file.path", record=written(part, chance))
            for (path,), of_one in records.group_by("log.file.path", maintain_order=True):
                text = b'{"Records":[' + ",".join(of_one["record"]).encode() + b"]}"
                json_bytes += len(text)
                writing.append(pool.submit(_write, folder / str(path), text))
        for each in writing:
            each.result()
    return ordered, json_bytes


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(deflate.gzip_compress(text, LEVEL))


def _laid_out(events: pl.DataFrame, shape: Shape, chance: np.random.Generator) -> pl.DataFrame:
    """The events in the order of their objects and records, with `log.file.path` and `log.offset`."""
    place = ["delivered", "cloud.account.id", "cloud.region"]
    most = RECORDS_AN_OBJECT[shape]
    ordered = events.sort(*place, "@timestamp", "event.id")
    if shape == "large":
        # So many of one account are rare; an object is named for the account of its first.
        number = pl.int_range(pl.len()) // most
        ordered = ordered.sort("cloud.account.id", "cloud.region", "@timestamp", "event.id").with_columns(object=number)
        named = ordered.group_by("object", maintain_order=True).agg(pl.col(place).first())
    else:
        number = pl.int_range(pl.len()).over(place) // most if most else pl.lit(0, pl.Int64)
        key = pl.struct(*place, number.alias("part")).rle_id().cast(pl.Int64)
        ordered = ordered.with_columns(object=key)
        named = ordered.group_by("object", maintain_order=True).agg(pl.col(place).first())
    account, region, at = pl.col("cloud.account.id"), pl.col("cloud.region"), pl.col("delivered")
    path = pl.format(
        "AWSLogs/{}/CloudTrail/{}/{}/{}_CloudTrail_{}_{}_{}.json.gz",
        account,
        region,
        at.dt.strftime("%Y/%m/%d"),
        account,
        region,
        at.dt.strftime("%Y%m%dT%H%MZ"),
        pl.Series(_texts(chance, named.height, 16, base64.b32encode)),
    )
    return (
        ordered.join(named.select("object", path.alias("path")), on="object", how="left", maintain_order="left")
        .with_columns(
            pl.col("path").alias("log.file.path"),
            pl.int_range(pl.len()).over("object").cast(pl.UInt32).alias("log.offset"),
        )
        .drop("path")
    )


def _parts(ordered: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The events in parts of whole objects."""
    sizes = ordered.group_by("object", maintain_order=True).len()["len"].to_list()
    first = taken = 0
    for size in sizes:
        if taken and taken + size > AT_ONCE:
            yield ordered.slice(first, taken)
            first, taken = first + taken, 0
        taken += size
    yield ordered.slice(first, taken)


def written(events: pl.DataFrame, chance: np.random.Generator) -> pl.Series:
    """Return each event's record, in CloudTrail's order of keys, without blanks."""
    request = _Request(events, chance)
    console = (pl.col("principal.kind") == "sso_user") & (pl.col("id") % ONE_IN_CONSOLE == 0)
    service = pl.col("event.provider").str.strip_suffix(".amazonaws.com")
    host = pl.format("{}.{}.amazonaws.com", service, "cloud.region")
    record = pl.concat_str(
        pl.lit('{"eventVersion":"1.11","userIdentity":'),
        _identity(),
        pl.lit(',"eventTime":"'),
        _time("@timestamp"),
        pl.lit('","eventSource":"'),
        "event.provider",
        pl.lit('","eventName":"'),
        "event.action",
        pl.lit('","awsRegion":"'),
        "cloud.region",
        pl.lit('","sourceIPAddress":"'),
        "source.address",
        pl.lit('","userAgent":"'),
        "user_agent.original",
        _said('","errorCode":"%s","errorMessage":"%s', "aws.cloudtrail.error_code", "aws.cloudtrail.error_message"),
        pl.lit('","requestParameters":'),
        request.parameters,
        pl.lit(',"responseElements":'),
        request.response,
        request.additional,
        pl.lit(',"requestID":"'),
        pl.Series(uuids(chance, events.height)),
        pl.lit('","eventID":"'),
        "event.id",
        pl.lit('","readOnly":'),
        pl.col("aws.cloudtrail.read_only").cast(pl.String),
        request.resources,
        pl.lit(',"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"'),
        "aws.cloudtrail.recipient_account_id",
        pl.lit('","eventCategory":"Management'),
        pl.when(pl.col(f"{USER}.invoked_by").is_null()).then(_filled(HTTPS + '%s"}', host)).otherwise(pl.lit('"')),
        pl.when(console).then(pl.lit(',"sessionCredentialFromConsole":"true"}')).otherwise(pl.lit("}")),
    )
    return events.select(record.alias("record"))["record"]


def _identity() -> pl.Expr:
    kind, key, account = (pl.col(f"{USER}.{part}") for part in ("type", "access_key_id", "account_id"))
    called_by = _said(',"invokedBy":"%s"', f"{USER}.invoked_by")
    role = pl.concat_str(
        pl.lit('{"type":"AssumedRole","principalId":"'),
        f"{USER}.principal_id",
        pl.lit('","arn":"'),
        f"{USER}.arn",
        pl.lit('","accountId":"'),
        account,
        pl.lit('","accessKeyId":"'),
        key,
        pl.lit('","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"'),
        pl.col(f"{USER}.principal_id").str.split(":").list.first(),
        pl.lit('","arn":"'),
        f"{SESSION}.session_issuer.arn",
        pl.lit('","accountId":"'),
        account,
        pl.lit('","userName":"'),
        pl.col(f"{SESSION}.session_issuer.arn").str.extract("([^/]*)$"),
        pl.lit('"},"attributes":{"creationDate":"'),
        _time(f"{SESSION}.creation_date"),
        pl.lit('","mfaAuthenticated":"false"}}'),
        called_by,
        pl.lit("}"),
    )
    user = pl.concat_str(
        pl.lit('{"type":"IAMUser","principalId":"'),
        f"{USER}.principal_id",
        pl.lit('","arn":"'),
        f"{USER}.arn",
        pl.lit('","accountId":"'),
        account,
        pl.lit('","accessKeyId":"'),
        key,
        pl.lit('","userName":"'),
        "user.name",
        pl.lit('"}'),
    )
    service = _filled('{"type":"AWSService","invokedBy":"%s"}', f"{USER}.invoked_by")
    return pl.when(kind == "AssumedRole").then(role).when(kind == "IAMUser").then(user).otherwise(service)


class _Request:
    """What a call asked for and was answered, which nobody reads; which form they have is the command's."""

    def __init__(self, events: pl.DataFrame, chance: np.random.Generator) -> None:
        self._hex = pl.Series(_texts(chance, events.height, 32, base64.b16encode)).str.to_lowercase()
        self._count, self._chance = events.height, chance
        self.parameters = self._by_form(self._parameters(), "null")
        failed, reads = pl.col("aws.cloudtrail.error_code").is_not_null(), pl.col("aws.cloudtrail.read_only")
        response = self._by_form(self._responses(), "null")
        self.response = pl.when(failed | reads).then(pl.lit("null")).otherwise(response)
        self.additional = self._by_form({3: self._of_s3()}, "")
        self.resources = self._by_form(self._resources(), "")

    @staticmethod
    def _by_form(forms: dict[int, pl.Expr], otherwise: str) -> pl.Expr:
        found = pl.lit(otherwise)
        for form, said in forms.items():
            found = pl.when(pl.col("command_at") % FORMS == form).then(said).otherwise(found)
        return found

    def _part(self, first: int, length: int) -> pl.Expr:
        return pl.lit(self._hex.str.slice(first, length))

    def _parameters(self) -> dict[int, pl.Expr]:
        account, region, at = pl.col("cloud.account.id"), pl.col("cloud.region"), pl.col("command_at") % 97
        instance = '{"instanceId":"i-0%s"}'
        return {
            1: _filled(
                '{"maxResults":1000,"filterSet":{"items":[{"name":"tag:Name","valueSet":{"items":[{"value":"example-%s"},'
                '{"value":"B\u00fccher-%s"}]}}]},"nextToken":"%s"}',
                at,
                "host",
                self._part(0, 24),
            ),
            2: _filled(
                '{"instancesSet":{"items":['
                + ",".join([instance] * 3)
                + ']},"filterSet":{},"includeAllInstances":false}',
                self._part(0, 16),
                self._part(8, 16),
                self._part(16, 16),
            ),
            3: _filled(
                '{"bucketName":"example-%s-%s","Host":"example-%s-%s.s3.%s.amazonaws.com","key":"2026/06/01/%s.parquet"}',
                account,
                at,
                account,
                at,
                region,
                self._part(0, 20),
            ),
            4: _filled(
                '{"roleArn":"arn:aws:iam::%s:role/service-%s","roleSessionName":"%s","durationSeconds":3600}',
                account,
                at,
                self._part(0, 16),
            ),
            5: _filled(
                '{"encryptionContext":{"aws:secretsmanager:arn":"arn:aws:secretsmanager:%s:%s:secret:example-%s"},'
                '"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}',
                region,
                account,
                at,
            ),
            6: _filled('{"secretId":"arn:aws:secretsmanager:%s:%s:secret:example-%s"}', region, account, at),
            7: _filled(
                '{"logGroupName":"/aws/lambda/example-%s","logStreamName":"2026/06/01/[$LATEST]%s"}',
                at,
                self._part(0, 32),
            ),
            8: _filled(
                '{"roleName":"service-%s","policyName":"inline","policyDocument":"{\\"Version\\":\\"2012-10-17\\",'
                '\\"Statement\\":[{\\"Effect\\":\\"Allow\\",\\"Action\\":[\\"s3:GetObject\\",\\"s3:PutObject\\"],'
                '\\"Resource\\":\\"arn:aws:s3:::example-%s-%s/*\\"}]}\\n"}',
                at,
                account,
                at,
            ),
            9: _filled(
                '{"instancesSet":{"items":[{"imageId":"ami-0%s","minCount":1,"maxCount":1}]},"instanceType":"m6i.large",'
                '"blockDeviceMapping":{"items":[{"deviceName":"/dev/xvda","ebs":{"volumeSize":80,"deleteOnTermination":true,'
                '"volumeType":"gp3"}}]},"networkInterfaceSet":{"items":[{"deviceIndex":0,"subnetId":"subnet-0%s"}]},'
                '"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"service","value":"example-%s"},'
                '{"key":"owner","value":"team-%s"}]}]},"clientToken":"%s"}',
                self._part(0, 16),
                self._part(4, 16),
                at,
                "host",
                self._part(0, 32),
            ),
        }

    def _responses(self) -> dict[int, pl.Expr]:
        token = pl.lit(pl.Series(_texts(self._chance, self._count, 320, base64.b64encode)))
        account, at = pl.col("cloud.account.id"), pl.col("command_at") % 97
        return {
            2: _filled('{"requestId":"%s","_return":true}', self._part(0, 32)),
            4: _filled(
                '{"credentials":{"accessKeyId":"ASIA%s","sessionToken":"%s","expiration":"Jun 1, 2026, 1:12:08 PM"},'
                '"assumedRoleUser":{"assumedRoleId":"AROA%s:%s","arn":"arn:aws:sts::%s:assumed-role/service-%s/%s"}}',
                self._part(0, 16).str.to_uppercase(),
                token,
                self._part(8, 16).str.to_uppercase(),
                self._part(0, 16),
                account,
                at,
                self._part(0, 16),
            ),
            7: pl.lit('{"status":"OK"}'),
            9: _filled(
                '{"requestId":"%s","reservationId":"r-0%s","ownerId":"%s","groupSet":{},"instancesSet":{"items":[{"instanceId":'
                '"i-0%s","imageId":"ami-0%s","instanceState":{"code":0,"name":"pending"},"privateDnsName":'
                '"ip-10-0-0-1.ec2.internal","amiLaunchIndex":0,"instanceType":"m6i.large","launchTime":1780315928000,'
                '"placement":{"availabilityZone":"us-east-1a","tenancy":"default"},"monitoring":{"state":"disabled"}}]}}',
                self._part(0, 32),
                self._part(2, 16),
                account,
                self._part(6, 16),
                self._part(0, 16),
            ),
        }

    def _of_s3(self) -> pl.Expr:
        extended = pl.lit(pl.Series(_texts(self._chance, self._count, 76, base64.b64encode)))
        return _filled(
            ',"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,'
            '"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%s","bytesTransferredOut":%s}',
            extended,
            pl.col("seconds") * 37,
        )

    def _resources(self) -> dict[int, pl.Expr]:
        account, region, at = pl.col("cloud.account.id"), pl.col("cloud.region"), pl.col("command_at") % 97
        one = ',"resources":[{"accountId":"%s","type":"AWS::%s","ARN":"arn:aws:%s"}]'
        arns: dict[int, tuple[str, Callable[[], pl.Expr]]] = {
            3: ("S3::Bucket", lambda: _filled("s3:::example-%s-%s", account, at)),
            4: ("IAM::Role", lambda: _filled("iam::%s:role/service-%s", account, at)),
            5: ("KMS::Key", lambda: _filled("kms:%s:%s:key/%s", region, account, self._part(0, 32))),
        }
        return {form: _filled(one, account, pl.lit(kind), arn()) for form, (kind, arn) in arns.items()}


def uuids(chance: np.random.Generator, count: int) -> pl.Series:
    """Return so many random ids as AWS writes them: 8-4-4-4-12."""
    digits = np.frombuffer(base64.b16encode(chance.bytes(16 * count)).lower(), dtype=np.uint8).reshape(count, 32)
    laid = np.full((count, 36), ord("-"), dtype=np.uint8)
    laid[:, [at for at in range(36) if at not in DASHES]] = digits
    return pl.Series(laid.view("S36").ravel()).cast(pl.String)


def _texts(chance: np.random.Generator, count: int, length: int, encode: Callable[[bytes], bytes]) -> pl.Series:
    """So many random texts of one length, of base 16, 32 or 64."""
    bits = BITS[encode]
    encoded = encode(chance.bytes(-(-count * length * bits // 8)))[: count * length]
    return pl.Series(np.frombuffer(encoded, dtype=f"S{length}")).cast(pl.String)


def _said(text: str, *columns: str) -> pl.Expr:
    """The text with the columns in it; nothing where the first is null."""
    return pl.when(pl.col(columns[0]).is_not_null()).then(_filled(text, *columns)).otherwise(pl.lit(""))


def _filled(text: str, *columns: str | pl.Expr) -> pl.Expr:
    """The text with the columns in the place of each `%s`: JSON is full of what `pl.format` takes for its own."""
    first, *rest = text.split("%s")
    parts = [part for column, after in zip(columns, rest, strict=True) for part in (column, pl.lit(after))]
    return pl.concat_str(pl.lit(first), *parts)


def _time(column: str) -> pl.Expr:
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_read(events: pl.DataFrame) -> pl.DataFrame:
    """Return EVENTS of the events, in the order in which a source gives them: what every reader must answer."""
    absent = [pl.lit(None, kind).alias(name) for name, kind in EVENTS.items() if name not in events.columns]
    return events.with_columns(absent).select(list(EVENTS)).sort("log.file.path", "log.offset")
