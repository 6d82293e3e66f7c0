from frames import a_call, strand

from prefect_cloudtrail.evidence import rare_sensitive_commands

KEY = a_call(command="iam:CreateAccessKey")


def test_what_an_intruder_does_and_no_peer_speaks_for() -> None:
    assert rare_sensitive_commands.explain(strand(KEY)) == (
        "TA0003 Persistence: iam:CreateAccessKey, new for it, and used by at most a tenth of its peers."
    )


def test_what_peers_do_is_silent() -> None:
    assert rare_sensitive_commands.explain(strand(KEY, peers_using=(("iam:CreateAccessKey", 0.2),))) is None


def test_one_command_that_is_rare_and_another_that_is_sensitive_are_silent() -> None:
    both = strand(KEY, a_call(command="mq:ListBrokers"), peers_using=(("iam:CreateAccessKey", 0.2),))
    assert rare_sensitive_commands.explain(both) is None


def test_what_it_always_did_is_silent() -> None:
    assert rare_sensitive_commands.explain(strand(KEY, commands=frozenset({"iam:CreateAccessKey"}))) is None
