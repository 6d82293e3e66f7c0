import pytest

from prefect_cloudtrail.text import REDACTED, markdown, plain, redacted


@pytest.mark.parametrize("hostile", ["a\x1b[31mb", "a\nb", "a\u202eb", "a\u200bb", "a\x00b", "a\ud800b", "a\u2028b"])
def test_nothing_that_redraws_or_hides_is_shown(hostile: str) -> None:
    assert set(plain(hostile)) <= set("ab[31m�")


def test_long_text_is_cut() -> None:
    assert plain("x" * 3000, 10) == "xxxxxxxxx…"


def test_markdown_shows_letters_and_no_markup() -> None:
    shown = markdown("[click](https://x.example) <b> `code` | *bold* @here")
    assert shown == "\\[click\\]\\(https://x\\.example\\) \\<b\\> \\`code\\` \\| \\*bold\\* &#64;here"


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"password": "hunter2"}, {"password": REDACTED}),
        (
            {"masterUserPassword": "x", "passwordResetRequired": True},
            {"masterUserPassword": REDACTED, "passwordResetRequired": True},
        ),
        (
            {"credentials": {"accessKeyId": "ASIA1", "sessionToken": "t"}},
            {"credentials": {"accessKeyId": "ASIA1", "sessionToken": REDACTED}},
        ),
        ({"secretId": "prod/db", "secretString": "s"}, {"secretId": "prod/db", "secretString": REDACTED}),
        ({"user_data": {"value": "#!/bin/sh"}}, {"user_data": REDACTED}),
        ({"commands": ["mysql --password=abc -u root"]}, {"commands": [f"mysql --password={REDACTED} -u root"]}),
        ({"x": '{"apiKey": "abc"}'}, {"x": f'{{"apiKey": "{REDACTED}"}}'}),
        ({"x": "https://u:pw@example.org/"}, {"x": f"https://u:{REDACTED}@example.org/"}),
        ({"x": "-----BEGIN RSA PRIVATE KEY-----\nabc"}, {"x": REDACTED}),
        ({"x": "\ud800"}, {"x": "?"}),
        ({"x": None, "n": 1.5}, {"x": None, "n": 1.5}),
        ([["a"]], [["a"]]),
    ],
)
def test_a_record_is_left_without_its_secrets(value: object, left: object) -> None:
    assert redacted(value) == left


def test_policies_long_texts_and_long_lists_are_cut() -> None:
    cut = redacted({"policyDocument": {"Statement": ["x" * 400]}, "note": "y" * 600, "items": list(range(200))})
    assert (len(cut["policyDocument"]), len(cut["note"]), len(cut["items"])) == (300, 500, 100)
    assert cut["policyDocument"].startswith('{"Statement": ["xxx')


def test_what_is_nested_deeper_than_anybody_reads_becomes_text() -> None:
    deep: object = "end"
    for _ in range(30):
        deep = {"a": deep}
    assert len(str(redacted(deep))) < 400
