from frames import a_call, strand

from prefect_cloudtrail.evidence import session_began_here

HERE = a_call(access_key_id="ASIAEXAMPLE1")


def test_a_portal_session_of_here_alone_speaks_against() -> None:
    signed_in = strand(HERE, elsewhere=[a_call("Berlin", -600, access_key_id="ASIAEXAMPLE2")], kind="sso_user")
    assert (
        session_began_here.explain(signed_in) == "Its Identity Center sessions began here, and are used nowhere else."
    )


def test_a_session_of_elsewhere_is_silent() -> None:
    taken = strand(HERE, elsewhere=[a_call("Berlin", -600, access_key_id="ASIAEXAMPLE1")], kind="sso_user")
    assert session_began_here.explain(taken) is None


def test_one_session_of_elsewhere_among_others_is_silent() -> None:
    other = a_call(minutes=1, access_key_id="ASIAEXAMPLE2")
    taken = strand(HERE, other, elsewhere=[a_call("Berlin", 600, access_key_id="ASIAEXAMPLE2")], kind="sso_user")
    assert session_began_here.explain(taken) is None


def test_a_role_that_anybody_with_a_key_can_assume_is_silent() -> None:
    assert session_began_here.explain(strand(HERE, kind="role_session")) is None


def test_a_lasting_key_is_silent() -> None:
    assert session_began_here.explain(strand(kind="sso_user")) is None
