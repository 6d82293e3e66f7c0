"""The organisation of `bench.judge`, with identities and networks as records spell them: it can be written out.

What is drawn is named and placed by the pipeline's own functions, so that a record read lands on what history knows.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from netaddr import IPSet

from bench.judge.organisation import BEGIN, Drawn, Size
from prefect_cloudtrail.demo.databases import CONTINENTS, write_database
from prefect_cloudtrail.geo import Geo, locate
from prefect_cloudtrail.principal import name
from prefect_cloudtrail.schema import EVENTS, GEO, WHO, empty

# A window in the middle of an hour. What is delivered in it happened five to ten minutes before.
CHECKPOINT = BEGIN + timedelta(minutes=15)
UNTIL = CHECKPOINT + timedelta(minutes=15)
DELAY = timedelta(minutes=5)
EVERY = timedelta(minutes=5)
# One odd command in 32,000 and one odd network in 80,000: dozens of incidents in a window, more than in life.
SIZE = replace(Size(), minutes=15, odd=0.0625)

SERVICES = (
    *("ec2", "s3", "sts", "kms", "iam", "logs", "lambda", "dynamodb", "secretsmanager", "ssm", "sqs", "sns", "ecs"),
    *("ecr", "eks", "rds", "glue", "athena", "config", "monitoring", "cloudformation", "autoscaling", "organizations"),
    *("elasticloadbalancing", "elasticfilesystem", "states", "events", "cloudtrail", "guardduty", "securityhub"),
)
READS, WRITES = ("Describe", "Get", "List", "BatchGet"), ("Create", "Update", "Delete", "Put", "Tag", "Start")
NOUNS = (
    *("Instance", "Volume", "Bucket", "Object", "Role", "Policy", "Key", "Secret", "Function", "Table", "Queue"),
    *("Topic", "Cluster", "Service", "Task", "Image", "Snapshot", "Stack", "Rule", "Alarm", "Stream", "LogGroup"),
    *("Parameter", "Subnet", "Vpc", "SecurityGroup", "Listener", "TargetGroup", "Job", "Crawler", "Workgroup"),
)
REGIONS = ("us-east-1", "eu-central-1", "us-west-2", "eu-west-1", "ap-southeast-2")
AGENTS = {
    "robot": (
        "Boto3/1.34.144 md/Botocore#1.34.144 ua/2.0 os/linux#5.10.220 md/arch#x86_64 lang/python#3.11.9 Botocore/1.34",
        "aws-sdk-go-v2/1.30.1 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#arm64 api/ec2#1.168.0",
        "aws-sdk-java/2.26.12 Linux/5.10.219 OpenJDK_64-Bit_Server_VM/17.0.11 Java/17.0.11 io/async http/NettyNio",
        "APN/1.0 HashiCorp/1.0 Terraform/1.9.1 (+https://www.terraform.io) terraform-provider-aws/5.57.0",
    ),
    "person": (
        "aws-cli/2.17.9 md/awscrt#0.20.11 ua/2.0 os/macos#23.5.0 md/arch#arm64 lang/python#3.11.8 md/prompt#off",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0",
    ),
}
COUNTRIES = (
    *("AU", "BR", "CA", "CH", "CL", "CO", "CZ", "DE", "EG", "ES", "FI", "FR", "GB", "GE", "IE", "IN", "IT", "JP"),
    *("KE", "KZ", "MA", "MX", "NL", "NZ", "PL", "PT", "SE", "SG", "US", "ZA", "AT", "BE", "DK", "NO", "KR", "TH"),
    *("VN", "TR", "RO", "GR"),
)
FLEET = 16  # addresses of a robot in each of its networks
CITY, ASN = "city.mmdb", "asn.mmdb"
# Robots by their number, modulo this: who is not a role's session.
KINDS_OF_ROBOTS = 12
AWS_SERVICE, SERVED, IAM_USER = range(3)

USER = "aws.cloudtrail.user_identity"
SESSION = f"{USER}.session_context"


class Organisation(Drawn):
    """One organisation: callers as identities, commands of real services, networks as the databases place them."""

    def __init__(self, seed: int, size: Size, databases: Path) -> None:
        """Draw it, placed by the databases that `write_databases` left in a folder."""
        self._geo = Geo.open(databases / CITY, databases / ASN)
        super().__init__(np.random.default_rng(seed), size)

    def window(self) -> pl.DataFrame:
        """Return the events that are delivered in the window: PLACED's columns, and what they were drawn by."""
        events = self.burst_drawn(CHECKPOINT - DELAY)
        delivered = (pl.col("@timestamp") + DELAY).dt.truncate(EVERY) + EVERY
        return events.with_columns(delivered.alias("delivered"), pl.lit(UNTIL).alias("window"))

    def _named(self, drawn: pl.DataFrame, begin: datetime) -> pl.DataFrame:
        # A caller's calls come from some addresses of its network, not from any: a fleet from more than a person.
        fleet = pl.when(pl.col("who") < self._size.robots).then(FLEET).otherwise(1)
        hosts = 1 + (pl.col("who") * 31 + pl.col("id") % fleet) % 249
        found = super()._named(drawn.with_columns(hosts.alias("host")), begin)
        served = pl.col(f"{USER}.invoked_by").is_not_null()
        error, account = pl.col("aws.cloudtrail.error_code"), pl.col("cloud.account.id")
        action = pl.format("{}:{}", pl.col("event.provider").str.strip_suffix(".amazonaws.com"), "event.action")
        regional = pl.format(
            "{}", (pl.col("account_at") + pl.col("command_at") % 2 * (pl.col("host") % 9)) % len(REGIONS)
        )
        return found.with_columns(
            *(pl.when(~served).then(pl.col(column)).alias(column) for column in GEO if column in found.columns),
            pl.when(served).then(f"{USER}.invoked_by").otherwise("source.ip").alias("source.address"),
            account.alias("aws.cloudtrail.recipient_account_id"),
            regional.replace_strict({str(at): region for at, region in enumerate(REGIONS)}).alias("cloud.region"),
            pl.lit("AwsApiCall").alias("event.type"),
            pl.when(error == "AccessDenied")
            .then(
                pl.format(
                    "User: {} is not authorized to perform: {} on resource: arn:aws:{}:*:{}:* "
                    "because no identity-based policy allows the {} action",
                    pl.coalesce(f"{USER}.arn", f"{USER}.invoked_by"),
                    action,
                    pl.col("event.provider").str.strip_suffix(".amazonaws.com"),
                    account,
                    action,
                )
            )
            .when(error.is_not_null())
            .then(pl.format("An error occurred ({}) when calling the {} operation", error, "event.action"))
            .alias("aws.cloudtrail.error_message"),
        )

    def _command_names(self) -> pl.DataFrame:
        verbs, at = (*READS, *WRITES), np.arange(self._size.commands)
        commands = pl.DataFrame(
            {
                "at": at,
                "event.provider": [f"{SERVICES[each % len(SERVICES)]}.amazonaws.com" for each in at],
                "event.action": [
                    f"{verbs[each % len(verbs)]}{NOUNS[each // len(verbs) % len(NOUNS)]}{'sV'[each % 2]}{each // 300}"
                    for each in at
                ],
                "aws.cloudtrail.read_only": [verbs[each % len(verbs)] in READS for each in at],
            }
        )
        return _with(commands, _named_as_the_pipeline(commands).select("command"))

    def _networks(self) -> pl.DataFrame:
        count = self._size.networks
        found = [locate(f"50.{at // 250}.{at % 250}.1", self._geo) for at in range(count)]
        located = pl.DataFrame(found, schema=GEO, orient="row").drop("source.ip")
        return located.with_columns(pl.Series("at", np.arange(count)))

    def _who(self) -> pl.DataFrame:
        size, chance = self._size, self._chance
        home = chance.integers(0, size.accounts, size.principals)
        line = chance.integers(0, size.networks, size.principals)
        identities = [self._identity(at, self._account_name(int(home[at]))) for at in range(size.principals)]
        said = pl.DataFrame(identities, schema={column: EVENTS[column] for column in identities[0]}, orient="row")
        who = _named_as_the_pipeline(said).select([column for column in WHO if column != "command"])
        return _with(pl.DataFrame({"at": np.arange(size.principals), "home": home, "line": line}), said, who)

    def _identity(self, at: int, account: str) -> dict[str, Any]:
        """EVENTS' columns of a caller, without the key and the beginning of a session: a caller has many."""
        robot = at < self._size.robots
        kind = at % KINDS_OF_ROBOTS if robot else None
        agents = AGENTS["robot" if robot else "person"]
        said: dict[str, Any] = dict.fromkeys(column for column in EVENTS if column.startswith(USER))
        said |= {"user.name": None, "user_agent.original": agents[at % len(agents)], f"{USER}.account_id": account}
        if kind == AWS_SERVICE:
            service = f"{SERVICES[at // KINDS_OF_ROBOTS % len(SERVICES)]}.amazonaws.com"
            said |= {f"{USER}.type": "AWSService", f"{USER}.invoked_by": service, f"{USER}.account_id": None}
            return said | {"user_agent.original": service}
        if kind == IAM_USER:
            user = f"deploy-of0-{at}"
            return said | {
                f"{USER}.type": "IAMUser",
                f"{USER}.principal_id": f"AIDA{at:016}",
                f"{USER}.arn": f"arn:aws:iam::{account}:user/{user}",
                "user.name": user,
            }
        unit = f"{at:016}"
        role, path, session = f"service-{at % 30}-runtime", "", f"i-0{at:07x}ab12cd34e"
        if robot and at % 2:
            session = f"service-{at}-worker"
        if not robot:
            role = f"AWSReservedSSO_Team{at % 30}_{at % 30 + 16**15:x}"
            path, session = "aws-reserved/sso.amazonaws.com/eu-central-1/", f"person{at}.of0@example.com"
        if kind == SERVED:
            said |= {f"{USER}.invoked_by": "cloudformation.amazonaws.com"}
            said |= {"user_agent.original": "cloudformation.amazonaws.com"}
        return said | {
            f"{USER}.type": "AssumedRole",
            f"{USER}.principal_id": f"AROA{unit}:{session}",
            f"{USER}.arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            f"{SESSION}.session_issuer.arn": f"arn:aws:iam::{account}:role/{path}{role}",
            f"{SESSION}.session_issuer.type": "Role",
            f"{SESSION}.mfa_authenticated": False,
        }


def write_databases(folder: Path, size: Size, seed: int) -> None:
    """Write where the networks are, and who runs them."""
    chance = np.random.default_rng(seed)
    city_of = (size.cities * chance.random(size.networks) ** 2).astype(int)
    # No coordinate is a whole number: the writer would take 13.0 and 13 for one value.
    latitude = (chance.uniform(-50, 60, size.cities).round(2) + 0.003).tolist()
    longitude = (chance.uniform(-120, 150, size.cities).round(2) + 0.003).tolist()
    cities, owners = [], []
    for at in range(size.networks):
        network, city = f"50.{at // 250}.{at % 250}.0/24", int(city_of[at])
        code = COUNTRIES[city % len(COUNTRIES)]
        country = {"geoname_id": 500 + city % len(COUNTRIES), "iso_code": code, "names": {"en": code}}
        row: dict[str, Any] = {"continent": {"code": "EU", "names": {"en": CONTINENTS["EU"]}}}
        if at % 100:
            row |= {"country": country, "registered_country": country}
        if at % 20:
            row |= {
                "city": {"geoname_id": 1_000 + city, "names": {"en": f"City {city}"}},
                "location": {"accuracy_radius": 20, "latitude": latitude[city], "longitude": longitude[city]},
                "subdivisions": [{"iso_code": f"R{city % 7}", "names": {"en": f"Region {city % 7}"}}],
            }
        cities.append((network, row))
        owner = f"Network {at % 200}{' Hosting' if at % 5 == 0 else ''}"
        autonomous = {"autonomous_system_number": 64_500 + at % 200, "autonomous_system_organization": owner}
        owners.append((network, autonomous))
    _write(cities, folder / CITY, "GeoLite2-City")
    _write(owners, folder / ASN, "GeoLite2-ASN")


def _write(rows: Iterable[tuple[str, dict[str, Any]]], path: Path, kind: str) -> None:
    write_database(((IPSet([network]), row) for network, row in rows), path, kind, datetime(2026, 5, 1, tzinfo=UTC))


def _named_as_the_pipeline(said: pl.DataFrame) -> pl.DataFrame:
    absent = empty(EVENTS).drop(said.columns, strict=False)
    return name(said.with_columns(pl.lit(None, kind).alias(column) for column, kind in absent.schema.items()))


def _with(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames, how="horizontal")
