import pytest
from frames import strand

from prefect_cloudtrail.evidence import new_colleague


@pytest.mark.parametrize(("known_days", "peers", "holds"), [(14, 3, True), (15, 3, False), (14, 2, False)])
def test_somebody_new_among_peers_speaks_against(known_days: int, peers: int, holds: bool) -> None:
    said = new_colleague.explain(strand(known_days=known_days, peers_here=peers))
    assert said == ("First seen 14 days ago; 3 of its peers are in Kyiv, too." if holds else None)
