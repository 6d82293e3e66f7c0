"""The dialogs: what they show, within Slack's limits whatever others wrote, and what is read out of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from response_cases import RULES, a_plan, a_step
from slack_desk import text_of
from store.case_builders import NOW, an_alert, an_incident

from prefect_cloudtrail.cases import Evidence, Incident
from prefect_cloudtrail.context import Answer, Context
from prefect_cloudtrail.demo.slack.limits import refused_view
from prefect_cloudtrail.feedback import Suppression, entry
from prefect_cloudtrail.response.actions import Check
from prefect_cloudtrail.response.course import Course
from prefect_cloudtrail.response.decision import BreakerState, Request
from prefect_cloudtrail.response.plan import ManualStep, Plan
from prefect_cloudtrail.slack import dialog
from prefect_cloudtrail.slack.dialog import Bound, Filled
from prefect_cloudtrail.slack.message import Told

HOURS = timedelta(hours=4)
ENDS = "<!date^1770041700^{time}|14:15 UTC>"
NASTY = "<!channel> <@U1|x> <https://evil.example|here> *bold* _it_ ~no~ `code` & \u202egnirts\u2066 \x1b[2J\n# "


def a_told(incident: Incident | None = None, **fields: Any) -> Told:
    told = Told(
        incident=incident or an_incident("incident-1", an_alert()),
        course=Course((), (), (), ()),
        context=None,
        rules=replace(RULES, dry_run=False),
        breaker=BreakerState(tripped=False),
        contained_last_hour=1,
        listener_at=NOW,
        groups=(),
        first_told_at=NOW,
        first_severity=None,
        link=None,
        owner=None,
        now=NOW,
    )
    return replace(told, **fields)


def a_request(plan: Plan) -> Request:
    return Request("req_1", plan, NOW, NOW + HOURS)


def confirmed(plan: Plan, checks: Sequence[Check | str] = (), told: Told | None = None) -> dict[str, Any]:
    return dialog.confirm(a_request(plan), told or a_told(), checks, "UANA")


def test_the_dialog_says_whom_what_who_is_hurt_and_under_which_rules() -> None:
    plan = a_plan(
        does=("Denies the user deploy everything.", "Sets the key Inactive."),
        breaks=("Jenkins release-nl stops.",),
        survives=("Sessions of roles live on.",),
        manual=(ManualStep("call", "Call the owner."),),
        stops_service=True,
    )
    checks = [
        Check({}, "The key is Active.", breaks=("It was used 40 s ago.",), survives=("Sessions of roles live on.",))
    ]
    view = confirmed(plan, checks)
    assert text_of(view).replace("<!date^1770027300^{time_secs}|10:15:00 UTC>", "NOW").splitlines() == [
        "Disable this key?",
        "*deploy* in account 111122223333",
        "As it is NOW:",
        "• The key is Active.",
        "*Does*",
        "1. Denies the user deploy everything.",
        "2. Sets the key Inactive.",
        ":warning: *Stops*",
        "• Jenkins release-nl stops.",
        "• It was used 40 s ago.",
        "*Does not stop*",
        "• Sessions of roles live on.",
        "*By hand, by you*",
        "• Call the owner.",
        "This is in use by a service",
        "Note for the record",
        f"Live (not a dry run) · 1 of 5 approved this hour · one person decides · request ends {ENDS}",
    ]
    assert (view["submit"]["text"], view["close"]["text"]) == ("Disable now", "Cancel")
    assert dialog.bound(view["private_metadata"]) == Bound("confirm", "req_1", plan.digest, "UANA")


@pytest.mark.parametrize(
    ("plan_stops", "check_stops", "ticks"), [(False, False, 0), (True, False, 1), (False, True, 1), (True, True, 1)]
)
def test_a_tick_is_asked_for_where_the_plan_or_aws_says_that_a_service_stops(
    plan_stops: bool, check_stops: bool, ticks: int
) -> None:
    view = confirmed(a_plan(stops_service=plan_stops), [Check({}, "Now.", stops_service=check_stops)])
    assert [each["block_id"] for each in view["blocks"]].count("ack_outage") == ticks


@pytest.mark.parametrize(
    ("checks", "can_be_done"),
    [
        (["The key is there no more."], False),
        (["The key is there no more.", Check({}, "Denies everything.")], True),
        ([Check({}, "Denies everything.")], True),
    ],
)
def test_what_can_no_more_be_done_has_nothing_to_submit(checks: Sequence[Check | str], can_be_done: bool) -> None:
    view = confirmed(a_plan(), checks)
    inputs = [each for each in view["blocks"] if each["type"] == "input"]
    assert ("submit" in view, bool(inputs)) == (can_be_done, can_be_done)
    assert refused_view(view) == []


def test_a_second_person_and_a_dry_run_are_said() -> None:
    told = a_told(rules=replace(RULES, owners={}, dry_run=True))
    foot = text_of(confirmed(a_plan(), told=told)).splitlines()[-1]
    assert foot.startswith(
        "*Dry run: nothing is changed* · 1 of 5 approved this hour · 2 people must approve: "
        "Who is concerned is not known for sure: two people must allow it. · request ends "
    )


def test_what_is_given_back_does_not_count_as_a_containment() -> None:
    foot = text_of(confirmed(a_plan(a_step(undoes="rcp_1"), playbook="undo"))).splitlines()[-1]
    assert foot.startswith("Live (not a dry run) · one person decides · request ends ")


def test_what_is_kept_quiet_is_no_wider_than_the_incident() -> None:
    incident = an_incident("incident-1", an_alert())
    found = {name: (words, scope.given) for name, (words, scope) in dialog.scopes(incident).items()}
    person = {"person": incident.person}
    place = incident.places[0]
    at = f"{place.city}, {place.country}"
    ip = incident.networks[0].ip
    network = f"{ip.rpartition('.')[0]}.0/24"
    assert found == {
        "command": (
            f"iam:CreateUser by {incident.person} in {at}",
            person | {"command": "iam:CreateUser", "place": at},
        ),
        "place": (f"{incident.person} in {at}", person | {"place": at}),
        "network": (f"{incident.person} from {network}", person | {"network": network}),
        "country": (f"{incident.person} anywhere in {place.country}", person | {"country": place.country}),
    }
    for _, scope in dialog.scopes(incident).values():
        until = NOW + timedelta(days=90)
        assert entry(Suppression, scope, since=NOW, until=until, why="w", by="slack:UANA", effective_at=NOW)


def test_nothing_is_offered_to_be_kept_quiet_where_it_would_be_about_everybody() -> None:
    assert dialog.scopes(an_incident("incident-1", an_alert(), kind="cohort")) == {}
    assert dialog.scopes(an_incident("incident-1", an_alert(), person="")) == {}
    form = dialog.expected(a_told(an_incident("incident-1", kind="cohort")), "UANA")
    assert [each["block_id"] for each in form["blocks"]] == ["m_who", "reason"]


def test_the_form_asks_for_a_reason_and_offers_to_keep_quiet() -> None:
    view = dialog.expected(a_told(), "UANA")
    inputs = {each["block_id"]: each.get("optional") for each in view["blocks"] if each["type"] == "input"}
    assert inputs == {"reason": False, "quiet": True, "quiet_scope": True, "quiet_days": True}
    assert dialog.bound(view["private_metadata"]) == Bound("expected", "incident-1", "", "UANA")
    assert dialog.bound(dialog.leave(a_told(), "UANA")["private_metadata"]) == Bound("leave", "incident-1", "", "UANA")


# --- whatever others wrote --------------------------------------------------------------------------------------------

WRITTEN = st.one_of(st.text(max_size=400), st.just(NASTY), st.just(NASTY * 40))


def a_context(*sentences: str) -> Context:
    answers = tuple(Answer(f"q{n}", "Who is it?", (each,)) for n, each in enumerate(sentences))
    return Context("incident-1", 1, NOW, answers, 1, 1, (), (), (), None, None, (), ())


def views(text: str, many: int) -> list[dict[str, Any]]:
    """Return every dialog, with a text that others wrote wherever one may stand."""
    evidence = tuple(Evidence(f"e{n}", "g", 3.5, text, counted=n % 2 == 0) for n in range(many))
    places = tuple(replace(each, city=text) for each in an_incident("incident-1", an_alert()).places)
    incident = an_incident("incident-1", an_alert(), person=text, principal=text, evidence=evidence, places=places)
    told = a_told(incident, context=a_context(*[text] * many))
    plan = a_plan(
        a_step(target=text),
        does=(text,) * many,
        breaks=(text,) * many,
        survives=(text,) * many,
        manual=tuple(ManualStep(f"m{n}", text) for n in range(many)),
        stops_service=True,
        playbook=text or "p",
    )
    checks: list[Check | str] = [Check({}, text, (text,) * many, (text,) * many), text]
    return [
        confirmed(plan, checks, told),
        dialog.expected(told, "UANA"),
        dialog.leave(told, "UANA"),
        dialog.details(told),
        dialog.answer(text or "a", text or "a"),
        dialog.loading(),
        dialog.recording(),
    ]


@given(text=WRITTEN, many=st.sampled_from([0, 1, 30, 100]))
def test_every_dialog_is_within_slacks_limits(text: str, many: int) -> None:
    assert [refused_view(view) for view in views(text, many)] == [[]] * 7


def test_what_others_wrote_neither_calls_anybody_nor_links_nor_formats() -> None:
    # The others say what is given them, which is mrkdwn already.
    for view in views(NASTY, 3)[:4]:
        written = [each for each in mrkdwn_in(view["blocks"]) if "channel" in each]
        assert written
        for torn in ("<!channel>", "<@U1", "<https://", "*bold*", "_it_", "~no~", "`code`", "\u202e", "\x1b"):
            assert [each for each in written if torn in each] == []


def mrkdwn_in(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["text"]] if part.get("type") == "mrkdwn" else []
        return own + [each for value in part.values() for each in mrkdwn_in(value)]
    return [each for value in part for each in mrkdwn_in(value)] if isinstance(part, list) else []


# --- what was filled in -----------------------------------------------------------------------------------------------


def test_what_was_filled_in_is_read() -> None:
    values = {
        "reason": {"reason": {"type": "plain_text_input", "value": "  moved \n to Lyon "}},
        "ack_outage": {"ack": {"selected_options": [{"value": "accept"}]}},
        "quiet": {"quiet": {"selected_options": [{"value": "quiet"}]}},
        "quiet_scope": {"scope": {"selected_option": {"value": "place"}}},
        "quiet_days": {"days": {"selected_option": {"value": "30"}}},
    }
    assert dialog.filled(values) == Filled("moved to Lyon", accepts=True, quiet=True, scope="place", days=30)


def test_what_was_not_filled_in_is_nothing() -> None:
    nothing = Filled("", accepts=False, quiet=False, scope="", days=7)
    assert dialog.filled({}) == nothing
    values = {"quiet_days": {"days": {"selected_option": {"value": "36500"}}}, "reason": {"reason": {"value": None}}}
    assert dialog.filled(values) == nothing


ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.just("accept"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reason", "quiet", "selected_option", "selected_options", "value"]), inner)
    ),
    max_leaves=12,
)


@given(values=ANY, carried=ANY | st.text())
def test_whatever_shape_it_has_it_is_read(values: object, carried: object) -> None:
    assert dialog.filled(values).days in dialog.QUIET_DAYS
    assert dialog.bound(carried) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "[" * 100_000, '{"v": 2, "kind": "confirm"}', '{"v": 1}', "v1.req_1"]
)
def test_what_a_dialog_of_ours_does_not_carry_is_nothing(text: str) -> None:
    assert dialog.bound(text) is None
