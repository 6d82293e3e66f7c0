import pytest
from frames import a_call, strand

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.risk import PRIOR_NEW_PLACE, WEIGHTS, probability, rate, severity


@pytest.mark.parametrize(("decibans", "expected"), [(0, 0.5), (10, 10 / 11), (-10, 1 / 11), (-17, 0.0196)])
def test_decibans_are_log_odds(decibans: float, expected: float) -> None:
    assert probability(decibans) == pytest.approx(expected, abs=1e-4)


def test_of_each_group_only_the_strongest_piece_counts() -> None:
    _, evidence = rate(strand(a_call(), elsewhere=[a_call("Berlin", -10), a_call("Berlin", 20)]))
    travel = [piece for piece in evidence if piece.group == "travel"]
    assert len(travel) > 1
    assert [piece.counted for piece in travel] == [True] + [False] * (len(travel) - 1)
    assert abs(travel[0].decibans) == max(abs(piece.decibans) for piece in travel)


def test_risk_is_the_prior_and_what_counts() -> None:
    risk, evidence = rate(strand())
    counted = sum(piece.decibans for piece in evidence if piece.counted)
    assert risk == pytest.approx(probability(PRIOR_NEW_PLACE + counted), abs=1e-4)


def test_what_an_intruder_chooses_freely_never_lowers_risk() -> None:
    """The victim's own commands and client are no evidence against."""
    own = rate(strand())[0]
    foreign = rate(strand(a_call(command="iam:CreateUser", agent="rclone")))[0]
    assert own <= foreign
    assert not [name for name, weight in WEIGHTS.items() if weight < 0 and ("command" in name or "client" in name)]


@pytest.mark.parametrize(
    ("risk", "expected"),
    [(0.19, Severity.LOW), (0.2, Severity.MEDIUM), (0.6, Severity.HIGH), (0.95, Severity.CRITICAL)],
)
def test_severity_follows_risk(risk: float, expected: Severity) -> None:
    assert severity(risk) == expected
