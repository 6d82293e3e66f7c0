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


# Of a session that was used in Berlin and over the exit in Munich at once, a day before.
EXIT = frozenset({"50.0.3.0/24"})
SPLIT = [a_call("Berlin", -1440, access_key_id="ASIAEXAMPLE2"), a_call("Munich", -1438, access_key_id="ASIAEXAMPLE2")]


def test_a_session_that_began_over_the_persons_split_tunnel_is_silent() -> None:
    over_it = [*SPLIT, a_call("Munich", -40, access_key_id=KEY)]
    travelling = strand(a_call(access_key_id=KEY), elsewhere=over_it, egress=EXIT)
    assert key_first_used_elsewhere.explain(travelling) is None


def test_who_splits_their_calls_is_stolen_from_at_home() -> None:
    at_home = [*SPLIT, a_call("Munich", -40, access_key_id=KEY), a_call("Berlin", -30, access_key_id=KEY)]
    assert key_first_used_elsewhere.explain(strand(a_call(access_key_id=KEY), elsewhere=at_home, egress=EXIT))


def test_who_works_over_the_exit_alone_is_stolen_from_there() -> None:
    alone = [a_call("Munich", -1438, access_key_id="ASIAEXAMPLE2"), a_call("Munich", -40, access_key_id=KEY)]
    assert key_first_used_elsewhere.explain(strand(a_call(access_key_id=KEY), elsewhere=alone, egress=EXIT))
