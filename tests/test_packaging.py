"""What people install: the wheel, built from the sdist, in an environment that has nothing else of ours."""

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAME = "prefect-cloudtrail"


@dataclass(frozen=True)
class Installed:
    sdist: Path
    wheel: Path
    environment: Path

    @property
    def site_packages(self) -> Path:
        return next(self.environment.glob("lib/python*/site-packages"))

    def python(self, code: str) -> str:
        return run(str(self.environment / "bin" / "python"), "-I", "-c", code)


def run(*command: str) -> str:
    # Away from the checkout: nothing of it may be found instead of what is installed.
    done = subprocess.run(command, cwd=Path(command[0]).anchor, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv() -> str:
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "uv is not on PATH: pip install uv"
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("packaging")
    dist, environment = folder / "dist", folder / "environment"
    # Builds the sdist, and the wheel from it.
    run(uv(), "build", "--quiet", "--out-dir", str(dist), str(ROOT))
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    # The versions that the other tests run with: what is under test is our wheel.
    versions = {found.name: found.version for found in distributions() if found.name != NAME}
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in sorted(versions.items())))
    run(uv(), "venv", "--quiet", str(environment))
    python = str(environment / "bin" / "python")
    run(uv(), "pip", "install", "--quiet", "--python", python, "--constraint", str(constraints), str(wheel))
    return Installed(sdist, wheel, environment)


def test_the_wheel_puts_one_name_into_site_packages(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"prefect_cloudtrail"}
    assert len(names) == len(set(names))
    for generic in ("tasks", "flows", "playbooks", "tests"):
        assert not (installed.site_packages / generic).exists()


def test_the_wheel_holds_every_module_of_the_checkout(installed: Installed) -> None:
    folders = {"src/prefect_cloudtrail": "", "tasks": "tasks/", "playbooks": "playbooks/", "flows": "flows/"}
    here = {
        f"prefect_cloudtrail/{prefix}{path.relative_to(ROOT / folder)}"
        for folder, prefix in folders.items()
        for path in (ROOT / folder).rglob("*.py")
        if path.relative_to(ROOT / folder).parts[0] not in {"tasks", "playbooks", "flows"}
    }
    with zipfile.ZipFile(installed.wheel) as wheel:
        packed = {name for name in wheel.namelist() if name.endswith(".py")}
    assert packed == here


def test_the_wheel_is_typed_and_licensed(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = wheel.namelist()
    assert "prefect_cloudtrail/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_a_test_run_needs(installed: Installed) -> None:
    with tarfile.open(installed.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "tests/test_packaging.py"} <= names


def test_the_package_and_its_three_folders_can_be_imported(installed: Installed) -> None:
    modules = ["prefect_cloudtrail", *(f"prefect_cloudtrail.{each}" for each in ("tasks", "playbooks", "flows"))]
    code = f"import importlib, json; print(json.dumps([importlib.import_module(m).__file__ for m in {modules}]))"
    found = json.loads(installed.python(code).splitlines()[-1])
    assert all(Path(file).is_relative_to(installed.site_packages) for file in found)


def test_prefect_finds_the_collection(installed: Installed) -> None:
    code = (
        "from importlib.metadata import entry_points;"
        "print([each.load().__name__ for each in entry_points(group='prefect.collections')"
        " if each.name == 'prefect_cloudtrail'])"
    )
    assert installed.python(code).strip() == "['prefect_cloudtrail']"


def test_the_installed_command_says_how_it_is_used(installed: Installed) -> None:
    said = run(str(installed.environment / "bin" / NAME), "--help")
    assert "detect" in said
    assert "demo" in said
