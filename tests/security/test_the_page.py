"""docs/security.md: each thing that an attacker cannot do names the test that tries it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
TESTS = sorted(set(re.findall(r"`(tests/[\w/.]+\.py(?:::\w+)?)`", PAGE)))


@pytest.mark.parametrize("named", TESTS)
def test_a_test_that_the_page_names_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    assert tests
    assert not name or name in tests


def test_each_row_of_what_an_attacker_cannot_do_names_one() -> None:
    tables = re.findall(r"^\| [\w ]+ \| tried by \|\n\| --- \| --- \|\n((?:\|.*\|\n)+)", PAGE, flags=re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 40
    assert [row for row in rows if not re.search(r"\| `tests/[\w/.]+\.py(::\w+)?` \|$", row)] == []
