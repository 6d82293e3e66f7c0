import pytest

from prefect_cloudtrail.text import markdown, plain


@pytest.mark.parametrize("hostile", ["a\x1b[31mb", "a\nb", "a\u202eb", "a\u200bb", "a\x00b", "a\ud800b", "a\u2028b"])
def test_nothing_that_redraws_or_hides_is_shown(hostile: str) -> None:
    assert set(plain(hostile)) <= set("ab[31m�")


def test_long_text_is_cut() -> None:
    assert plain("x" * 3000, 10) == "xxxxxxxxx…"


def test_markdown_shows_letters_and_no_markup() -> None:
    shown = markdown("[click](https://x.example) <b> `code` | *bold* @here")
    assert shown == "\\[click\\]\\(https://x\\.example\\) \\<b\\> \\`code\\` \\| \\*bold\\* &#64;here"
