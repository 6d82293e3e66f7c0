"""What is locked: with hashes, listed for whoever asks, and looked up where vulnerabilities are known."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
FLAW = {
    "id": "OSV-EXAMPLE-1",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "an example",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "click"}, "versions": ["8"]}],
}


@contextmanager
def osv(flawed: str | None) -> Iterator[str]:
    """Answer as OSV does: of one package that it is vulnerable, of the others that nothing is known."""

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            names = [each["package"]["name"] for each in asked]
            known = [{"vulns": [FLAW]} if name == flawed else {} for name in names]
            self.answer({"results": known})

        def do_GET(self) -> None:
            self.answer(FLAW)

        def answer(self, body: Any) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audited(url: str) -> tuple[int, str]:
    done = subprocess.run(
        [ROOT / ".ci" / "audit"], env=os.environ | {"OSV_URL": url}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("flawed", "status"), [(None, 0), ("click", 1)])
def test_what_is_known_to_be_vulnerable_fails_the_audit(flawed: str | None, status: int) -> None:
    with osv(flawed) as url:
        found, said = audited(url)
    assert (found, "OSV-EXAMPLE-1" in said) == (status, flawed is not None), said


def test_an_audit_that_nobody_could_be_asked_for_is_no_pass() -> None:
    found, said = audited("http://127.0.0.1:1")
    assert found == 2
    assert "NOT AUDITED: http://127.0.0.1:1 could not be asked." in said


def test_everything_that_is_locked_has_its_hashes() -> None:
    packages = [each for each in LOCK["package"] if "registry" in each["source"]]
    files = [file for each in packages for file in [*each.get("wheels", ()), *filter(None, [each.get("sdist")])]]
    assert len(packages) > 100
    assert [file["url"] for file in files if not file["hash"].startswith("sha256:")] == []
    # Nothing comes from a branch or a web page.
    others = [each["name"] for each in LOCK["package"] if "registry" not in each["source"]]
    assert others == ["prefect-cloudtrail"]


def test_what_a_wheel_is_made_of_is_listed_with_versions_and_hashes(tmp_path: Path) -> None:
    (line,) = [each for each in (ROOT / "justfile").read_text().splitlines() if "cyclonedx" in each]
    file = tmp_path / "sbom.cdx.json"
    command = line.strip().replace("dist/sbom.cdx.json", str(file)).split()
    subprocess.run(command, cwd=ROOT, check=True)
    listed = json.loads(file.read_text())
    names = {each["name"] for each in listed["components"]}
    assert listed["bomFormat"] == "CycloneDX"
    assert {"boto3", "cryptography", "polars", "prefect", "slack-sdk", "psycopg"} <= names
    assert {"pytest", "ruff", "mypy"} & names == set()
    plain = [each["name"] for each in listed["components"] if not each.get("version")]
    assert plain == []
