"""Which way an incident goes by the table, and what is wrong with a table."""

from pathlib import Path

import pytest
from plan_cases import ACCOUNT, OTHER_ACCOUNT, USER, an_alert, an_incident

from prefect_cloudtrail.cases import Place
from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.routes import Route, chosen, read_routes

KYIV = (Place("Kyiv", "UA", 50.45, 30.52), Place(None, None, None, None))
INCIDENT = an_incident("iam_user", USER, risk=0.6, places=KYIV)


@pytest.mark.parametrize(
    ("columns", "takes"),
    [
        ({}, True),
        ({"risk": 0.6}, True),
        ({"risk": 0.61}, False),
        ({"kinds": ("root", "iam_user")}, True),
        ({"kinds": ("root",)}, False),
        ({"accounts": (ACCOUNT,)}, True),
        ({"accounts": (OTHER_ACCOUNT,)}, False),
        ({"places": ("Kyiv",)}, True),
        ({"places": ("UA",)}, True),
        ({"places": ("Lviv",)}, False),
        ({"risk": 0.5, "accounts": (ACCOUNT,), "places": ("Lviv",)}, False),
    ],
)
def test_a_route_takes_what_meets_all_its_columns(columns: dict[str, object], takes: bool) -> None:
    assert Route("disable_access_keys", **columns).takes(INCIDENT) is takes  # type: ignore[arg-type]


def test_the_account_of_any_alert_counts() -> None:
    incident = an_incident("iam_user", USER, alerts=(an_alert("iam:CreateUser", USER, OTHER_ACCOUNT),))
    assert Route("disable_access_keys", accounts=(OTHER_ACCOUNT,)).takes(incident)


def test_of_a_playbook_s_rows_one_suffices_and_a_playbook_without_any_is_left_to_itself() -> None:
    table = (Route("a", risk=0.9), Route("a", accounts=(ACCOUNT,)), Route("b", risk=0.9))
    assert [chosen(name, INCIDENT, table) for name in ("a", "b", "c")] == [True, False, None]


def test_a_table_is_read_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(
        '[[route]]\nplaybook = "notify_slack"\nrisk = 0.1\n\n'
        '[[route]]\nplaybook = "disable_access_keys"\nrisk = 1\nkinds = ["iam_user"]\naccounts = ["111122223333"]\n'
        'places = ["UA"]\n',
        encoding="utf-8",
    )
    assert read_routes(path) == (
        Route("notify_slack", 0.1),
        Route("disable_access_keys", 1.0, ("iam_user",), (ACCOUNT,), ("UA",)),
    )
    assert read_routes(None) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[route]\n", "cannot read the routes {path}: Expected ']]'"),
        ("rute = 1\n", "{path} holds more than routes: write each as [[route]] with playbook"),
        ("route = 1\n", "{path} holds more than routes: write each as [[route]] with playbook"),
        ("[[route]]\nrisk = 0.5\n", "{path}, route 1 names no playbook: write [[route]] with playbook"),
        ('[[route]]\nplaybook = "a"\nrisk = 60\n', "{path}, route 1: risk is 60; give a number from 0 to 1"),
        ('[[route]]\nplaybook = "a"\nrisk = true\n', "{path}, route 1: risk is True; give a number from 0 to 1"),
        ('[[route]]\nplaybook = "a"\nkind = "root"\n', "{path}, route 1: no such column 'kind': write [[route]]"),
        ('[[route]]\nplaybook = "a"\nkinds = "root"\n', "{path}, route 1: kinds is 'root'; give a list of texts"),
        ('[[route]]\nplaybook = "a"\naccounts = [1]\n', "{path}, route 1: accounts is [1]; give a list of texts"),
        (
            '[[route]]\nplaybook = "a"\nkinds = ["user"]\n',
            "{path}, route 1: no such kind 'user'; there are anonymous, ",
        ),
    ],
)
def test_a_table_that_does_not_fit_says_which_row(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as found:
        read_routes(path)
    assert str(found.value).startswith(said.format(path=path))


def test_a_table_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the routes"):
        read_routes(tmp_path / "none.toml")


def test_the_table_of_the_docs_is_one_that_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "playbooks.md").read_text(encoding="utf-8")
    path = tmp_path / "routes.toml"
    path.write_text(page.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    assert read_routes(path) == (
        Route("notify_slack", 0.05, accounts=(ACCOUNT,)),
        Route("notify_slack", 0.2, ("iam_user", "root"), places=("Kyiv", "UA")),
    )
