from frames import a_call, strand

from prefect_cloudtrail.evidence import key_first_used_elsewhere

KEY = "ASIAEXAMPLE1"


def test_a_session_that_began_at_home_speaks_for() -> None:
    taken = strand(a_call(access_key_id=KEY), elsewhere=[a_call("Berlin", -40, access_key_id=KEY)])
    assert key_first_used_elsewhere.explain(taken) == "The temporary key …PLE1 was first used in Berlin, 1,205 km away."


def test_a_shared_exit_is_elsewhere_too() -> None:
    home = [a_call("Berlin", -40, access_key_id=KEY)]
    taken = strand(a_call(access_key_id=KEY), elsewhere=home, egress=frozenset({"50.0.1.0/24"}))
    assert key_first_used_elsewhere.explain(taken)


def test_a_session_that_went_home_is_silent() -> None:
    back = strand(a_call(access_key_id=KEY), elsewhere=[a_call("Berlin", 40, access_key_id=KEY)])
    assert key_first_used_elsewhere.explain(back) is None


def test_a_session_that_began_near_by_is_silent() -> None:
    near = strand(a_call("Berlin", access_key_id=KEY), elsewhere=[a_call("Potsdam", -40, access_key_id=KEY)])
    assert key_first_used_elsewhere.explain(near) is None


def test_a_lasting_key_travels_with_its_owner() -> None:
    assert key_first_used_elsewhere.explain(strand(elsewhere=[a_call("Berlin", -40)])) is None
