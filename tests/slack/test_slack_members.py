"""Who somebody is, asked of Slack at the moment when they decide."""

import pytest
from slack_desk import APPROVERS
from slack_sdk import WebClient

from prefect_cloudtrail.demo.slack import LocalSlack
from prefect_cloudtrail.demo.slack.team import BOT, DORA, GUS, JONAS, LENA, MAYA, OTTO, RESPONDERS, STEN
from prefect_cloudtrail.errors import RefusedError
from prefect_cloudtrail.response.deciding import Member
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.slack.members import member, require_listed, require_not_concerned

RULES = Rules(approvers=APPROVERS)
GUESTS = "you are a guest in this workspace, and guests may not decide"


@pytest.fixture
def client(workspace: LocalSlack) -> WebClient:
    return WebClient(token=workspace.bot_token, base_url=workspace.api_url, timeout=1, retry_handlers=[])


def refused(client: WebClient, user_id: str, rules: Rules = RULES) -> str:
    with pytest.raises(RefusedError) as refusal:
        require_listed(member(client, user_id, rules), rules)
    return str(refusal.value)


def test_a_member_comes_with_those_of_the_rules_groups_they_are_in_now(
    client: WebClient, workspace: LocalSlack
) -> None:
    assert member(client, MAYA.user_id, RULES) == Member("slack:U0MAYA00001", ("slack-group:S0RESPOND01",))
    assert member(client, LENA.user_id, RULES) == Member("slack:U0LENA00001")
    workspace.workspace.set_group(RESPONDERS.group_id, [JONAS.user_id])
    assert member(client, MAYA.user_id, RULES) == Member("slack:U0MAYA00001")


def test_whoever_is_named_or_in_a_named_group_is_listed(client: WebClient) -> None:
    for each in (MAYA, JONAS, LENA):
        require_listed(member(client, each.user_id, RULES), RULES)


@pytest.mark.parametrize(
    ("user_id", "said"),
    [
        (OTTO.user_id, "you are not among those who may decide"),
        (GUS.user_id, GUESTS),
        (DORA.user_id, "your account in Slack is deactivated"),
        (STEN.user_id, "you are of another organisation, whose members may not decide"),
        (BOT.user_id, "a bot decides nothing"),
    ],
)
def test_whoever_may_not_decide_is_told_why(client: WebClient, user_id: str, said: str) -> None:
    named = Rules(approvers=(*APPROVERS, f"slack:{user_id}")) if user_id != OTTO.user_id else RULES
    assert refused(client, user_id, named) == said


def test_an_empty_list_admits_nobody_and_asks_nobody(client: WebClient, workspace: LocalSlack) -> None:
    assert refused(client, MAYA.user_id, Rules()) == "the rules name no approvers, so nobody may decide"
    assert workspace.faults.counts() == {}


def test_whoever_an_incident_is_about_does_not_decide_it_also_under_another_name() -> None:
    rules = Rules(approvers=APPROVERS, owners={"system:maya": "slack:U0MAYA00001"})
    for name in ("slack:U0MAYA00001", "system:maya"):
        with pytest.raises(RefusedError) as refusal:
            require_not_concerned(Member(name), {"slack:U0MAYA00001"}, rules)
        assert str(refusal.value) == "this incident is about you: somebody else must decide"
    require_not_concerned(Member("slack:U0JONAS0001"), {"slack:U0MAYA00001"}, rules)


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list", "auth.test"])
@pytest.mark.parametrize("error", ["missing_scope", "internal_error", "user_not_found", "no_such_subteam"])
def test_what_slack_refuses_to_say_refuses(client: WebClient, workspace: LocalSlack, method: str, error: str) -> None:
    workspace.faults.error(error, method)
    assert refused(client, MAYA.user_id).startswith("Slack could not be asked who you are (cannot ask who ")


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list"])
def test_a_slack_that_does_not_answer_refuses(client: WebClient, workspace: LocalSlack, method: str) -> None:
    what = {"users.info": "who you are", "usergroups.users.list": "who is among the responders"}[method]
    workspace.faults.rate_limited(30, method)
    assert refused(client, MAYA.user_id) == (
        f"Slack could not be asked who you are (cannot ask {what}: Slack asks to wait 30 s)"
    )
    workspace.faults.slow(2, method, calls=1)
    assert refused(client, MAYA.user_id).startswith(f"Slack could not be asked who you are (cannot ask {what}: ")
    workspace.faults.down(method, calls=1)
    assert refused(client, MAYA.user_id).startswith(f"Slack could not be asked who you are (cannot ask {what}: ")
