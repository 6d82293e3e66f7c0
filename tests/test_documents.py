"""README and docs say what the code does: commands, tables, examples, links, and the output they show."""

import ast
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import yaml
from commands import called, leaves
from entries import a_verdict, an_entry
from frames import NOON

from prefect_cloudtrail import calendar_file
from prefect_cloudtrail.cases import Alert, Evidence, Incident, Network, Place, Severity
from prefect_cloudtrail.checks import Check
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.cloudtrail import Reason
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.evidence import pieces
from prefect_cloudtrail.evidence.sensitive_commands import SENSITIVE
from prefect_cloudtrail.explain import Explanation, Judgement, rating
from prefect_cloudtrail.feedback import End, Scope, TravelNotice
from prefect_cloudtrail.pipeline import Summary
from prefect_cloudtrail.risk import WEIGHTS
from prefect_cloudtrail.rows import entry_row, incident_row, summary_row, verdict_row
from prefect_cloudtrail.settings import PREFIX, Settings
from prefect_cloudtrail.tuning import tuning

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "bench" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MARK = "--- the next command ---"


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def table(text: str, first: str) -> list[list[str]]:
    """Return the cells of every row of the tables whose heading begins with this cell, without backticks."""
    found = []
    for heading, rows in re.findall(r"^(\|.*\|)\n\|[-:| ]+\|\n((?:\|.*\|\n)+)", text, flags=re.MULTILINE):
        if cells(heading)[0] == first:
            found += [cells(row) for row in rows.splitlines()]
    return found


def cells(row: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in row.strip("|").split("|")]


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the arguments of every prefect-cloudtrail in a block or in a command's help, with where it stands."""
    for name, command in leaves():
        example = (command.help or "").partition("Example:")[2].replace("\\\n", " ")
        yield from (
            (f"{name} --help", shlex.split(line)[1:])
            for line in example.splitlines()
            if line.strip().startswith("prefect-cloudtrail ")
        )
    for file in PAGES:
        for block in re.findall(
            r"^```(?:sh|console)\n(.*?)^```$", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
        ):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.removeprefix("$ ").split(" && "):
                    words = part.removeprefix("uv run ").strip()
                    if words.startswith("prefect-cloudtrail "):
                        yield file.name, shlex.split(words)[1:]


@pytest.mark.parametrize(("where", "arguments"), list(commands()), ids=lambda value: str(value)[:60])
def test_a_command_in_the_docs_is_one_that_the_command_line_takes(where: str, arguments: list[str]) -> None:
    command, words = called(arguments)
    known = {name: each for each in command.params if isinstance(each, click.Option) for name in each.opts}
    positional = 0
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            positional += 1
            continue
        assert word in known, f"{where}: {arguments[0]} has no {word}"
        if not known[word].is_flag:
            words.pop(0)
    assert positional <= sum(isinstance(each, click.Argument) for each in command.params)


def test_every_subcommand_has_a_row_and_an_example_in_the_docs() -> None:
    assert {row[0] for row in table(page("cli.md"), "subcommand")} == set(main.commands)
    assert {arguments[0] for where, arguments in commands() if where == "cli.md"} == set(main.commands)


def test_the_two_commands_of_the_readme_are_those_that_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    first, second = blocks(README, "sh")[:2]
    assert first.strip() == "pip install uv && uv run prefect-cloudtrail demo"
    assert second.strip() == "uv run pytest"
    assert "uv run prefect-cloudtrail demo | tee" in script
    assert re.search(r"^step '\w+' uv run pytest$", script, flags=re.MULTILINE)


def test_the_readme_deploys_what_prefect_yaml_declares() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    names = {f"{each['entrypoint'].rpartition('.')[2]}/{each['name']}" for each in declared}
    assert set(re.findall(r"prefect deployment run (\S+)", README)) <= names
    assert {each["work_pool"]["name"] for each in declared} == {"cloudtrail"}
    assert set(re.findall(r"(?:--pool|work-pool create) (\S+)", README)) == {"cloudtrail"}


def test_a_recipe_in_the_docs_is_in_the_justfile() -> None:
    recipes = set(
        re.findall(r"^(\w+)(?: \*\w+)?:$", (ROOT / "justfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    named = {name for file in PAGES for name in re.findall(r"`just (\w+)`", file.read_text(encoding="utf-8"))}
    assert named <= recipes
    assert {"setup", "test", "lint", "types", "demo"} <= recipes


def test_the_run_in_the_readme_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (shown,) = blocks(README, "console")
    lines = re.findall(r"^\$ ((?:.*\\\n)*.*)\n", shown, flags=re.MULTILINE)
    script = "set -e\n" + "\n".join(f"echo '{MARK}'\n{line.removeprefix('uv run ')}" for line in lines)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment = {**clean, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = "".join(
        f"$ {line}\n{output}" for line, output in zip(lines, done.stdout.split(f"{MARK}\n")[1:], strict=True)
    )
    if os.environ.get("UPDATE_README"):
        (ROOT / "README.md").write_text(README.replace(shown, printed), encoding="utf-8")
    assert printed == shown


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_settings_of_the_readme_are_those_there_are() -> None:
    shown = {str(Path.home() / ".prefect-cloudtrail"): "~/.prefect-cloudtrail", None: ""}
    settings = {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in Settings.model_fields.items()
    }
    assert table(README, "setting") == [
        [name, f"{PREFIX}{name.upper()}", shown.get(default, str(default))] for name, default in settings.items()
    ]


@pytest.mark.parametrize("text", [README, page("detection.md")], ids=["README.md", "detection.md"])
def test_the_rules_of_the_docs_are_those_there_are(text: str) -> None:
    declared = [[rule.name, rule.asks, f"{rule.severity}, {rule.risk_score}", rule.source] for rule in rules().values()]
    assert [row for row in table(text, "rule") if len(row) == len(declared[0])] == declared


def test_the_arithmetic_of_the_docs_is_that_of_the_rules() -> None:
    declared = [
        [
            rule.name,
            ", ".join(f"{'+'.join(each.columns) or 'organisation'} {each.k:g}" for each in rule.contexts),
            f"{rule.threshold_decibans:g} dB",
        ]
        for rule in rules().values()
        if rule.outcome != "messages"
    ]
    assert [row for row in table(page("detection.md"), "rule") if len(row) == len(declared[0])] == declared


def test_the_techniques_of_the_docs_are_those_of_the_rules() -> None:
    for rule in rules().values():
        assert all(technique.id in page("detection.md") for technique in rule.techniques)
        assert all(technique.name in page("detection.md") for technique in rule.techniques)


def test_the_weights_of_the_docs_are_those_that_count() -> None:
    written = {}
    for group, supporting, opposing in table(page("detection.md"), "group"):
        for name, weight in re.findall(r"(\w+) ([+-][\d.]+)", f"{supporting}, {opposing}"):
            written[name] = (group, float(weight))
            assert name in (supporting if float(weight) > 0 else opposing)
    assert written == {name: (piece.GROUP, WEIGHTS[name]) for name, piece in pieces().items()}


def test_the_evidence_of_the_docs_is_that_of_the_code() -> None:
    written = [row[:3] for row in table(page("evidence.md"), "piece")]
    assert written == [[name, piece.GROUP, f"{WEIGHTS[name]:+g}"] for name, piece in pieces().items()]


@pytest.mark.parametrize("row", table(page("evidence.md"), "piece"), ids=lambda row: row[0])
def test_an_example_of_evidence_is_a_sentence_its_code_can_say(row: list[str]) -> None:
    name, *_, example = row
    assert any(re.fullmatch(sentence, example) for sentence in sentences(name)), f"{example!r} is none of {name}'s"


def sentences(name: str) -> Iterator[str]:
    """Yield a pattern for each sentence that the piece returns."""
    source = Path(str(importlib.import_module(f"prefect_cloudtrail.evidence.{name}").__file__))
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        for said in ast.walk(node.value):
            if isinstance(said, ast.JoinedStr):
                yield "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".*" for p in said.values)
            elif isinstance(said, ast.Constant) and isinstance(said.value, str):
                yield re.escape(said.value)


def test_the_sensitive_commands_of_the_docs_are_those_of_the_code() -> None:
    written = [(row[0], row[1].partition(":")[0]) for row in table(page("evidence.md"), "command")]
    assert written == [
        (command, tactic.partition(" ")[0]) for tactic, found in SENSITIVE.items() for command in sorted(found)
    ]


def test_the_reasons_of_the_docs_are_those_of_the_code() -> None:
    said = page("cli.md").rpartition("Reasons: ")[2]
    assert re.findall(r"`(\w+)`", said) == [reason.value for reason in Reason]


def test_the_lines_of_troubleshooting_are_said_by_the_code() -> None:
    folders = ("src", "tasks", "playbooks", "flows")
    source = "".join(file.read_text(encoding="utf-8") for folder in folders for file in (ROOT / folder).rglob("*.py"))
    # Messages are broken over lines of source.
    joined = re.sub(r'"\s*\n\s*f?"', "", source).replace("{kind}", "city")
    missing = [row[0] for row in table(page("troubleshooting.md"), "the line says") if row[0] not in joined]
    assert missing == []


def test_the_map_of_the_house_names_every_part_of_the_core() -> None:
    core = ROOT / "src" / "prefect_cloudtrail"
    parts = {f"{found.name}/" for found in core.iterdir() if (found / "__init__.py").is_file()}
    parts |= {found.name for found in core.glob("*.py")} - {"__init__.py"}
    outer = {"tasks/", "playbooks/", "flows/"}
    named = {name for row in table(page("architecture.md"), "where") for name in re.split(r", ", row[0])}
    assert parts - outer - named == set()


# --- rows for scripts -------------------------------------------------------------------------------------------------


def keys(value: object) -> object:
    """Return the keys of a row, all the way down; of a list, those of its first element."""
    if isinstance(value, dict):
        return {key: keys(part) for key, part in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return keys(value[0])
    return None


def test_the_rows_of_the_docs_have_the_keys_that_are_printed() -> None:
    block, tuned, explained, looked_at = blocks(page("cli.md"), "json")
    incident, summary = (json.loads(row) for row in re.split(r"\n(?=\{)", block))
    assert keys(incident) == keys(incident_row(an_incident()))
    assert keys(summary) == keys(Summary().row())
    printed = summary_row(Summary().row(), tuning([an_incident()], rules().values(), timedelta(days=1), 0.2))
    assert keys(json.loads(tuned)["tuning"]) == keys(json.loads(json.dumps(printed["tuning"])))
    explanation = json.loads(explained)
    (judgement,) = explanation["judgements"]
    assert explanation.keys() - {"type"} == {field.name for field in fields(Explanation)}
    assert judgement.keys() == {field.name for field in fields(Judgement)}
    assert keys(explanation["incidents"]) == keys(json.loads(json.dumps([asdict(rating(an_incident()))])))
    assert keys(json.loads(looked_at)) == keys(Check("city_db", "warn", "").row())


def test_the_rows_of_what_people_enter_have_the_keys_that_are_printed() -> None:
    _, entered, judged = (json.loads(block) for block in blocks(page("feedback.md"), "json"))
    scope = Scope(person="user ana", place="Lisbon, PT")
    ended = replace(an_entry(TravelNotice, scope), end=End("maria", "off", NOON))
    assert keys(entered) == keys(entry_row(ended))
    assert keys(judged) == keys(verdict_row(a_verdict()))


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_the_calendars_of_the_docs_can_be_imported(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"calendar.{suffix}"
    file.write_text(blocks(page("feedback.md"), suffix)[0], encoding="utf-8")
    work, trip = calendar_file.read(file, by="maria", effective_at=NOON)
    assert (work.kind, work.scope.given) == ("work", {"account": "111122223333", "command": "rds:*"})
    assert (trip.kind, trip.scope.given) == ("travel", {"person": "user ana", "place": "Lisbon, PT"})


def an_incident() -> Incident:
    now = datetime(2026, 3, 31, 9, 45, tzinfo=UTC)
    alert = Alert(
        alert_id="alr_1",
        incident_id="inc_1",
        rule="unusual_city_for_command",
        severity=Severity.LOW,
        risk_score=21,
        principal="arn:aws:iam::111122223333:user/deploy-user",
        principal_kind="iam_user",
        person="user deploy-user",
        account_id="111122223333",
        command="iam:CreateUser",
        outcome="Berlin, BE, DE",
        level="place",
        hour=now,
        raised_at=now,
        surprise=40.0,
        score=53.1,
        counts="{}",
        late=False,
        over_limit=False,
        events=1,
        event_ids=("event-1",),
    )
    return Incident(
        incident_id="inc_1",
        revision=1,
        kind="principal",
        principal=alert.principal,
        principal_kind=alert.principal_kind,
        person=alert.person,
        account_id=alert.account_id,
        access_key_ids=("AKIAIOSFODNN7EXAMPLE",),
        places=(Place("Berlin", "DE", 52.52, 13.4),),
        networks=(Network("192.0.2.1", 64496, "Example Telecom"),),
        first_event=now,
        last_event=now,
        opened_at=now,
        closes_at=now,
        risk=0.5,
        peak_risk=0.5,
        severity=Severity.MEDIUM,
        status="open",
        summary="1 call from Berlin, DE, 1 of them unusual.",
        evidence=(Evidence("far_from_usual", "place", 5.0, "Far.", counted=True),),
        links=(),
        alerts=(alert,),
    )


# --- links, and what must not be there --------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (file.parent / path).resolve() if path else file
        assert linked.exists(), f"{file.name} links to {target}"
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), f"{file.name} links to {target}"


def tracked() -> list[Path]:
    """Return the files that are, or will be, in the repository; of an unpacked sdist, all of them."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    if (ROOT / ".git").exists():
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        files = [ROOT / name for name in names if name]
    else:
        files = list(ROOT.rglob("*"))
    return [file for file in files if file.is_file() and not file.is_symlink()]


# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = re.compile(
    "|".join(
        (
            "/" + "(?:work|root|Users)/",
            "/" + r"home/\w",
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "registry" + r"\.npm",
            "index" + "-url",
        )
    )
)


def test_no_file_names_a_machine_or_a_package_index() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in tracked()
        for match in FORBIDDEN.finditer(file.read_bytes().decode("utf-8", "replace"))
    ]
    assert found == []
