"""When it runs, and after whom; what it gathers is tried in tests/context and tests/tasks."""

import pytest
from asking import an_incident

from prefect_cloudtrail import playbooks
from prefect_cloudtrail.playbooks.gather_context import PLAYBOOK, gather_context
from prefect_cloudtrail.playbooks.notify_slack import PLAYBOOK as TELLS
from prefect_cloudtrail.settings import settings


@pytest.mark.parametrize(("risk", "is_asked"), [(0.1999, False), (0.2, True)])
def test_the_guide_is_answered_for_every_incident_that_is_told(risk: float, is_asked: bool) -> None:
    assert (PLAYBOOK in playbooks.routed(an_incident(risk=risk), settings())) == is_asked


def test_people_are_told_before_the_guide_is_answered() -> None:
    chosen = playbooks.routed(an_incident(risk=0.9), settings())
    assert chosen.index(TELLS) < chosen.index(PLAYBOOK)


def test_it_is_found_by_its_folder_and_needs_nobodys_word() -> None:
    assert PLAYBOOK in playbooks.playbooks()
    assert (PLAYBOOK.name, PLAYBOOK.needs_approval, PLAYBOOK.run) == ("gather_context", False, gather_context)
    assert gather_context.name == PLAYBOOK.name
