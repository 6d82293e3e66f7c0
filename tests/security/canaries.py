"""Secrets that a test plants, and where they turn up again: in whatever was said, and in every file below a folder."""

import gzip
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

# Each its own, so that what is found says where it came from; none looks like anything that is redacted by its form.
IN_ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": "canary0aws0secret0key",
    "PREFECT_CLOUDTRAIL_SLACK_SIGNING_SECRET": "canary0slack0signing",
    "PREFECT_CLOUDTRAIL_PAGER_URL": "http://127.0.0.1:9/canary0pager",
}
# As CloudTrail would hold them, where AWS did not take them out itself.
IN_RECORDS: Mapping[str, Any] = {
    "requestParameters": {
        "userName": "backup",
        "password": "canary0password",
        "userData": "canary0userdata",
        "nested": [
            {"secretString": "canary0secretstring"},
            {"environment": {"variables": {"X": "canary0environment"}}},
        ],
        "commands": "mysql --password=canary0in0text -u root",
        "url": "https://deploy:canary0in0url@example.com/repo.git",
        "policyDocument": '{"SecretAccessKey": "canary0in0policy"}',
    },
    "responseElements": {
        "accessKey": {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "canary0response0key"},
        "credentials": {"sessionToken": "canary0session0token"},
    },
}


def planted() -> list[str]:
    """Return every canary."""
    return [*_texts(IN_ENVIRONMENT), *_texts(IN_RECORDS)]


def with_secrets(body: bytes) -> bytes:
    """Return a log object in whose records of new users and keys the secrets stand."""
    file = json.loads(gzip.decompress(body))
    for record in file["Records"]:
        if record["eventName"] in {"CreateUser", "CreateAccessKey"}:
            record.update(IN_RECORDS)
    return gzip.compress(json.dumps(file).encode())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from re.findall(r"canary0\w+", value)
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(part)


def found_in(secrets: Iterable[str], said: Mapping[str, str]) -> list[str]:
    """Return each place where a secret turned up, with which."""
    return [f"{secret[:30]} in {where}" for secret in secrets for where, text in said.items() if secret in text]


def found_below(secrets: Iterable[str], folder: Path, but: Iterable[Path] = ()) -> list[str]:
    """Return each file that holds a secret, with which; a Parquet file's rows and a database's are read as rows.

    Args:
        secrets: what to look for.
        folder: where.
        but: what is passed over.
    """
    passed = set(but)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not passed & {path, *path.parents}]
    return found_in(secrets, {str(path): _content(path) for path in files})


def _content(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".parquet":
        return text + pl.read_parquet(path, glob=False).write_json()
    if path.suffix == ".db":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as opened:
            opened.text_factory = lambda value: value.decode("utf-8", "replace")
            return text + "\n".join(opened.iterdump())
    return text
