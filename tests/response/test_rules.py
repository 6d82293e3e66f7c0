"""The responder's file: read strictly, and only where nobody else may write to it."""

from datetime import timedelta
from pathlib import Path

import pytest

from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.response.rules import Rules, read_rules

WHOLE = """
approvers = ["slack:U012ABCDEF", "slack-group:S012ABCDEF", "system:maria"]
never = ["arn:aws:iam::*:role/break-glass*"]
management_account = "111122223333"
containments_an_hour = 2
dry_run = false
expires_after_hours = 1.5
responder_role = "cloudtrail-responder"
external_id = "example"
critical_accounts = ["444455556666"]

[owners]
"arn:aws:iam::444455556666:user/ana" = "slack:U0ANA"
"""


def a_file(tmp_path: Path, text: str, mode: int = 0o644) -> Path:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_every_key_is_read(tmp_path: Path) -> None:
    assert read_rules(a_file(tmp_path, WHOLE)) == Rules(
        approvers=("slack:U012ABCDEF", "slack-group:S012ABCDEF", "system:maria"),
        never=("arn:aws:iam::*:role/break-glass*",),
        management_account="111122223333",
        containments_an_hour=2,
        dry_run=False,
        expires_after=timedelta(hours=1.5),
        responder_role="cloudtrail-responder",
        external_id="example",
        owners={"arn:aws:iam::444455556666:user/ana": "slack:U0ANA"},
        critical_accounts=("444455556666",),
    )


def test_without_a_file_nobody_may_and_nothing_changes(tmp_path: Path) -> None:
    assert read_rules(None) == read_rules(a_file(tmp_path, "")) == Rules()
    assert (Rules().approvers, Rules().dry_run) == ((), True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("aprovers = []", "do not fit: Object contains unknown field `aprovers`"),
        ("dry_run = 0", "do not fit: Expected `bool`, got `int` - at `$.dry_run`"),
        ("containments_an_hour = true", "do not fit: Expected `int`, got `bool` - at `$.containments_an_hour`"),
        ("containments_an_hour = -1", "do not fit: Expected `int` >= 0 - at `$.containments_an_hour`"),
        ('approvers = "slack:U1"', "do not fit: Expected `array`, got `str` - at `$.approvers`"),
        (
            'approvers = ["maria"]',
            "do not fit: approver 'maria' is none of slack:U..., slack-group:S..., system:NAME",
        ),
        ('owners = {ana = "ana"}', "do not fit: the owner of 'ana' is no slack:U... or system:NAME"),
        ('never = ["break-glass"]', "do not fit: Expected `str` matching regex '^arn:[^\\\\s]+$' - at `$.never[0]`"),
        ("dry_run =", "are not TOML: Invalid value (at end of document)"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = a_file(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        read_rules(file)
    assert str(refused.value) == f"the rules {file} {said}"


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    file = a_file(tmp_path, WHOLE, mode)
    with pytest.raises(SettingsError) as refused:
        read_rules(file)
    assert str(refused.value) == f"the rules {file} can be written to by others: chmod go-w {file}"


def test_a_file_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: No such file or directory"):
        read_rules(tmp_path / "none.toml")
