"""The reader's policy allows what is looked up, and nothing that no look-up needs."""

import json
from pathlib import Path

import pytest
from botocore import xform_name

from prefect_cloudtrail.response import policies

CORE = Path(__file__).parents[2] / "src" / "prefect_cloudtrail"
LOOKED_UP = "".join(file.read_text("utf-8") for file in sorted((CORE / "context").rglob("*.py")))
STANDING = (CORE / "response" / "standing.py").read_text("utf-8")


def allowed() -> list[str]:
    return sorted(action for statement in policies.reader()["Statement"] for action in statement["Action"])


@pytest.mark.parametrize("permission", allowed())
def test_what_it_allows_is_looked_up_somewhere(permission: str) -> None:
    operation = permission.partition(":")[2]
    assert (
        f'"{operation}"' in LOOKED_UP
        or f"{xform_name(operation)}(" in STANDING
        or f'"{xform_name(operation)}"' in STANDING
    )


def test_it_writes_nothing() -> None:
    reads = ("Get", "List", "Describe", "Generate")
    assert [each for each in allowed() if not each.partition(":")[2].startswith(reads)] == []


def test_the_file_is_what_the_code_declares() -> None:
    file = Path(__file__).parents[2] / "deploy" / "iam" / "reader.json"
    assert json.loads(file.read_text("utf-8")) == policies.reader()
