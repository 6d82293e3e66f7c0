from datetime import timedelta

import sqlalchemy as sa
from responding import Site

from prefect_cloudtrail.checks import Check
from prefect_cloudtrail.doctor.responder import START, UPDATE, look_at_responder, look_at_versions
from prefect_cloudtrail.response.responder import HEARTBEAT, Responder
from prefect_cloudtrail.store.response_tables import HEARTBEATS
from prefect_cloudtrail.versions import VERSION


def found(site: Site) -> list[Check]:
    return list(look_at_responder(site.store, site.clock()))


def test_where_nobody_responds_and_nothing_waits_nothing_is_said(site: Site) -> None:
    assert found(site) == []


def test_an_approved_plan_that_waits_for_nobody_is_a_failure(site: Site) -> None:
    site.approve()
    assert found(site) == [
        Check("responder", "fail", "it never looked for work here, and 1 approved plan waits for it", START)
    ]


def test_a_responder_that_looks_is_well_and_one_that_stopped_is_missed(site: Site) -> None:
    Responder(site.plane).look()
    assert found(site) == [Check("responder", "ok", "it last looked for work just now")]
    site.clock.now += timedelta(minutes=5)
    assert found(site) == [
        Check("responder", "warn", "it last looked for work 5 min ago: nobody would carry out an approval", START)
    ]


def test_a_tripped_breaker_is_said_with_who_and_why(site: Site) -> None:
    site.store.responses.set_breaker(tripped=True, by="system:one", why="a drill", now=site.clock())
    (check,) = found(site)
    assert (check.name, check.status, check.said) == ("breaker", "warn", "system:one tripped it: a drill")


def test_nothing_is_said_of_versions_where_all_are_of_this_one(site: Site) -> None:
    Responder(site.plane).look()
    assert site.store.responses.version(HEARTBEAT) == VERSION
    assert [run["version"] for run in site.store.runs()] == [VERSION]
    assert list(look_at_versions(site.store)) == []


def test_a_responder_of_another_version_than_the_last_run_is_said(site: Site) -> None:
    now = site.clock()
    with site.store._database.writing() as connection:  # noqa: SLF001  # as another version wrote it
        connection.execute(sa.insert(HEARTBEATS).values(name="responder 0.0.9", at=now))
    (said,) = look_at_versions(site.store)
    text = f"the last run is of {VERSION}, the responder is of 0.0.9, this program is of {VERSION}"
    assert said == Check("versions", "warn", text, UPDATE)
    site.clock.move(minutes=1)
    Responder(site.plane).look()
    assert list(look_at_versions(site.store)) == []
