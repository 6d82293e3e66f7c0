"""What each part promises: one file, its test, its row in the docs; and imports that only point left."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner
from commands import leaves

from prefect_cloudtrail import detectors, evidence
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.context import questions
from prefect_cloudtrail.response import actions, plans
from prefect_cloudtrail.risk import WEIGHTS

ROOT = Path(__file__).parents[1]
COMMANDS = dict(leaves())
CORE = ROOT / "src" / "prefect_cloudtrail"
OUTER = ("tasks", "playbooks", "flows")
# MITRE's ids of techniques and of their parts.
TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")


def modules(package: ModuleType) -> list[ModuleType]:
    return [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
        if not found.name.startswith("_")
    ]


def stem(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def rows(page: str) -> set[str]:
    """Return the names in the first column of a page's tables."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))


def has_test(folder: str, module: ModuleType) -> bool:
    test = ROOT / "tests" / folder / f"test_{stem(module)}.py"
    return test.is_file() and stem(module) in test.read_text(encoding="utf-8")


# --- one file a detector, a reason, a playbook ------------------------------------------------------------------------


@pytest.mark.parametrize("detector", modules(detectors), ids=stem)
def test_a_detector_is_declared_sourced_tested_and_documented(detector: ModuleType) -> None:
    rule = detector.RULE
    assert rule.name == stem(detector)
    assert rule.source
    assert rule.techniques
    assert all(TECHNIQUE.fullmatch(technique.id) and technique.name for technique in rule.techniques)
    assert detector.__doc__
    assert detector.find.__doc__
    assert has_test("detectors", detector)
    assert rule.name in rows("detection.md")


@pytest.mark.parametrize("piece", modules(evidence), ids=stem)
def test_a_piece_of_evidence_is_weighed_tested_and_documented(piece: ModuleType) -> None:
    weight = WEIGHTS[stem(piece)]
    side = {"For": 1, "Against": -1}[(piece.__doc__ or "").partition(":")[0]]
    assert piece.GROUP
    assert 0 < side * weight <= 8
    assert has_test("evidence", piece)
    assert stem(piece) in rows("evidence.md")


def test_nothing_is_weighed_that_is_not_there() -> None:
    assert set(WEIGHTS) == {stem(piece) for piece in modules(evidence)}


@pytest.mark.parametrize("action", modules(actions), ids=stem)
def test_an_action_is_declared_sourced_tested_and_documented(action: ModuleType) -> None:
    declared = action.ACTION
    assert declared.name == stem(action)
    assert declared.source
    assert declared.approvers >= (1 if declared.reversible else 2)
    assert "Arguments of the step" in (action.__doc__ or "")
    assert all(getattr(action, each).__doc__ for each in ("check", "apply", "verify", "undo"))
    assert has_test("response/actions", action)
    page = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    permissions = ", ".join(f"`{each}`" for each in declared.permissions)
    assert f"| `{declared.name}` | {declared.does} | {permissions} | {declared.approvers} | " in page
    assert len(re.findall(rf"^\| `{declared.name}` \| .+ \|$", page, flags=re.MULTILINE)) == 2


def test_a_playbook_is_declared_tested_and_documented() -> None:
    from prefect_cloudtrail import playbooks  # noqa: PLC0415  # imports Prefect, which takes seconds

    page = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    found = modules(playbooks)
    assert found
    for playbook in found:
        assert stem(playbook) == playbook.PLAYBOOK.name
        assert playbook.__doc__
        assert has_test("playbooks", playbook)
        approval = "yes" if playbook.PLAYBOOK.needs_approval else "no"
        assert f"| `{stem(playbook)}` | {playbook.PLAYBOOK.applies} | {approval} |" in page


# --- one file a kind of principal -------------------------------------------------------------------------------------


def kinds_of_principals() -> set[str]:
    """Return every kind that principal.py names somebody: the text handed to the functions that make a Who."""
    tree = ast.parse((CORE / "principal.py").read_text(encoding="utf-8"))
    makers = {"Who", "_who", "_provided"}
    return {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers
        if isinstance(node.args[1], ast.Constant) and isinstance(node.args[1].value, str)
    }


def test_every_kind_of_principal_has_one_planner() -> None:
    planned = [kind for planner in modules(plans) for kind in planner.KINDS]
    assert sorted(planned) == sorted({*kinds_of_principals(), "cohort"})


@pytest.mark.parametrize("planner", modules(plans), ids=stem)
def test_a_planner_is_tested_and_documented(planner: ModuleType) -> None:
    page = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    kinds = ", ".join(f"`{kind}`" for kind in planner.KINDS)
    test = ROOT / "tests" / "response" / "plans" / f"test_plan_{stem(planner)}.py"
    assert planner.__doc__
    assert planner.propose.__doc__
    assert test.is_file()
    assert stem(planner) in test.read_text(encoding="utf-8")
    assert f"| `{stem(planner)}` | {kinds} |" in page


@pytest.mark.parametrize("question", modules(questions), ids=stem)
def test_a_question_is_asked_tested_and_documented_with_its_permissions(question: ModuleType) -> None:
    source = (ROOT / "src" / "prefect_cloudtrail" / "context" / "questions" / f"{stem(question)}.py").read_text("utf-8")
    asked = set(re.findall(r'"(iam|ec2|guardduty)",\s*"([A-Z]\w+)"', source)) | {
        ("ec2", operation) for operation in re.findall(r'\("(Describe\w+)",', source)
    }
    test = ROOT / "tests" / "context" / f"test_asks_{stem(question)}.py"
    page = (ROOT / "docs" / "context.md").read_text(encoding="utf-8")
    permissions = ", ".join(f"`{each}`" for each in question.PERMISSIONS)
    row = re.search(rf"^\| `{stem(question)}` \| {re.escape(question.ASKS)} \| .+ \| (.*)\|$", page, flags=re.MULTILINE)
    assert question.__doc__
    assert {f"{service}:{operation}" for service, operation in asked} <= set(question.PERMISSIONS)
    assert test.is_file()
    assert f'NAME = "{stem(question)}"' in test.read_text(encoding="utf-8")
    assert row
    assert row[1].strip() == permissions


def test_the_guide_is_asked_in_its_order_and_nothing_twice() -> None:
    orders = [question.ORDER for question in questions.questions().values()]
    assert orders == list(range(1, len(orders) + 1))
    assert len({question.ASKS for question in questions.questions().values()}) == len(orders)
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "context.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == list(questions.questions())


# --- imports only point left ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One import of one file; `inside` a function or for type checkers alone, so not made when the file is imported."""

    file: Path
    module: str
    inside: bool


def imports(file: Path) -> Iterator[Import]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"))
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            names = [_target(str(node.module), alias.name) for alias in node.names]
        else:
            continue
        yield from (Import(file, name, node in inside) for name in names)


def _target(package: str, name: str) -> str:
    """Return the module an import from a package reaches: its own where the name is a module's, else the package."""
    path = ROOT.joinpath("src", *package.split("."))
    return f"{package}.{name}" if (path / name).is_dir() or (path / f"{name}.py").is_file() else package


def files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*.py")) if file.relative_to(folder).parts[0] not in OUTER]


def reaches(found: Import, *packages: str) -> bool:
    return any(found.module == package or found.module.startswith(f"{package}.") for package in packages)


def outer(*names: str) -> list[str]:
    return [f"prefect_cloudtrail.{name}" for name in names]


def test_the_core_imports_neither_prefect_nor_what_is_built_on_it() -> None:
    found = [each for file in files(CORE) for each in imports(file) if reaches(each, "prefect", *outer(*OUTER))]
    commands = {CORE / "cli.py", CORE / "cli_response.py"}
    assert [each for each in found if each.file not in commands] == []
    assert [each for each in found if not each.inside] == []


@pytest.mark.parametrize(
    ("folder", "right"),
    [("tasks", outer("playbooks", "flows")), ("playbooks", outer("flows"))],
    ids=["tasks", "playbooks"],
)
def test_tasks_and_playbooks_import_nothing_to_their_right(folder: str, right: list[str]) -> None:
    assert [each for file in files(ROOT / folder) for each in imports(file) if reaches(each, *right)] == []


def test_flow_files_import_one_another_only_where_one_starts_the_other() -> None:
    starts = {"detect": {"respond"}, "demo": {"backfill", "detect"}, "responder": {"contain", "undo", "watch"}}
    for file in files(ROOT / "flows"):
        siblings = {each.module.rpartition(".")[2] for each in imports(file) if reaches(each, *outer("flows"))}
        assert siblings <= starts.get(file.stem, set()), file


def test_no_flow_file_hides_a_module_that_is_imported() -> None:
    # Prefect puts a flow file's folder first on sys.path when it loads the file by its path.
    names = {file.stem for file in files(ROOT / "flows")} - {"__init__"}
    assert not names & (set(sys.stdlib_module_names) | set(packages_distributions()))


def test_no_module_of_the_core_needs_itself() -> None:
    names = {file: ".".join(file.relative_to(CORE.parent).with_suffix("").parts) for file in files(CORE)}
    graph = {
        name.removesuffix(".__init__"): {each.module for each in imports(file) if not each.inside}
        for file, name in names.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"{' -> '.join((*path, module))}"
        if module in done:
            return
        for needed in graph.get(module, set()) - {module}:
            visit(needed, (*path, module))
        done.add(module)

    for module in graph:
        visit(module, ())


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted({*main.commands, *COMMANDS}))
def test_every_subcommand_helps_with_an_example(name: str) -> None:
    answered = CliRunner().invoke(main, [*name.split(), "--help"])
    assert answered.exit_code == 0
    assert f"prefect-cloudtrail {name}" in answered.output.partition("Example:")[2]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_subcommand_prints_rows_for_machines(name: str) -> None:
    options = [option for each in COMMANDS[name].params if isinstance(each, click.Option) for option in each.opts]
    assert "--json" in options


def test_help_imports_neither_prefect_nor_polars() -> None:
    code = (
        "import sys\n"
        "from prefect_cloudtrail.cli import main\n"
        f"for arguments in {[['--help'], *([*name.split(), '--help'] for name in COMMANDS)]}:\n"
        "    main(arguments, standalone_mode=False)\n"
        "print('imported:', sorted({'prefect', 'polars', 'sqlalchemy', 'pydantic_settings'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: []"
