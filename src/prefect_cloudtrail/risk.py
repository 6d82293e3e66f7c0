"""How likely an incident is a compromise: a prior, and the evidence for and against, in decibans.

    log-odds (dB) = prior + evidence;   risk = 1 / (1 + 10 ^ (-dB / 10))

A piece that does not hold counts 0. Of each group only the strongest piece counts, by absolute weight. Where no place
is new, where the calls came from is evidence of nothing.
"""

from prefect_cloudtrail.cases import Evidence, Severity
from prefect_cloudtrail.evidence import pieces
from prefect_cloudtrail.strand import Strand

PRIOR_NEW_PLACE = -17.0
PRIOR_USUAL_PLACE = -30.0
OF_PLACES = frozenset({"place", "organisation", "travel", "network"})
TOLD_FROM = 0.2
PROPOSED_FROM = 0.6
CRITICAL_FROM = 0.95

# Decibans, at most 8 a piece; the sign is each piece's own, fixed beforehand. Fitted together by bench/fit, near seven
# tenths of each piece's smoothed likelihood ratio; what people enter, and what generated organisations or their thieves
# lack, is set by hand.
WEIGHTS = {
    "new_country_for_principal": 1.5,
    "new_city_for_principal": 1.0,
    "far_from_usual": 1.0,
    "near_usual": -7.5,
    "usual_for_person": -3.5,
    "nobody_was_here": 6.5,
    "nobody_was_in_country": 4.5,
    "cohort_is_here": -8.0,
    "impossible_travel": 1.5,
    "out_and_back": 7.5,
    "hasty_visit": 7.5,
    "short_visit": 4.5,
    "same_temporary_key_elsewhere": 5.5,
    "settled_here": -8.0,
    "network_is_egress": -5.5,
    "hosting_network": 3.0,
    "instance_credentials_outside_aws": 7.0,
    "usual_network_owner": -8.0,
    "new_client_for_principal": 7.5,
    "new_client_for_organisation": 8.0,
    "rare_sensitive_commands": 8.0,
    "rare_commands": 5.0,
    "sensitive_commands": 5.0,
    "denied_in_a_row": 4.0,
    "other_rules": 3.0,
    "key_first_used_elsewhere": 4.5,
    "session_began_here": -8.0,
    "no_mfa": 3.0,
    "signed_in_with_mfa": -4.0,
    "new_colleague": -3.0,
    "slow_calls": 8.0,
    "unusual_hour": 1.0,
    "woke_up": 2.0,
    "steady_cadence": -3.0,
    "own_network": -8.0,
    "our_people_here": -6.0,
    "often_on_rented_networks": -6.5,
    "planned_work": -8.0,
    "travel_notice": -8.0,
    "expected_before": -6.0,
}


def probability(decibans: float) -> float:
    """Return the probability, 0 to 1, of log-odds in decibans."""
    return 1 / (1 + 10 ** (-decibans / 10))


def rate(strand: Strand) -> tuple[float, tuple[Evidence, ...]]:
    """Return the strand's risk, 0 to 1, and its evidence, the strongest first."""
    found = [
        (WEIGHTS[name], name, piece.GROUP, sentence)
        for name, piece in pieces().items()
        if (strand.new_place or piece.GROUP not in OF_PLACES) and (sentence := piece.explain(strand)) is not None
    ]
    found.sort(key=lambda piece: (-abs(piece[0]), piece[0] < 0, piece[1]))
    counted: set[str] = set()
    evidence = []
    for decibans, name, group, sentence in found:
        evidence.append(Evidence(name, group, decibans, sentence, counted=group not in counted))
        counted.add(group)
    prior = PRIOR_NEW_PLACE if strand.new_place else PRIOR_USUAL_PLACE
    decibans = prior + sum(piece.decibans for piece in evidence if piece.counted)
    evidence.sort(key=lambda piece: not piece.counted)
    return round(probability(decibans), 4), tuple(evidence)


def severity(risk: float) -> Severity:
    """Return how an incident of this risk is called."""
    if risk >= CRITICAL_FROM:
        return Severity.CRITICAL
    if risk >= PROPOSED_FROM:
        return Severity.HIGH
    return Severity.MEDIUM if risk >= TOLD_FROM else Severity.LOW
