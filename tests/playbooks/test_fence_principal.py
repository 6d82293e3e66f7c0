"""When it proposes; what is asked is tried in tests/tasks/test_plans.py, and the plans in tests/response/plans."""

import pytest
from plan_cases import USER, an_incident

from prefect_cloudtrail import playbooks
from prefect_cloudtrail.playbooks.fence_principal import PLAYBOOK, fence_principal
from prefect_cloudtrail.settings import settings


@pytest.mark.parametrize("kind", ["iam_user"])
@pytest.mark.parametrize(("risk", "tell_from", "proposed"), [(0.6, 0.2, True), (0.59, 0.2, False), (0.7, 0.8, False)])
def test_it_proposes_from_60_percent_what_is_told(kind: str, risk: float, tell_from: float, proposed: bool) -> None:
    incident = an_incident(kind, USER, risk=risk)
    assert (PLAYBOOK in playbooks.routed(incident, settings(tell_from=tell_from))) is proposed


@pytest.mark.parametrize("kind", ["root", "role_session", "sso_user", "aws_service", "cohort"])
def test_it_is_no_answer_to_others(kind: str) -> None:
    assert PLAYBOOK not in playbooks.routed(an_incident(kind, USER, risk=1.0), settings())


def test_it_is_found_by_its_folder_and_waits_for_a_responder() -> None:
    assert PLAYBOOK in playbooks.playbooks()
    assert (PLAYBOOK.name, PLAYBOOK.needs_approval) == ("fence_principal", True)
    assert PLAYBOOK.run is fence_principal
    assert fence_principal.name == PLAYBOOK.name
