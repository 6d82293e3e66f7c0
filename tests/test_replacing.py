"""Another geo database: history is placed anew, and a network that moves makes nobody a stranger."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import maxminddb
import polars as pl
import pytest
from organisations import Delivered, learn_until, robbed

from prefect_cloudtrail import pipeline, replacing
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.demo.addresses import Network
from prefect_cloudtrail.demo.databases import write_asn_database, write_city_database
from prefect_cloudtrail.demo.geography import CITIES
from prefect_cloudtrail.explain import explain
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options, Outcome, all_tallies
from prefect_cloudtrail.store import Store

LATER = timedelta(days=7)
USUAL_DAYS = 2


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


@pytest.fixture(scope="module")
def moved(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """The same organisation with later databases: a third of the networks is in other cities, and other hands."""
    return moved_by(organisation, tmp_path_factory.mktemp("moved"), third_of)


def third_of(number: int, network: Network) -> Network:
    if number % 3:
        return network
    there = CITIES[(number + 7) % len(CITIES)]
    return replace(network, city=there, country=there.country, asn=network.asn + 100_000)


def moved_by(organisation: Generated, folder: Path, move: Callable[[int, Network], Network]) -> Generated:
    networks = [move(number, each) for number, each in enumerate(networks_of(organisation))]
    later = replace(organisation, city_db=folder / "city.mmdb", asn_db=folder / "asn.mmdb")
    write_city_database(networks, later.city_db, organisation.end + LATER)
    write_asn_database(networks, later.asn_db, organisation.end + LATER)
    return later


def networks_of(organisation: Generated) -> list[Network]:
    """Return what the databases were written from."""
    cities = {(each.name, each.region): each for each in CITIES}
    found = []
    with maxminddb.open_database(organisation.city_db) as city_db, maxminddb.open_database(organisation.asn_db) as asns:
        row: Any
        for cidr, row in city_db:
            owner: Any = asns.get(cidr.network_address)
            named = row.get("city") and (row["city"]["names"]["en"], row["subdivisions"][0]["iso_code"])
            owned = owner["autonomous_system_number"], owner["autonomous_system_organization"]
            found.append(Network(str(cidr), row["country"]["iso_code"], cities[named] if named else None, *owned))
    return found


@dataclass(frozen=True)
class Ran:
    incidents: list[Incident]
    outcomes: list[Outcome]


def run(state: Path, *parts: tuple[Generated, datetime | None]) -> Ran:
    """Run once for each part, with its databases, when so much was delivered."""
    outcomes = []
    with Store.open(state) as store:
        for organisation, until in parts:
            source: Any = Delivered(FolderSource(organisation.root / "AWSLogs"), until)
            geo = Geo.open(organisation.city_db, organisation.asn_db)
            options = Options(until=organisation.end + timedelta(days=2), learn_until=learn_until(organisation))
            outcomes.append(pipeline.run(store, source, geo, options))
        return Ran(store.incidents(), outcomes)


def usual(state: Path) -> pl.DataFrame:
    with Store.read_only(state) as store:
        return store.scan("usual").collect().sort("tally", "context", "outcome")


def index(state: Path) -> pl.DataFrame:
    with Store.read_only(state) as store:
        return store.scan("index").collect().sort("event.id")


def known_networks(state: Path, incidents: Sequence[Incident]) -> list[tuple[str, str]]:
    """Return the (alert, network) of places whose network the principal had used on two earlier days."""
    with Store.read_only(state) as store:
        presences = store.scan("presences").select("principal", "network", pl.col("hour").dt.date()).unique().collect()
        events = store.scan("index").select("event.id", "principal", "network").collect()
    found = []
    for alert in (alert for each in incidents for alert in each.alerts if alert.says_where):
        for principal, network in (
            events.filter(pl.col("event.id").is_in(alert.event_ids)).select("principal", "network").unique().iter_rows()
        ):
            days = presences.filter(
                pl.col("principal") == principal, pl.col("network") == network, pl.col("hour") < alert.hour.date()
            ).height
            # The night before may still have been on its way.
            if days > USUAL_DAYS:
                found.append((alert.alert_id, network))
    return found


def test_after_the_change_a_run_answers_as_if_history_had_been_placed_so_from_the_start(
    organisation: Generated, moved: Generated, tmp_path: Path
) -> None:
    change = learn_until(organisation)
    changed = run(tmp_path / "changed", (organisation, change), (moved, change))
    throughout = run(tmp_path / "throughout", (moved, change))
    assert [each.summary.replaced > 0 for each in (*changed.outcomes, *throughout.outcomes)] == [False, True, False]
    assert not usual(tmp_path / "changed").is_empty()
    assert usual(tmp_path / "changed").equals(usual(tmp_path / "throughout"))
    assert index(tmp_path / "changed").equals(index(tmp_path / "throughout"))
    incidents = run(tmp_path / "changed", (moved, None)).incidents
    assert len(incidents) > len(organisation.thefts)
    assert incidents == run(tmp_path / "throughout", (moved, None)).incidents


def test_a_third_of_the_networks_moved_raises_no_alert_on_networks_usual_to_the_principal(
    organisation: Generated, moved: Generated, tmp_path: Path
) -> None:
    ran = run(tmp_path, (organisation, learn_until(organisation)), (moved, None))
    assert ran.outcomes[1].summary.alerts > 0
    assert known_networks(tmp_path, ran.incidents) == []


def test_what_was_judged_before_the_change_stays(organisation: Generated, moved: Generated, tmp_path: Path) -> None:
    cut = learn_until(organisation) + timedelta(days=3)
    before = {alert.alert_id: alert for each in run(tmp_path, (organisation, cut)).incidents for alert in each.alerts}
    after = {alert.alert_id: alert for each in run(tmp_path, (moved, None)).incidents for alert in each.alerts}
    assert before
    assert {alert_id: after[alert_id] for alert_id in before} == before


def test_the_change_is_stored_once_and_the_state_says_which_databases_it_is_placed_by(
    organisation: Generated, moved: Generated, tmp_path: Path
) -> None:
    cut = learn_until(organisation)
    ran = run(tmp_path, (organisation, cut), (moved, cut), (moved, None))
    assert [each.summary.replaced > 0 for each in ran.outcomes] == [False, True, False]
    geo = Geo.open(moved.city_db, moved.asn_db)
    with Store.read_only(tmp_path) as store:
        assert store.geo_build() == geo.build
        assert store.scan("presences").collect()["place"].n_unique() > 1


def test_a_state_that_does_not_say_by_which_databases_it_is_placed_is_placed_anew(
    organisation: Generated, moved: Generated, tmp_path: Path
) -> None:
    cut = learn_until(organisation)
    run(tmp_path, (organisation, cut))
    with closing(sqlite3.connect(tmp_path / "cases.db")) as connection, connection:
        connection.execute("UPDATE state SET geo_build = NULL")
    assert run(tmp_path, (moved, cut)).outcomes[0].summary.replaced > 0


def test_a_newer_build_that_says_the_same_rewrites_nothing(organisation: Generated, tmp_path: Path) -> None:
    same = moved_by(organisation, tmp_path, lambda _, network: network)
    state, cut = tmp_path / "state", learn_until(organisation)
    run(state, (organisation, cut))
    with Store.read_only(state) as store:
        before = store.files("presences"), store.files("usual"), store.files("index")
    assert run(state, (same, cut)).outcomes[0].summary.replaced == 0
    with Store.read_only(state) as store:
        assert (store.files("presences"), store.files("usual"), store.files("index")) == before


def test_what_the_new_databases_do_not_know_stays_where_it_was(organisation: Generated, tmp_path: Path) -> None:
    known = networks_of(organisation)[:1]
    fewer = replace(organisation, city_db=tmp_path / "city.mmdb", asn_db=tmp_path / "asn.mmdb")
    write_city_database(known, fewer.city_db, organisation.end + LATER)
    write_asn_database(known, fewer.asn_db, organisation.end + LATER)
    cut = learn_until(organisation)
    run(tmp_path / "state", (organisation, cut))
    before = usual(tmp_path / "state")
    assert run(tmp_path / "state", (fewer, cut)).outcomes[0].summary.replaced == 0
    assert usual(tmp_path / "state").equals(before)


def test_killed_before_the_commit_nothing_has_changed_and_the_next_run_does_it_again(
    organisation: Generated, moved: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = learn_until(organisation)
    run(tmp_path, (organisation, cut))
    before = usual(tmp_path)

    class Killed(BaseException): ...

    def die(*_: object) -> None:
        raise Killed

    geo = Geo.open(moved.city_db, moved.asn_db)
    with monkeypatch.context() as patched, Store.open(tmp_path) as store:
        patched.setattr(Store, "replace", die)
        with store.lease("detect", "killed", 10, datetime.now(UTC)) as lease, pytest.raises(Killed):
            replacing.replace(store, geo, all_tallies(), lease)
    assert usual(tmp_path).equals(before)
    assert run(tmp_path, (moved, cut)).outcomes[0].summary.replaced > 0
    with Store.open(tmp_path) as store:
        assert store.sweep() == []


def test_an_explanation_places_history_by_the_databases_it_is_given(
    organisation: Generated, moved: Generated, tmp_path: Path
) -> None:
    run(tmp_path / "before", (organisation, learn_until(organisation)), (organisation, None))
    run(tmp_path / "after", (organisation, learn_until(organisation)), (organisation, None), (moved, None))
    geo = Geo.open(moved.city_db, moved.asn_db)
    event = organisation.thefts[0].event_ids[0]
    explained = []
    for state in ("before", "after"):
        with Store.read_only(tmp_path / state) as store:
            source = FolderSource(organisation.root / "AWSLogs")
            explained.append(explain(store, source, geo, event, look_back=timedelta(hours=2)))
    assert explained[0] == explained[1]


def test_a_network_in_two_cities_moves_by_the_address_most_seen_in_each(
    organisation: Generated, tmp_path: Path
) -> None:
    halves = list(ip_network("62.0.0.0/24").subnets())
    with Store.open(tmp_path / "unused"):
        pass
    there = [
        Network(str(half), city.country, city, 64_500, "Example") for half, city in zip(halves, CITIES, strict=False)
    ]
    write_city_database(there, tmp_path / "city.mmdb", organisation.end)
    geo = Geo.open(tmp_path / "city.mmdb")
    spots = pl.DataFrame({"network": ["62.0.0.0/24"] * 2, "place": ["Old, AA", "Older, AA"]}).with_columns(
        pl.lit("AA").alias("country"),
        *(pl.lit(None, pl.String).alias(name) for name in ("asn", "rented")),
        pl.lit(organisation.end).alias("window"),
    )
    seen = pl.DataFrame(
        {
            "network": ["62.0.0.0/24"] * 4,
            "place": ["Old, AA"] * 3 + ["Older, AA"],
            "source.ip": ["62.0.0.200", "62.0.0.200", "62.0.0.9", "62.0.0.9"],
        }
    ).with_columns(
        pl.lit("AA").alias("source.geo.country_iso_code"),
        pl.lit(None, pl.Int64).alias("source.as.number"),
        pl.lit(None, pl.String).alias("network.kind"),
    )
    found = replacing.moved(spots.lazy(), seen.lazy(), geo).spots.sort("place")
    assert [each.split(",")[0] for each in found["new place"]] == [CITIES[1].name, CITIES[0].name]
    unseen = replacing.moved(spots.lazy(), seen.clear().lazy(), geo).spots
    assert {each.split(",")[0] for each in unseen["new place"]} == {CITIES[1].name}
