"""The thread: what is said beside the card, under which names, and whom it calls."""

from dataclasses import replace

import pytest
from reading_slack import block, buttons, said
from told_cases import HOUR, MINUTE, TOLD_AT, kinds

from prefect_cloudtrail.slack.message import Message, Told
from prefect_cloudtrail.slack.thread import replies

KINDS = kinds()
REQ, DEC = "req_0000000000000000000000000000000", "dec_00000002_ana"
DONE = ["guide", f"settled {REQ}2", "step rcp_0000020", "step rcp_0000021", f"receipt {DEC}"]


def reply(told: Told, name: str) -> Message:
    return next(each for each in replies(told) if each.name == name)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("new", []),
        ("open", ["guide"]),
        ("open, unanswered", ["guide", "called 1", "pager", "called 2"]),
        ("open, the owner asked", ["owner", "guide"]),
        ("open, the owner answered", ["owner", "guide", "owner answered"]),
        ("open, the risk rose", ["guide", "band critical"]),
        ("grown", ["guide", f"grown {REQ}4"]),
        ("one of two approved", ["guide", "waiting dec_00000002_ana"]),
        ("approved, applying", ["guide", f"settled {REQ}2"]),
        ("watching", DONE),
        ("contained", DONE),
        ("partly applied", DONE[:-1]),
        ("refused", ["guide", f"settled {REQ}2", f"receipt {DEC}"]),
        ("reversed", [*DONE, f"reversed {DEC}"]),
        ("still used", [*DONE, f"still_used {DEC}"]),
        ("unproven", [*DONE, f"expired {REQ}1"]),
        ("left on", ["guide", f"settled {REQ}1", f"settled {REQ}2"]),
        ("expired", ["guide", f"expired {REQ}1", f"expired {REQ}2"]),
    ],
)
def test_everything_is_said_by_now_oldest_first(name: str, names: list[str]) -> None:
    assert [each.name for each in replies(KINDS[name])] == names


def test_a_narrow_and_a_whole_plan_are_no_grown_one() -> None:
    assert [each.name for each in replies(KINDS["a role's session"])] == ["guide"]


def test_the_guide_is_answered_and_what_could_not_be_determined_says_why() -> None:
    told = KINDS["open"]
    assert said(reply(told, "guide")).splitlines() == [
        "*What else we looked at,* as of 03:10:07 UTC",
        "• *Is this planned work?* No planned work covers it.",
        "• *Who is the owner, to be asked?* slack:U0OWNER, by the rules' owners.",
        (
            "• *What was touched in 24 hours?* 1 thing written, 6 things read, by 7 records. "
            "Secrets and data stores among them: secretsmanager."
        ),
        (
            "• *What is the account's role, and how critical is what was touched?* "
            "111122223333 is called prod-payments. Critical by the rules: 111122223333."
        ),
        (
            "• *Is the address one of EC2's, and ours?* No instance of ours. It is no AWS range. "
            "_Could not determine:_ the addresses of eu-west-1: not permitted."
        ),
        "• *Was MFA used?* _Could not determine:_ no reader role is set.",
    ]


def test_a_step_says_what_was_done_and_when_it_was_read_back() -> None:
    assert said(reply(KINDS["watching"], "step rcp_0000021")) == (
        "2/2 `disable_access_key` on `deploy-user`: *applied* 03:11:24 UTC, read back 1.1 s later. "
        "The access key AKIAIOSFODNN7EXAMPLE of deploy-user is Inactive."
    )


def test_the_receipt_shows_before_after_who_and_how_long_and_offers_the_undo() -> None:
    receipt = reply(KINDS["contained"], f"receipt {DEC}")
    assert said(receipt).splitlines() == [
        "*Contained 03:56:25 UTC.* Read back, and no successful call since; CloudTrail is complete to 03:41 UTC.",
        "*Receipts*",
        "`rcp_0000020`",
        "`rcp_0000021`",
        "*Before*",
        "deploy-user without our policy",
        "key …MPLE: Active",
        "*After*",
        "The policy prefect-cloudtrail-rcp_0000020 is on the user deploy-user.",
        "The access key AKIAIOSFODNN7EXAMPLE of deploy-user is Inactive.",
        "*Approved*",
        "<@U0ANA> 03:11:20 UTC",
        "*Told → decided*",
        "70 s",
        "*Decided → applied*",
        "4.1 s",
        "*Still open:* Whether deploy-user has a password is not known; one would stay, and the deny stops it.",
        "Undo…",
    ]
    assert receipt.follows


@pytest.mark.parametrize("name", ["undone", "failed", "refused", "dry run"])
def test_where_nothing_is_to_be_undone_there_is_no_undo(name: str) -> None:
    assert buttons(reply(KINDS[name], f"receipt {DEC}")) == []


def test_a_refused_undo_is_said() -> None:
    told = KINDS["undone"]
    refused = replace(told.course.watches[1], state="refused", said="The breaker is tripped.")
    told = replace(told, course=replace(told.course, watches=(told.course.watches[0], refused)))
    assert said(reply(told, f"refused {refused.decision_id}")) == "*Undo: refused.* The breaker is tripped."


def test_what_is_open_by_hand_stands_in_the_receipt() -> None:
    receipt = reply(KINDS["watching, by hand"], f"receipt {DEC}")
    assert block(receipt, "open").endswith("by hand: End the portal sessions of alice.")


@pytest.mark.parametrize(
    ("minutes", "names"), [(4.9, []), (5.1, ["called 1", "pager"]), (10.1, ["called 1", "pager", "called 2"])]
)
def test_who_is_next_is_called_every_five_minutes(minutes: float, names: list[str]) -> None:
    told = replace(KINDS["open"], now=TOLD_AT + minutes * MINUTE + 6 * MINUTE / 60)
    assert [each.name for each in replies(told)] == ["guide", *names]


def test_a_call_mentions_its_group_and_the_pager_nobody() -> None:
    told = KINDS["open, unanswered"]
    stolen = "97% likely stolen: key of deploy-user, from Curitiba, BR"
    assert said(reply(told, "called 1")) == f"<!subteam^S0SECOND> nobody answered for 5 minutes: {stolen}"
    assert said(reply(told, "called 2")) == f"<!subteam^S0THIRD> nobody answered for 10 minutes: {stolen}"
    assert reply(told, "pager") == Message(
        "pager", f"Nobody answered for 5 minutes: {stolen}", (), follows=False, to="pager"
    )


def test_once_somebody_answered_nobody_is_called() -> None:
    told = replace(KINDS["approved, applying"], now=TOLD_AT + HOUR)
    assert not [each.name for each in replies(told) if each.name.startswith(("called", "pager"))]


@pytest.mark.parametrize(
    ("name", "reply_name", "words"),
    [
        ("grown", f"grown {REQ}4", "<!subteam^S0FIRST> The plan to disable key grew, and is asked anew: see the card."),
        (
            "open, the risk rose",
            "band critical",
            (
                "<!subteam^S0FIRST> The risk rose: it is *critical* now. "
                "97% likely stolen: key of deploy-user, from Curitiba, BR"
            ),
        ),
        (
            "reversed",
            f"reversed {DEC}",
            "<!subteam^S0FIRST> *Turned back.* The access key AKIAIOSFODNN7EXAMPLE of deploy-user is Active.",
        ),
        (
            "still used",
            f"still_used {DEC}",
            "<!subteam^S0FIRST> *Still used.* 3 successful calls since, the last at 03:19:00 UTC: s3:GetObject.",
        ),
        (
            "one of two approved",
            "waiting dec_00000002_ana",
            "<@U0ANA> approved *End all sessions* 03:11:20 UTC. One more person must.",
        ),
        ("expired", f"expired {REQ}1", "*Block new places* was not answered until 07:10:09 UTC: nothing was done."),
    ],
)
def test_the_first_group_is_mentioned_where_something_must_be_done(name: str, reply_name: str, words: str) -> None:
    assert said(reply(KINDS[name], reply_name)) == words


def test_the_owner_is_asked_by_direct_message_and_the_buttons_go_once_they_answered() -> None:
    asked, answered = (reply(KINDS[f"open, the owner {how}"], "owner") for how in ("asked", "answered"))
    assert asked.to == answered.to == "U0OWNER"
    assert buttons(asked) == ["Yes, it was me", "No, it was not me", "I am not sure"]
    assert buttons(answered) == []
    assert block(answered, "owner") == "You answered: *No, it was not me*. Whoever decides sees it. Thank you."
    assert said(reply(KINDS["open, the owner answered"], "owner answered")) == (
        "<@U0OWNER>, the owner, answered: *No, it was not me*."
    )


@pytest.mark.parametrize("name", KINDS)
def test_what_is_said_once_stays_the_same_however_late_it_is_made(name: str) -> None:
    told = KINDS[name]
    later = {each.name: each for each in replies(replace(told, now=told.now + MINUTE))}
    assert [each for each in replies(told) if not each.follows and later.get(each.name) != each] == []
