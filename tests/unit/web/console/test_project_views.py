from datetime import timedelta

from dormouse.control.model import EndpointState
from dormouse.web.console.project_views import deleted_project, project_card
from fix_values import NOW, branch, endpoint, project


def test_a_card_counts_what_belongs_to_a_project() -> None:
    awake = endpoint("b", current_state=EndpointState.ACTIVE)
    card = project_card(project(), [branch("main"), branch("a", "main")], [endpoint(), awake])

    assert (card.name, card.pg_version) == ("shop", 18)
    assert (card.branches, card.state.word) == (2, "ready")


def test_a_deleted_one_says_until_when_it_can_be_recovered() -> None:
    gone = deleted_project(project(deleted_at=NOW))

    assert (gone.deleted_at, gone.recoverable_until) == (NOW, NOW + timedelta(days=7))
