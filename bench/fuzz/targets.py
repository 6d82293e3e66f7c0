"""What is fuzzed: of each target what it begins with, and what must hold of whatever it is given."""

import contextlib
import gzip
import json
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

import polars as pl

from bench.fuzz.damage import damaged, unpacked_and_packed
from bench.fuzz.records import record
from prefect_cloudtrail.calendar_file import read as read_calendar
from prefect_cloudtrail.cloudtrail import FolderSource, Reason, parse, whole_records
from prefect_cloudtrail.cloudtrail.folder import delivered_at, is_log_file
from prefect_cloudtrail.cloudtrail.notices import named_in
from prefect_cloudtrail.cloudtrail.split import split
from prefect_cloudtrail.cloudtrail.unpack import unpack
from prefect_cloudtrail.demo.databases import write_database
from prefect_cloudtrail.errors import CloudTrailResponseError, SourceError
from prefect_cloudtrail.geo import Geo, locate, place
from prefect_cloudtrail.networks import Networks
from prefect_cloudtrail.principal import name
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.routes import read_routes
from prefect_cloudtrail.schema import EVENTS, GEO, REJECTED, WHO
from prefect_cloudtrail.slack.dialog import bound
from prefect_cloudtrail.slack.payload import read as read_payload

LIMIT = 3_000_000
KEY = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/02/02/111122223333_CloudTrail_eu_20260202T1015Z_a.json.gz"
BUILT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """One way in.

    Attributes:
        seeds: what is damaged.
        check: raises where what must hold does not; takes any bytes.
        make: an input of its own; by default a damaged seed.
    """

    seeds: Callable[[], Sequence[bytes]]
    check: Callable[[bytes], None]
    make: Callable[[Random, Sequence[bytes]], bytes] = damaged


def must(holds: object, what: str) -> None:
    """Raise AssertionError where it does not hold."""
    if not holds:
        raise AssertionError(what)


# --- log objects ------------------------------------------------------------------------------------------------------


@cache
def log_objects() -> Sequence[bytes]:
    """Return objects of every layout, of records whole and odd."""
    chance = Random(0)  # noqa: S311 - not for secrets
    records = [record(chance, odd=number % 3) for number in range(12)]
    return [
        json.dumps({"Records": records[:4]}).encode(),
        json.dumps(records[4:8], indent=1).encode(),
        b"\n".join(json.dumps(each).encode() for each in records[8:]),
        json.dumps(records[0]).encode(),
        b'{"Records":null}',
    ]


def _object(chance: Random, seeds: Sequence[bytes]) -> bytes:
    content = damaged(chance, seeds) if chance.random() < 0.7 else chance.choice(seeds)  # noqa: PLR2004
    return unpacked_and_packed(chance, content) if chance.random() < 0.6 else content  # noqa: PLR2004


def check_object(content: bytes) -> None:
    """Each record is a row, rejected with a known reason or passed over; and reads alone as among others."""
    parsed = parse([(KEY, content)], LIMIT)
    must(dict(parsed.events.schema) == EVENTS and dict(parsed.rejected.schema) == REJECTED, "other columns")
    must(set(parsed.rejected["reason"]) <= set(Reason), f"an unknown reason: {parsed.rejected['reason'].to_list()}")
    accounted = parsed.events.height + parsed.rejected.height + parsed.passed_over
    text = unpack(KEY, content, LIMIT)
    if isinstance(text, Reason):
        must(list(parsed.rejected["reason"]) == [text] and accounted == 1, "not refused as a whole")
        return
    pieces = split(text)
    must(accounted == len(pieces), f"{len(pieces)} records, {accounted} accounted for")
    whole_records(KEY, content, None, LIMIT)
    alone = [parse([("alone.json", b"[%b]" % (piece if _is_json(piece) else b""))], LIMIT) for piece in pieces[:50]]
    rows = pl.concat([each.events for each in alone]) if alone else parsed.events
    among = parsed.events.filter(pl.col("log.offset") < len(alone))
    without = ["log.file.path", "log.offset", "cloud.account.id"]  # the account may be the key's
    must(rows.drop(without).equals(among.drop(without)), "a record alone is another row")
    _same_when_packed(content, parsed.events)


def _is_json(piece: bytes) -> bool:
    try:
        json.loads(piece.decode("utf-8", "replace"), strict=False, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _same_when_packed(content: bytes, events: pl.DataFrame) -> None:
    if not content.startswith(b"\x1f\x8b"):
        packed = parse([(KEY, gzip.compress(content, 1, mtime=0))], LIMIT).events
        plain = parse([(KEY.removesuffix(".gz"), content)], LIMIT).events
        must(
            packed.equals(plain.with_columns(packed["log.file.path"]) if plain.height == packed.height else plain),
            "packed is another",
        )
        must(events.height <= plain.height, "less is read unpacked")


# --- places, people ---------------------------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
NETWORKS = b"network,kind\n8.8.8.0/25,own\n1.0.0.0/8,egress\n2a00:1450::/32,vpn\n"


@cache
def databases() -> Sequence[bytes]:
    """Return small databases: of cities, and of autonomous systems."""
    from netaddr import IPSet  # noqa: PLC0415

    city = {
        "city": {"names": {"en": "Kyiv"}},
        "country": {"iso_code": "UA"},
        "location": {"latitude": 50.45, "longitude": 30.52, "accuracy_radius": 20},
    }
    owner = {"autonomous_system_number": 15169, "autonomous_system_organization": "Google"}
    rows = [
        (IPSet([network]), city)
        for network in ("8.8.8.0/24", "1.1.1.0/25", "85.0.0.0/9", "9.9.9.9/32", "2a00:1450::/32")
    ]
    write_database(rows, _folder() / "city.mmdb", "GeoLite2-City", BUILT)
    write_database([(IPSet(["8.0.0.0/7"]), owner)], _folder() / "asn.mmdb", "GeoLite2-ASN", BUILT)
    return [(_folder() / name).read_bytes() for name in ("city.mmdb", "asn.mmdb")]


@cache
def _geo() -> Geo:
    databases()
    (_folder() / "networks.csv").write_bytes(NETWORKS)
    return Geo.open(_folder() / "city.mmdb", _folder() / "asn.mmdb", Networks.read(_folder() / "networks.csv"))


ADDRESSES = (
    *(b"8.8.8.8", b"1.1.1.200, 10.0.0.1", b"[2a00:1450::1]:443", b"::ffff:8.8.8.8", b"9.9.9.9:8080", b"fe80::1%eth0"),
    *(b"cloudtrail.amazonaws.com", b"AWS Internal", b"192.0.0.9", b"085.010.001.001", b"8.8.8.8 8.8.4.4", b"0x8.8.8.8"),
)


def check_address(content: bytes) -> None:
    """Placed among others, by its network, an address is where it is when it is looked up alone."""
    written = content.decode("utf-8", "replace")[:2_000]
    addresses = [written, *written.split("\n"), None, "8.8.8.8", "8.8.8.200", "192.0.0.9"]
    geo = _geo()
    rows = place(pl.DataFrame({"source.address": addresses}, schema={"source.address": pl.String}), geo)
    for address, row in zip(addresses, rows.select(list(GEO)).to_dicts(), strict=True):
        must(row == dict(locate(address, geo)), f"{address!r} is elsewhere among others")


def check_database(content: bytes) -> None:
    """A damaged database is refused, when it is opened or when it is asked; or it says something."""
    path = _folder() / "damaged.mmdb"
    path.unlink(missing_ok=True)  # the old file is mapped into memory still
    path.write_bytes(content)
    for city, asn in ((path, None), (_folder() / "city.mmdb", path)):
        with _refusing():
            geo = Geo.open(city, asn)
            for address in ("8.8.8.8", "1.1.1.1", "85.1.2.3", "9.9.9.9", "2a00:1450::1", "203.0.113.1"):
                found = locate(address, geo)
                lat, lon = found["source.geo.location.lat"], found["source.geo.location.lon"]
                must(lat is None or (isinstance(lat, float) and abs(lat) <= 90), f"latitude {lat}")  # noqa: PLR2004
                must(lon is None or (isinstance(lon, float) and abs(lon) <= 180), f"longitude {lon}")  # noqa: PLR2004
            place(pl.DataFrame({"source.address": ["8.8.8.8", "1.1.1.1", "2a00:1450::1"]}), geo)


def check_identity(content: bytes) -> None:
    """Whoever a record names has a principal, a person and peers, the same wherever the record stands."""
    parsed = parse([(KEY.removesuffix(".gz"), content)], LIMIT)
    named = name(parsed.events, parsed.callers)
    must(named.select(list(WHO)).equals(name(parsed.events).select(list(WHO))), "another by its number")
    must(not named["principal"].null_count() and "" not in named["principal"], "nobody")


# --- files that people write ------------------------------------------------------------------------------------------

RULES = b"""approvers = ["slack:U0ANA", "system:pager"]
expires_after_hours = 4
[owners]
"111122223333" = "slack:U0BOB"
[regimes]
pci = ["111122223333"]
"""
ROUTES = b'[[route]]\nplaybook = "tell"\nrisk = 0.5\naccounts = ["111122223333"]\n'
CALENDAR = b"kind,since,until,principal,who,why\nwork,2026-03-20T00:00:00Z,2026-03-21T00:00:00+02:00,,ana,move\n"
CALENDAR_JSON = b'[{"kind":"travel","since":"2026-03-20","until":"2026-03-21","why":"a fair","principal":"alice"}]'


def check_files(content: bytes) -> None:
    """A file is taken, or refused in a line of text."""
    readers: Mapping[str, Callable[[Path], object]] = {
        "rules.toml": read_rules,
        "routes.toml": read_routes,
        "networks.csv": Networks.read,
        "calendar.csv": lambda path: read_calendar(path, by="ana", effective_at=BUILT),
        "calendar.json": lambda path: read_calendar(path, by="ana", effective_at=BUILT),
        "calendar.jsonl": lambda path: read_calendar(path, by="ana", effective_at=BUILT),
    }
    folder = _folder() / "files"
    folder.mkdir(exist_ok=True, mode=0o700)
    for file, reader in readers.items():
        (folder / file).write_bytes(content)
        (folder / file).chmod(0o600)
        with _refusing():
            reader(folder / file)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except CloudTrailResponseError as error:
        must(str(error).strip(), "a refusal without a word")


# --- notices, keys, Slack ---------------------------------------------------------------------------------------------

NOTICES = (
    b'{"s3Bucket":"trail","s3ObjectKey":["AWSLogs/1/a.json.gz"]}',
    b'{"Type":"Notification","Message":"{\\"s3Bucket\\":\\"trail\\",\\"s3ObjectKey\\":[\\"a\\"]}"}',
    b'{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"t"},"object":{"key":"a.json"}}}',
    (
        b'{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"t"},'
        b'"object":{"key":"a%2Fb+c.json","size":5}}}]}'
    ),
    b'{"Event":"s3:TestEvent"}',
    b"CloudTrail validation message.",
)


def check_notice(content: bytes) -> None:
    """A message names objects by texts that can be keys, or nothing."""
    for each in named_in(content.decode("utf-8", "replace")) or ():
        must(each.bucket and each.key, "an object without a name")
        each.key.encode()


KEYS = (
    *(KEY.encode(), b"../../etc/passwd.json", b"/etc/passwd", b"a/../../b.json", b"a\0b.json", b"a\nb.json"),
    *("a/\u2025/\uff0e\uff0e/b.json".encode(), b"..\\..\\b.json", b"link.json", b"linked/secret.json", b"\\xff.json"),
    b"AWSLogs/o-abc/111122223333/CloudTrail-Digest/eu/a.json.gz",
)


def check_key(content: bytes) -> None:
    """No key reads what lies outside the folder."""
    key = content.decode("utf-8", "surrogateescape")[:4_000]
    inside, outside = _folder() / "trail", _folder() / "outside"
    if not inside.exists():
        outside.mkdir()
        (outside / "secret.json").write_bytes(b"SECRET")
        (_folder() / "b.json").write_bytes(b"SECRET")
        inside.mkdir()
        (inside / "a.json").write_bytes(b"{}")
    delivered_at(key)
    is_log_file(key)
    with contextlib.suppress(SourceError):
        must(FolderSource(inside).read(key) != b"SECRET", f"{key!r} leads outside")


PAYLOADS = (
    (
        b'{"type":"block_actions","user":{"id":"U1"},"trigger_id":"1.2","channel":{"id":"C1"},"message":{"thread_ts":"1"},'
        b'"actions":[{"type":"button","action_id":"approve","value":"v1.abc","action_ts":"1"}]}'
    ),
    b'{"type":"block_actions","user":{"id":"U1"},"actions":[{"type":"overflow","selected_option":{"value":"a.b"}}]}',
    (
        b'{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1","callback_id":"approve","blocks":[{"block_id":"a"}],'
        b'"private_metadata":"{\\"v\\":1,\\"kind\\":\\"a\\",\\"id\\":\\"b\\",\\"digest\\":\\"c\\",\\"opener\\":\\"d\\"}","state":{"values":{}}}}'
    ),
)


def check_payload(content: bytes) -> None:
    """What Slack is said to send is somebody's click, a dialog's answer, or nothing."""
    text = content.decode("utf-8", "replace")
    bound(text)
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return
    done = read_payload(payload)
    must(done is None or done.user, "somebody without an id")


def _letters(chance: Random, seeds: Sequence[bytes]) -> bytes:
    if chance.random() < 0.5:  # noqa: PLR2004
        return damaged(chance, seeds)
    letters = string.hexdigits + ".:,[]%/ \n"
    written = "".join(chance.choices(letters, k=chance.randint(1, 30)))
    numbers = ".".join(str(chance.randint(0, 260)) for _ in range(4))
    return f"{chance.choice((written, numbers))}\n{numbers}".encode()


TARGETS: Mapping[str, Target] = {
    "decoder": Target(log_objects, check_object, _object),
    "identities": Target(log_objects, check_identity),
    "addresses": Target(lambda: ADDRESSES, check_address, _letters),
    "databases": Target(databases, check_database),
    "files": Target(lambda: (RULES, ROUTES, CALENDAR, CALENDAR_JSON, NETWORKS), check_files),
    "notices": Target(lambda: NOTICES, check_notice),
    "keys": Target(lambda: KEYS, check_key),
    "payloads": Target(lambda: PAYLOADS, check_payload),
}
