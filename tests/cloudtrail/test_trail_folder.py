import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import KEY, lines, log_file, packed, record

from prefect_cloudtrail.cloudtrail import FolderSource, LogObject, read_objects
from prefect_cloudtrail.cloudtrail.folder import delivered_at
from prefect_cloudtrail.errors import SourceError

LOG = f"{KEY}.gz"


def put(root: Path, key: str, content: bytes = b"") -> Path:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def keys(root: Path) -> list[str]:
    return [found.key for found in FolderSource(root).list()]


def test_log_objects_are_listed_at_any_depth_with_size_and_time(tmp_path: Path) -> None:
    put(tmp_path, LOG, packed(log_file(record())))
    put(tmp_path, "a.jsonl", b"12")
    first, second = FolderSource(tmp_path).list()
    assert (first.key, first.delivered) == (LOG, datetime(2026, 2, 2, 10, 15, tzinfo=UTC))
    assert first.size == (tmp_path / LOG).stat().st_size
    assert second == LogObject("a.jsonl", 2, None)


def test_only_logs_are_listed_sorted(tmp_path: Path) -> None:
    for ending in ("json", "json.gz", "jsonl", "jsonl.gz", "ndjson", "ndjson.gz", "JSON", "txt", "csv.gz", "gz", "tmp"):
        put(tmp_path, f"b/{ending}/a.{ending}")
    put(tmp_path, "a/z.json")
    for other in (
        ".hidden.json",
        ".hidden/a.json",
        "._a.json.gz",
        "x/CloudTrail-Digest/eu-central-1/a.json.gz",
        "x/CloudTrail-Insight/a.json.gz",
        "1_CloudTrail-Digest_eu-central-1_a.json.gz",
    ):
        put(tmp_path, other)
    read = ("JSON", "json", "json.gz", "jsonl", "jsonl.gz", "ndjson", "ndjson.gz")
    assert keys(tmp_path) == sorted(["a/z.json", *(f"b/{ending}/a.{ending}" for ending in read)])


def test_a_hidden_root_is_read(tmp_path: Path) -> None:
    put(tmp_path, ".trail/a.json")
    assert keys(tmp_path / ".trail") == ["a.json"]


def test_links_are_followed_but_nothing_is_met_twice(tmp_path: Path) -> None:
    put(tmp_path, "root/real/a.json")
    put(tmp_path, "elsewhere/deep/b.json")
    root = tmp_path / "root"
    (root / "again").symlink_to(root / "real")
    (root / "real" / "loop").symlink_to(root)
    (root / "other").symlink_to(tmp_path / "elsewhere")
    (root / "latest.json").symlink_to(root / "real" / "a.json")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    assert keys(root) == ["other/deep/b.json", "real/a.json"]


def test_a_link_that_leads_nowhere_is_an_object_that_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path, "a.json", lines(record()))
    (tmp_path / "b.json").symlink_to(tmp_path / "gone")
    (tmp_path / "c.json").symlink_to(tmp_path / "c.json")
    source = FolderSource(tmp_path)
    parsed = read_objects(source, source.list())
    assert parsed.rejected.select("log.file.path", "reason").rows() == [
        ("b.json", "unreadable"),
        ("c.json", "unreadable"),
    ]
    assert parsed.events.height == 1


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    assert keys(tmp_path) == ["a.json"]


@pytest.mark.skipif(sys.platform == "darwin", reason="names there are always UTF-8")
def test_a_name_that_is_not_utf8_is_listed_and_read(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.json", "wb") as file:  # noqa: PTH123 - a Path cannot say this name
        file.write(lines(record()))
    source = FolderSource(tmp_path)
    parsed = read_objects(source, source.list())
    assert parsed.events["log.file.path"].to_list() == ["caf\\xe9.json"]


def test_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone does not exist: name the folder that holds the log objects"):
        FolderSource(tmp_path / "gone").list()


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.json is a file, not a folder"):
        FolderSource(put(tmp_path, "a.json")).list()


def test_a_folder_without_logs_says_what_is_looked_for(tmp_path: Path) -> None:
    put(tmp_path, "notes.txt")
    with pytest.raises(SourceError, match=r"holds no log object: name one with \.json, \.json\.gz"):
        FolderSource(tmp_path).list()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    put(tmp_path, "closed/b.json").parent.chmod(0)
    with pytest.raises(SourceError, match=r"cannot read the folder .*closed"):
        FolderSource(tmp_path).list()


@pytest.mark.parametrize("key", ["gone.json", "folder"])
def test_an_object_that_cannot_be_read_is_named(tmp_path: Path, key: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SourceError, match=f"cannot read {key} in "):
        FolderSource(tmp_path).read(key)


@pytest.mark.parametrize("key", ["../secret.json", "a/../../secret.json", "/etc/hostname"])
def test_nothing_outside_the_folder_is_read(tmp_path: Path, key: str) -> None:
    put(tmp_path, "secret.json")
    put(tmp_path, "root/a/b.json")
    with pytest.raises(SourceError, match="is not a log object of the folder"):
        FolderSource(tmp_path / "root").read(key)


def test_an_object_that_is_gone_costs_only_itself(tmp_path: Path) -> None:
    for name in "abc":
        put(tmp_path, f"{name}.json", lines(record(eventID=name)))
    source = FolderSource(tmp_path)
    objects = source.list()
    (tmp_path / "b.json").unlink()
    parsed = read_objects(source, objects)
    assert parsed.events["event.id"].to_list() == ["a", "c"]
    (refused,) = parsed.rejected.to_dicts()
    assert (refused["log.file.path"], refused["log.offset"], refused["reason"]) == ("b.json", None, "unreadable")
    assert "No such file" in refused["sample"]


def test_an_object_too_large_is_not_even_fetched(tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", b"x" * 1_001)
    source = FolderSource(tmp_path)
    objects = source.list()
    path.unlink()
    parsed = read_objects(source, objects, max_object_bytes=1_000)
    assert parsed.rejected.select("reason", "sample").rows() == [("too_large", "1001 bytes")]


@pytest.mark.parametrize(
    ("key", "time"),
    [
        (LOG, datetime(2026, 2, 2, 10, 15, tzinfo=UTC)),
        ("a_20260202T1015Z_b/c.json", None),
        ("a_20261302T1015Z_b.json", None),
        ("a.json", None),
    ],
)
def test_the_time_of_delivery_is_the_names(key: str, time: datetime | None) -> None:
    assert delivered_at(key) == time
