import json

from click.testing import CliRunner
from responding import Site

from prefect_cloudtrail import card
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.response.course import course


def shown(site: Site) -> list[str]:
    return card.course(course(site.store.responses, site.robbery.incident.incident_id), width=400).splitlines()


def test_before_anybody_asked_there_is_nothing_to_show(site: Site) -> None:
    assert shown(site) == []


def test_what_was_asked_answered_done_and_watched_is_shown_in_that_order(site: Site) -> None:
    done = site.contain()
    (request,) = site.store.responses.requests(site.robbery.incident.incident_id)
    denied, disabled = done.receipts
    assert shown(site) == [
        f"    asked  disable_access_keys, {request.request_id}: approved; answered by system:one (approve), system:two (approve)",
        f"  receipt  {denied.receipt_id}, deny_principal, applied: {denied.said}",
        f"  receipt  {disabled.receipt_id}, disable_access_key, applied: {disabled.said}",
        "  watched  watching:",
    ]


def test_the_command_shows_it_and_prints_it_for_machines(site: Site) -> None:
    done = site.contain()
    words = ["incidents", site.robbery.incident.incident_id, "--state", str(site.robbery.folder / "state")]
    assert done.receipts[1].receipt_id in CliRunner().invoke(main, words).stdout
    row = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert [each["outcome"] for each in row["response"]["receipts"]] == ["applied", "applied"]
    assert row["response"]["asked"][0]["settlement"]["outcome"] == "approved"
