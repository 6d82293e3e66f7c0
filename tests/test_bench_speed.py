"""The benchmark of speed measures what it says: contenders that answer alike, on objects as CloudTrail writes them."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("duckdb", reason="the benchmark's peers need the dependency group `bench`")
pytest.importorskip("matplotlib", reason="the benchmark's picture needs the dependency group `bench`")
pytest.importorskip("orjson", reason="the benchmark's peers need the dependency group `bench`")
pytest.importorskip("pandas", reason="the benchmark's peers need the dependency group `bench`")
pytest.importorskip("pyarrow", reason="the benchmark's peers need the dependency group `bench`")

from bench.speed import tables
from bench.speed.__main__ import ROWS, main
from bench.speed.corpus import Corpus, Window
from bench.speed.organisation import SIZE
from bench.speed.records import Shape
from bench.speed.rows import commands, fetch, limits, place, read, two, whole
from bench.speed.sections import Line, Section, Setting
from bench.speed.stand_in import bucket
from bench.speed.taken import Contender, Taken, in_its_own_process, in_turns
from prefect_cloudtrail.cloudtrail import FolderSource, read_objects

ROOT = Path(__file__).parents[1]
SMALL = replace(SIZE, odd=1, principals=40, robots=24, accounts=5, commands=300, cities=30, networks=200, events=2_000)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    corpus = Corpus(tmp_path_factory.mktemp("corpora"), SMALL)
    work = tmp_path_factory.mktemp("work")
    return Setting(corpus, SMALL.events, SMALL.events, 1, lambda _: None, work, days=9)


@pytest.fixture(scope="module")
def window(setting: Setting) -> Window:
    return setting.corpus.window()


@pytest.fixture
def far(window: Window, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    with bucket(window.trail, fetch.BUCKET, 1) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


@pytest.mark.parametrize(("shape", "most"), [("usual", SMALL.events), ("large", 20_000), ("tiny", 10)])
def test_every_shape_is_read_as_it_was_drawn(setting: Setting, shape: Shape, most: int) -> None:
    written = setting.corpus.window(shape)
    source = FolderSource(written.trail)
    found = read_objects(source, source.list())
    assert found.events.equals(written.drawn)
    assert (found.bytes, found.rejected.height, found.events.height) == (written.json_bytes, 0, SMALL.events)
    assert found.events.group_by("log.file.path").len()["len"].max() in range(1, most + 1)
    assert len(source.list()) == written.objects


def test_a_window_has_callers_of_every_kind_and_errors(window: Window) -> None:
    drawn = window.drawn
    assert set(drawn["aws.cloudtrail.user_identity.type"]) == {"AWSService", "AssumedRole", "IAMUser"}
    assert set(drawn["event.outcome"]) == {"success", "failure"}
    assert drawn["event.id"].n_unique() == SMALL.events


@pytest.mark.parametrize("reader", list(read.READERS))
def test_every_reader_answers_what_was_drawn(window: Window, reader: str) -> None:
    taken = read.measured(reader, str(window.trail), SMALL.events)
    assert (taken.agrees, taken.figures["events"]) == (True, SMALL.events)
    assert taken.seconds > 0


def test_a_reader_that_answers_otherwise_is_seen(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(read.READERS, read.ORJSON, lambda objects: read.READERS[read.OURS](objects).reverse())
    assert read.measured(read.ORJSON, str(window.trail), SMALL.events).agrees is False


@pytest.mark.parametrize(("mode", "agrees"), [(limits.GUNZIP, None), (limits.FULL, True), (limits.FIELDS, True)])
def test_the_limits_read_the_same_fields(setting: Setting, window: Window, mode: str, agrees: bool | None) -> None:
    program = limits.built(setting.work)
    if isinstance(program, str):
        pytest.skip(f"the limits are left out: {program}")
    taken = limits.measured(program, mode, window, read.keys_of(window, SMALL.events))
    assert taken.agrees is agrees
    assert taken.figures["json_mb"] == pytest.approx(window.json_bytes / 1e6)


def test_two_processes_read_all_between_them(setting: Setting, window: Window) -> None:
    given = {"trail": str(window.trail), "databases": str(setting.corpus.city_db.parent)}
    taken = in_its_own_process("two", two.TWO, given)
    assert (taken.agrees, taken.figures["events"]) == (True, SMALL.events)


@pytest.mark.parametrize("contender", [fetch.OURS, fetch.BOTO3])
def test_both_fetch_every_object(window: Window, far: Mapping[str, str], contender: str) -> None:
    assert far["PREFECT_CLOUDTRAIL_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert fetch.measured(contender, str(window.trail)).agrees


@pytest.mark.parametrize("placer", list(place.PLACERS))
def test_every_way_to_place_answers_alike(setting: Setting, window: Window, placer: str) -> None:
    assert place.measured(placer, str(window.trail), str(setting.corpus.folder), 500).agrees


def test_a_window_comes_to_the_same_incidents_from_a_bucket_and_in_a_larger_organisation(
    setting: Setting, window: Window, far: Mapping[str, str]
) -> None:
    state = setting.work / "tried"
    sources = [(str(window.trail), 1, os.environ), (f"s3://{fetch.BUCKET}", 1, far), (str(window.trail), 3, os.environ)]
    found = []
    for source, times, environment in sources:
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(setting.corpus.state(setting.days, times), state)
        found.append(whole.detect(setting, source, state, SMALL.events, environment))
    assert [each.agrees for each in found] == [True, True, True]
    assert len({each.figures["incidents"] for each in found}) == 1
    assert found[0].figures["incidents"] > 0
    assert found[0].figures["kept_mb"] > 0
    assert found[0].peak_mb > 0


def test_a_folder_of_another_organisation_is_refused(setting: Setting) -> None:
    with pytest.raises(ValueError, match="holds another organisation"):
        Corpus(setting.corpus.folder, SMALL, seed=2)


def test_contenders_run_in_turns_and_one_that_cannot_is_left_out() -> None:
    ran: list[str] = []

    def run(contender: str) -> Taken | str:
        ran.append(contender)
        return "there is none" if contender == "c" else Taken(float(len(ran)), 1.0)

    found = in_turns(["a", "b", "c"], 2, run, lambda _: None)
    assert ran == ["a", "b", "c", "a", "b"]
    assert [(each.name, each.left_out) for each in found] == [("a", None), ("b", None), ("c", "there is none")]
    assert (found[0].seconds, found[0].agrees) == (2.5, None)


def test_who_answers_otherwise_than_the_rest_is_named() -> None:
    contenders = [Contender(name, [Taken(1, 1, agrees=agrees)]) for name, agrees in (("a", True), ("b", False))]
    assert tables.disagreeing([Section("read", "", contenders, [])]) == ["read: b"]


@pytest.mark.parametrize(("found", "met"), [(3.0, True), (2.99, False)])
def test_a_goal_is_met_at_its_limit(found: float, met: bool) -> None:
    assert Line.times("what", "figures", found, 3).met is met


def test_the_command_prints_its_rows_and_writes_them_into_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "SIMULATE", tmp_path / "absent.py")
    page, rows = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("# Page\n<!-- measured -->\nstale\n<!-- end of measured -->\nend\n", encoding="utf-8")
    words = ["--row", "help", "--row", "backtest", "--runs", "1"]
    done = CliRunner().invoke(main, [*words, "--json", str(rows), "--page", str(page)])
    assert done.exit_code == 0, done.output
    assert [each["name"] for each in json.loads(rows.read_text(encoding="utf-8"))["sections"]] == ["help", "backtest"]
    written = page.read_text(encoding="utf-8")
    assert done.stdout.strip() in written
    assert "Measured by `uv run --group bench python -m bench.speed --row help --row backtest --runs 1`" in written
    assert (written.startswith("# Page"), written.endswith("end\n"), "stale" in written) == (True, True, False)
    again = CliRunner().invoke(main, ["--from", str(rows)])
    assert again.stdout == done.stdout


def test_the_picture_is_png_of_a_width_that_reads_and_the_same_each_time(tmp_path: Path) -> None:
    contenders = [Contender(name, [Taken(1, cpu)]) for name, cpu in (("ours", 1.0), ("orjson", 3.0))]
    sections = [Section("read", "", contenders, [])]
    first, again = tables.draw(sections, tmp_path / "first"), tables.draw(sections, tmp_path / "again")
    assert first
    assert again
    assert int.from_bytes(first.read_bytes()[16:20]) == 1200  # IHDR's width
    assert first.read_bytes() == again.read_bytes()
    assert tables.draw([], tmp_path) is None


def test_the_page_shows_every_reader_and_every_limit() -> None:
    shown = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    assert {row[0] for row in cells if len(row) == len(tables.FIGURES)} & set(ROWS)
    assert {row[1] for row in cells if row[0] == "read"} == {*read.READERS, *limits.MODES}
