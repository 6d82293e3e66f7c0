"""The card: what it says in each state, and that it decides on a phone's screen."""

from dataclasses import replace

import pytest
from plan_cases import ACCOUNT, KEY
from reading_slack import JOINER, block, buttons, said
from told_cases import (
    LINK,
    MINUTE,
    RULES,
    TOLD_AT,
    a_context,
    a_told,
    an_incident,
    asked,
    kinds,
    of_user,
    principals,
)

from prefect_cloudtrail.slack.card import card
from prefect_cloudtrail.slack.status import open_ones

KINDS = kinds()
MENU = ["≡ Show all evidence", "≡ Open run in Prefect"]
ASKED = ["Block new places…", "Disable key…", "It's expected…", "≡ Leave it on…", *MENU]
ONE_LEFT = ["Block new places…", "≡ Leave it on…", *MENU]
STOLEN = "97% likely stolen: key of deploy-user, from Curitiba, BR"
BY = "<@U0ANA> 03:11:20 UTC."
WATCHING = "*Disable key: applied, watching until 03:41 UTC.*"
POLICY = "The policy prefect-cloudtrail-rcp_0000020 is on the user deploy-user."


def test_the_card_is_the_whole_decision() -> None:
    told = KINDS["a user's key in use"]
    shown = card(told)
    assert shown.text.replace(JOINER, "") == f"{STOLEN}, still active. Block new places?"
    assert [each["block_id"] for each in shown.blocks] == ["head", "what", "plan", "decide", "who", "why", "foot"]
    assert block(shown, "head") == STOLEN
    assert block(shown, "what") == (
        "*38 calls in 11 minutes from Curitiba, BR, 12 of them unusual.* Never seen in Curitiba in 412 active days; "
        "usual: Rotterdam. It read 6 secrets and called CreateAccessKey. *Still active*, last call 03:05:41 UTC."
    )
    assert block(shown, "plan").splitlines() == [
        (
            "*Block new places:* Deny user deploy-user every call from outside its usual networks: 203.0.113.0/24,… "
            "_Stops:_ Whoever works as deploy-user from anywhere else stops. "
            "_Goes on:_ Its work from those networks goes on, the last of…"
        ),
        (
            "*Disable key:* Deny user deploy-user every call. Set access key AKIA…MPLE of deploy-user Inactive. "
            "*Stops:* Access key AKIA…MPLE was last used at 2026-11-24 02:10 UTC,… "
            "_Goes on:_ Whether deploy-user has a password is not known;…"
        ),
    ]
    assert buttons(shown) == ASKED
    assert block(shown, "who").splitlines() == [
        "*Who*",
        "deploy-user",
        "iam user · `AKIA…MPLE`",
        "*Account*",
        "prod-payments (critical)",
        ACCOUNT,
        "*From*",
        "Curitiba, BR",
        "203.0.113.24 · Example Hosting · AS64500",
        "*First / last*",
        "02:54:41 UTC / 03:05:41 UTC",
    ]
    assert block(shown, "foot").splitlines() == [
        (
            "Asked <!subteam^S0FIRST> 03:10:10 UTC · answer by 07:10 UTC · one person decides · "
            f"`inc_48f73d4619a4405094aa` · <{LINK}|run in Prefect>"
        ),
        (
            "No answer in 5 min: the next group is called. Buttons dead? Block new places: "
            "`prefect-cloudtrail decide req_00000000000000000000000000000001 approve`"
        ),
    ]


def test_what_counts_stands_first_and_what_does_not_says_so() -> None:
    rows = block(card(KINDS["open"]), "why").splitlines()
    assert rows[:2] == ["+8 dB ", "Never seen in Curitiba in 412 active days; usual: Rotterdam."]
    assert rows[-4:] == [
        "\u22123 dB ",
        "The client is usual for it: aws-cli/2.31.0.",
        "(+5 dB, not counted) ",
        "10,100 km from Rotterdam, the nearest place usual for it.",
    ]


@pytest.mark.parametrize(
    ("name", "pushed", "state", "offered"),
    [
        ("new", f"{STOLEN}, still active.", "", ["It's expected…", *MENU]),
        (
            "open, dry run",
            f"{STOLEN}, still active. Block new places? Dry run.",
            "*Dry run: nothing will be changed.*",
            ASKED,
        ),
        (
            "open, the breaker tripped",
            f"{STOLEN}. The breaker is tripped: nothing can be approved.",
            (
                "*The breaker is tripped,* by `the responder`: a decision's signature does not verify. "
                "Nothing is approved or carried out until `prefect-cloudtrail breaker reset --why TEXT`."
            ),
            MENU,
        ),
        (
            "open, the owner answered",
            f"{STOLEN}, still active. Block new places?",
            "The owner, <@U0OWNER>, answered: *it was not me*. An answer is evidence, not approval.",
            ASKED,
        ),
        (
            "one of two approved",
            (
                "97% likely stolen: session of release-42, from Curitiba, BR, still active. "
                "End all sessions: one more person must approve."
            ),
            "*End all sessions: one more person must approve.* <@U0ANA> did 03:11:20 UTC.",
            ["End all sessions…", "It's expected…", "≡ Leave it on…", *MENU],
        ),
        (
            "approved, applying",
            f"Disable key: approved, applying. {STOLEN}.",
            f"*Disable key: approved, applying.* {BY} “not hers, called her”",
            MENU,
        ),
        (
            "dry run",
            f"Disable key: dry run, nothing was changed. {STOLEN}. Dry run.",
            (
                f"*Dry run: nothing will be changed.*\n*Disable key: dry run, nothing was changed.* {BY} "
                "Dry run, nothing was changed."
            ),
            ONE_LEFT,
        ),
        (
            "watching",
            f"Disable key: applied, watching. {STOLEN}.",
            f"{WATCHING} {BY} Quiet so far; CloudTrail is complete to 03:15 UTC.",
            MENU,
        ),
        (
            "watching, by hand",
            f"Disable key: applied, watching. {STOLEN}.",
            (
                f"{WATCHING} {BY} "
                "Quiet so far; to be done by hand still: end_portal_session.\n"
                "*By hand still:* `end_portal_session`; then "
                "`prefect-cloudtrail steps inc_48f73d4619a4405094aa --done NAME --why TEXT`"
            ),
            MENU,
        ),
        (
            "contained",
            f"Disable key: contained. {STOLEN}.",
            (
                f"*Disable key: contained 03:56 UTC.* {BY} "
                "Read back, and no successful call since; CloudTrail is complete to 03:41 UTC."
            ),
            MENU,
        ),
        (
            "partly applied",
            f"Disable key: partly applied. {STOLEN}.",
            (
                f"*Disable key: partly applied.* {BY} {POLICY} "
                "cannot put a policy on the user deploy-user: AccessDenied; allow it."
            ),
            ONE_LEFT,
        ),
        (
            "failed",
            f"Disable key: failed. {STOLEN}.",
            f"*Disable key: failed.* {BY} Nothing could be applied, so there is nothing to watch.",
            ONE_LEFT,
        ),
        (
            "refused",
            f"Disable key: refused, nothing was done. {STOLEN}.",
            (
                f"*Disable key: refused, nothing was done.* {BY} "
                "arn:aws:iam::111122223333:user/robots/deploy-user is on the never-list."
            ),
            ONE_LEFT,
        ),
        (
            "reversed",
            f"Disable key: somebody turned it back. {STOLEN}.",
            f"*Disable key: somebody turned it back.* {BY} The access key {KEY} of deploy-user is Active.",
            ONE_LEFT,
        ),
        (
            "still used",
            f"Disable key: applied, but still used. {STOLEN}.",
            (
                f"*Disable key: applied, but still used.* {BY} "
                "3 successful calls since, the last at 03:19:00 UTC: s3:GetObject."
            ),
            ONE_LEFT,
        ),
        (
            "unproven",
            f"Disable key: applied; quiet not proven within a day. {STOLEN}.",
            (
                "*Block new places: expired* 07:10 UTC, nothing was done.\n"
                f"*Disable key: applied; quiet not proven within a day.* {BY} "
                "Quiet so far; CloudTrail delivered nothing yet."
            ),
            MENU,
        ),
        (
            "left on",
            f"Block new places: left on. {STOLEN}.",
            f"*Block new places: left on.* {BY} “a test of ours”\n*Disable key: left on.* {BY} “a test of ours”",
            MENU,
        ),
        (
            "expected",
            f"Block new places: it was expected. {STOLEN}.",
            f"*Block new places: it was expected.* {BY} “moved to Curitiba”",
            [],
        ),
        (
            "expired",
            f"{STOLEN}.",
            (
                "*Block new places: expired* 07:10 UTC, nothing was done.\n"
                "*Disable key: expired* 07:10 UTC, nothing was done."
            ),
            ["It's expected…", "Ask again", *MENU],
        ),
        (
            "superseded",
            f"Disable key: approved, applying. {STOLEN}.",
            f"*Disable key: approved, applying.* {BY} “not hers, called her”",
            MENU,
        ),
        (
            "undo asked",
            f"Disable key: contained. {STOLEN}.",
            (
                f"*Disable key: contained 03:21 UTC.* {BY} "
                "Read back, and no successful call since; CloudTrail is complete to 03:41 UTC."
            ),
            ["Undo…", "≡ Leave it on…", *MENU],
        ),
        (
            "undone",
            f"Undo: done. {STOLEN}.",
            (
                f"*Disable key: undone.* {BY} Given back what was before.\n"
                "*Undo: done.* <@U0BO> 03:22:25 UTC. It was given back."
            ),
            MENU,
        ),
        (
            "theft, says a verdict",
            f"{STOLEN}, still active. Block new places?",
            "*It was theft,* says a verdict.",
            ASKED,
        ),
    ],
)
def test_each_state_says_who_when_and_what_comes_next(name: str, pushed: str, state: str, offered: list[str]) -> None:
    shown = card(KINDS[name])
    assert shown.text.replace(JOINER, "") == pushed
    assert block(shown, "state") == state
    assert buttons(shown) == offered


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("new", "What could be done is being worked out…"),
        ("no plan", "*No plan was made against it:* the run in Prefect says why. The thread has what was looked up."),
        ("no plan at this risk", "Nothing is proposed against it: plans are made from a risk of 60%."),
        (
            "never to be touched",
            (
                "Nothing is proposed against it: "
                "arn:aws:iam::111122223333:user/robots/deploy-user is on the never-list "
                "(arn:aws:iam::111122223333:user/robots/deploy-user)."
            ),
        ),
        (
            "nobody known",
            (
                "*Do by hand (2 people):* CloudTrail does not say who called: there is nobody to stop. Look at the "
                "incident's records in full: the address, the user agent, what was called; find out who it was."
            ),
        ),
        ("a cohort", ""),
    ],
)
def test_without_a_plan_the_card_says_why(name: str, plan: str) -> None:
    assert block(card(KINDS[name]), "plan") == plan


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("a role's session", ["End sessions…", "End all sessions…"]),
        ("an instance's role", ["End sessions…", "End all sessions…"]),
        ("an account that is not ours", ["End sessions…", "Lock the account out…"]),
        ("a member's root", ["Quarantine…", "Take root's credentials…"]),
        ("a user's sign-in", ["End sessions…", "Quarantine…"]),
    ],
)
def test_a_narrow_and_a_whole_plan_stand_side_by_side_the_narrow_one_first(name: str, offered: list[str]) -> None:
    assert buttons(card(KINDS[name]))[:2] == offered


def test_of_a_plan_that_grew_the_newest_has_the_button() -> None:
    newest = [each.asked.request.request_id for each in open_ones(KINDS["grown"])]
    assert newest == ["req_00000000000000000000000000000001", "req_00000000000000000000000000000004"]


def test_more_plans_than_buttons_are_in_the_menu() -> None:
    fence, disable = of_user()
    more = [replace(disable, playbook=name) for name in ("quarantine_principal", "revoke_sessions")]
    shown = card(a_told(None, *(asked(plan, number) for number, plan in enumerate((fence, disable, *more), 1))))
    assert buttons(shown) == [*ASKED[:3], "≡ End sessions…", "≡ Quarantine…", *ASKED[3:]]
    assert block(shown, "plan").splitlines()[-1] == "In the menu, too: end sessions, quarantine."


@pytest.mark.parametrize("name", ["open, the listener away", "open, no listener ever"])
def test_without_a_listener_the_card_says_above_the_buttons_how_to_decide(name: str) -> None:
    shown = card(KINDS[name])
    ids = [each["block_id"] for each in shown.blocks]
    assert ids.index("gone") + 1 == ids.index("decide")
    assert block(shown, "gone").splitlines() == [
        "*Buttons do not work now: the listener is away.* On the responder's host:",
        "Block new places: `prefect-cloudtrail decide req_00000000000000000000000000000001 approve`",
        "Disable key: `prefect-cloudtrail decide req_00000000000000000000000000000002 approve`",
    ]


def test_a_listener_that_was_there_a_minute_ago_is_there() -> None:
    told = KINDS["open"]
    assert block(card(replace(told, listener_at=told.now - MINUTE)), "gone") == ""


def test_why_two_people_must_approve_is_said() -> None:
    foot = block(card(KINDS["open, many contained"]), "foot")
    assert (
        "2 people must approve: 5 containments were approved within an hour: each further one takes two people." in foot
    )


def test_a_verdict_without_a_request_closes_the_card() -> None:
    shown = card(a_told(an_incident(status="expected")))
    assert shown.text.replace(JOINER, "") == f"It was expected. {STOLEN}."
    assert block(shown, "state") == "*It was expected,* says a verdict: the incident is closed."
    assert buttons(shown) == []


def test_a_key_that_was_last_used_long_ago_is_not_called_active() -> None:
    shown = card(a_told(now=TOLD_AT + 26 * MINUTE))
    assert shown.text.replace(JOINER, "") == f"{STOLEN}."
    assert block(shown, "what").endswith("Last call 03:05:41 UTC.")


def test_an_account_without_an_alias_is_its_number() -> None:
    incident = an_incident()
    shown = card(a_told(incident, context=a_context(incident, answers=()), rules=replace(RULES, critical_accounts=())))
    assert f"*Account*\n{ACCOUNT}\n*From*" in block(shown, "who")


@pytest.mark.parametrize("name", principals())
def test_the_decision_fits_a_phone_s_screen(name: str) -> None:
    shown = card(KINDS[name])
    assert len(block(shown, "head")) <= 85
    assert len(block(shown, "what")) <= 260
    assert len(block(shown, "plan")) <= 520
    assert len(buttons(shown)) <= 6


def test_the_same_incident_makes_the_same_card() -> None:
    told = KINDS["open"]
    assert card(told) == card(replace(told, now=told.now + MINUTE, listener_at=told.now + MINUTE))


def test_nobody_reads_a_whole_access_key_on_the_card_of_what_is_asked() -> None:
    assert "AKIAIOSFODNN7EXAMPLE" not in said(card(KINDS["open"]))
