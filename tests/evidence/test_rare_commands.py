from frames import a_call, strand

from prefect_cloudtrail.evidence import rare_commands


def test_new_commands_that_hardly_any_peer_uses_speak_for() -> None:
    new = strand(a_call(command="iam:CreateUser"), peers_using=(("iam:CreateUser", 0.1),))
    assert rare_commands.explain(new) == "New for it, and used by at most a tenth of its peers: iam:CreateUser."


def test_commands_that_peers_use_are_silent() -> None:
    new = strand(a_call(command="iam:CreateUser"), peers_using=(("iam:CreateUser", 0.11),))
    assert rare_commands.explain(new) is None


def test_its_own_commands_are_silent() -> None:
    assert rare_commands.explain(strand()) is None
