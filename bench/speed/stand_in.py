"""A bucket on this machine, so fast that clients are measured and not it: S3's listing and GetObject, with a latency.

`python -m bench.speed.stand_in FOLDER BUCKET MILLISECONDS` prints its port, and answers until its standard input ends.
Objects are held in memory. It knows two requests, and nobody's credentials.
"""

import asyncio
import os
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 1_000
DATE = "Mon, 01 Jun 2026 12:30:00 GMT"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Bucket:
    """The objects, and what S3 answers of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._objects = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        self._keys = sorted(self._objects)

    def answer(self, target: str, *, head: bool) -> bytes:
        """Return the whole response to one request."""
        url = urlsplit(target)
        key = unquote(url.path).removeprefix(f"/{self._name}").removeprefix("/")
        if key:
            content = self._objects.get(key)
            if content is None:
                return _response(
                    "404 Not Found", b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"
                )
            return _response("200 OK", content, head=head)
        asked = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return _response("200 OK", self._listed(asked), "application/xml", head=head)

    def _listed(self, asked: dict[str, str]) -> bytes:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        after = asked.get("continuation-token") or asked.get("start-after", "")
        most = min(int(asked.get("max-keys", PAGE)), PAGE)
        contents: list[str] = []
        folders: list[str] = []
        last, at = after, bisect_right(self._keys, max(after, prefix[:-1] if prefix else ""))
        more = False
        while at < len(self._keys):
            key = self._keys[at]
            if key.startswith(prefix) and key > after:
                if len(contents) + len(folders) == most:
                    more = True
                    break
                cut = key.find(delimiter, len(prefix)) if delimiter else -1
                if cut >= 0:
                    folder = key[: cut + len(delimiter)]
                    if folder > after:
                        folders.append(folder)
                    last = f"{folder}\U0010ffff"
                    at = bisect_right(self._keys, last)
                    continue
                contents.append(key)
                last = key
            elif key > f"{prefix}\U0010ffff":
                break
            at += 1
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-06-01T12:30:00.000Z</LastModified>"
            f"<ETag>&quot;0&quot;</ETag><Size>{len(self._objects[key])}</Size></Contents>"
            for key in contents
        )
        rows += "".join(f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders)
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="{NAMESPACE}"><Name>{self._name}</Name>'
            f"<Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(contents) + len(folders)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{rows}{token}</ListBucketResult>"
        ).encode()


def _response(status: str, body: bytes, kind: str = "binary/octet-stream", *, head: bool = False) -> bytes:
    heading = (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\nLast-Modified: {DATE}\r\n"
        f'ETag: "0"\r\nDate: {DATE}\r\nx-amz-bucket-region: us-east-1\r\nx-amz-request-id: 0\r\n\r\n'
    )
    return heading.encode() + (b"" if head else body)


class Connection(asyncio.Protocol):
    """One client's connection: requests without a body, one after the other."""

    def __init__(self, bucket: Bucket, latency: float) -> None:
        self._bucket, self._latency, self._read = bucket, latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server's always is
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request after the latency."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            method, target, _ = self._read[: self._read.index(b"\r\n")].decode().split(" ", 2)
            self._read = self._read[end + 4 :]
            asyncio.get_running_loop().call_later(self._latency, self._answer, method, target)

    def _answer(self, method: str, target: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._bucket.answer(target, head=method == "HEAD"))


async def _serve(folder: Path, name: str, latency: float) -> None:
    bucket, loop = Bucket(folder, name), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(bucket, latency), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def bucket(folder: Path, name: str, milliseconds: int) -> Iterator[dict[str, str]]:
    """Give the environment in which boto3, obstore and the command find the bucket, served by a process of its own."""
    command = [sys.executable, "-m", "bench.speed.stand_in", str(folder), name, str(milliseconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdin and serving.stdout  # noqa: S101, PT018 - both are pipes
        try:
            endpoint = f"http://127.0.0.1:{int(serving.stdout.readline())}"
            credentials = {
                "AWS_ACCESS_KEY_ID": "example",
                "AWS_SECRET_ACCESS_KEY": "example",
                "AWS_REGION": "us-east-1",
            }
            found = {"PREFECT_CLOUDTRAIL_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "us-east-1", **credentials}
            yield {**os.environ, **found}
        finally:
            serving.stdin.close()
            serving.wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) / 1_000))
