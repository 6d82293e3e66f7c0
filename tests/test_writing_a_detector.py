"""The page's rule is found by itself, and its own test passes, in a copy of the package that has its two files more."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from organisations import learn_until, robbed

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "writing-a-detector.md").read_text(encoding="utf-8")
NAME = "unusual_error_for_principal"
# What an installation links into the package; detecting needs none of it.
OUTER = shutil.ignore_patterns("tasks", "playbooks", "flows", "__pycache__")


def blocks(kind: str) -> list[str]:
    return [each.partition("\n```")[0] + "\n" for each in PAGE.split(f"\n```{kind}\n")[1:]]


DETECTOR, TEST = blocks("python")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src" / "prefect_cloudtrail", folder / "src" / "prefect_cloudtrail", ignore=OUTER)
    (folder / "tests" / "detectors").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "frames.py", folder / "tests")
    (folder / "src" / "prefect_cloudtrail" / "detectors" / f"{NAME}.py").write_text(DETECTOR, encoding="utf-8")
    (folder / "tests" / "detectors" / f"test_{NAME}.py").write_text(TEST, encoding="utf-8")
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
    assert f"{TEST.count('def test_') + 2} passed" in done.stdout  # two of them on two sides each


def test_the_test_of_the_page_fails_where_the_rule_finds_nothing(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "copy")
    silent = DETECTOR.replace("threshold_decibans=25.8", "threshold_decibans=99")
    (tmp_path / "copy" / "src" / "prefect_cloudtrail" / "detectors" / f"{NAME}.py").write_text(silent, "utf-8")
    done = python(tmp_path / "copy", *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "tests"))
    assert done.returncode == 1, done.stdout


def test_a_backtest_finds_the_rule_by_itself_and_raises_its_alerts(copy: Path, tmp_path: Path) -> None:
    organisation = robbed(tmp_path)
    inputs = ("--source", organisation.root / "AWSLogs", "--city-db", organisation.city_db, "--state", tmp_path / "s")
    bounds = ("--learn-until", learn_until(organisation).isoformat(), "--until", organisation.end.isoformat())
    program = "from prefect_cloudtrail.cli import main; main()"
    done = python(copy, "-c", program, "backtest", *inputs, *bounds, "--json")
    assert done.returncode == 0, done.stderr
    *incidents, summary = map(json.loads, done.stdout.splitlines())
    raised = {event for each in incidents for a in each["alerts"] if a["rule"] == NAME for event in a["event_ids"]}
    assert raised & {event for theft in organisation.thefts for event in theft.event_ids}
    assert NAME in {each["rule"] for each in summary["tuning"]["thresholds"]}


def test_the_rows_of_the_page_are_those_of_its_rule(copy: Path) -> None:
    file = copy / "src" / "prefect_cloudtrail" / "detectors" / f"{NAME}.py"
    spec = importlib.util.spec_from_file_location(NAME, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rule = module.RULE
    contexts = ", ".join(f"{'+'.join(each.columns) or 'organisation'} {each.k:g}" for each in rule.contexts)
    assert blocks("markdown") == [
        f"| `{rule.name}` | {rule.asks} | {rule.severity}, {rule.risk_score} | {rule.source} |\n",
        f"| `{rule.name}` | {contexts} | {rule.threshold_decibans:g} dB |\n",
    ]


def test_the_files_of_the_page_keep_the_rules_of_style(copy: Path) -> None:
    files = [copy / "src" / "prefect_cloudtrail" / "detectors" / f"{NAME}.py", copy / "tests" / "detectors"]
    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = python(copy, "-m", "ruff", *command, "--config", ROOT / "pyproject.toml", *files)
        assert done.returncode == 0, done.stdout
