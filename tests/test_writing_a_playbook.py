"""The page's playbook is found by itself, and its test passes, in a copy of the package with its two files more."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "writing-a-playbook.md").read_text(encoding="utf-8")
NAME = "page_on_call"


def blocks(kind: str) -> list[str]:
    return [each.partition("\n```")[0] + "\n" for each in PAGE.split(f"\n```{kind}\n")[1:]]


PLAYBOOK, TEST = blocks("python")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "src" / "prefect_cloudtrail"
    unlinked = shutil.ignore_patterns("tasks", "playbooks", "flows", "__pycache__")
    shutil.copytree(ROOT / "src" / "prefect_cloudtrail", package, ignore=unlinked)
    for outer in ("tasks", "playbooks", "flows"):
        shutil.copytree(ROOT / outer, package / outer, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests" / "playbooks").mkdir(parents=True)
    for name in ("stolen_key.py", "builders.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    (package / "playbooks" / f"{NAME}.py").write_text(PLAYBOOK, encoding="utf-8")
    (folder / "tests" / "playbooks" / f"test_{NAME}.py").write_text(TEST, encoding="utf-8")
    return folder


def python(copy: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python with the copied package before the installed one."""
    paths = os.pathsep.join((str(copy / "src"), str(copy / "tests")))
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


def test_the_test_of_the_page_passes(copy: Path) -> None:
    done = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", copy, "tests")
    assert done.returncode == 0, done.stdout
    assert f"{TEST.count('def test_') + 1} passed" in done.stdout  # one of them on two sides


def test_the_test_of_the_page_fails_where_the_page_is_never_confirmed(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "copy")
    forgetful = PLAYBOOK.replace("store.outbox_confirm(page.outbox_id, datetime.now(UTC))", "pass")
    (tmp_path / "copy" / "src" / "prefect_cloudtrail" / "playbooks" / f"{NAME}.py").write_text(forgetful, "utf-8")
    done = python(tmp_path / "copy", *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "tests"))
    assert done.returncode == 1, done.stdout


def test_the_row_of_the_page_is_that_of_its_playbook(copy: Path) -> None:
    program = (
        "from prefect_cloudtrail.playbooks import playbooks\n"
        f"(found,) = [each for each in playbooks() if each.name == '{NAME}']\n"
        "print(f\"| `{found.name}` | {found.applies} | {'yes' if found.needs_approval else 'no'} |\")"
    )
    done = python(copy, "-c", program)
    assert done.returncode == 0, done.stderr
    (row,) = blocks("markdown")
    assert row.startswith(done.stdout.strip())


def test_the_files_of_the_page_keep_the_rules_of_style(copy: Path) -> None:
    files = [copy / "src" / "prefect_cloudtrail" / "playbooks" / f"{NAME}.py", copy / "tests" / "playbooks"]
    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = python(copy, "-m", "ruff", *command, "--config", ROOT / "pyproject.toml", *files)
        assert done.returncode == 0, done.stdout
