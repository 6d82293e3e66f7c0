"""The app asks for the rights that the code needs, and for no other."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk import WebClient

from prefect_cloudtrail.doctor.slack import SCOPES
from prefect_cloudtrail.slack.requests import PATH

ROOT = Path(__file__).parents[2]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text(encoding="utf-8"))
CORE = ROOT / "src" / "prefect_cloudtrail"
# What Slack's pages say each method needs: any kind of conversation that we use it on.
NEEDS = {
    "apps_connections_open": set[str](),  # the app-level token's own scope, connections:write
    "auth_test": set[str](),
    "chat_getPermalink": set[str](),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history", "im:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_open": {"im:write"},
    "conversations_replies": {"channels:history", "groups:history"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "views_open": set[str](),
    "views_update": set[str](),
}


def called() -> Iterator[str]:
    """Yield each method of the Web API that our code names."""
    for file in [*(CORE / "slack").glob("*.py"), CORE / "doctor" / "slack.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and "_" in node.attr.strip("_") and hasattr(WebClient, node.attr):
                yield node.attr


def test_the_app_asks_for_the_scopes_that_doctor_looks_for() -> None:
    assert MANIFEST["oauth_config"]["scopes"] == {"bot": list(SCOPES)}


@pytest.mark.parametrize("method", sorted(set(called())))
def test_a_method_that_the_code_calls_is_covered(method: str) -> None:
    assert NEEDS[method] <= set(SCOPES)


def test_no_scope_is_asked_for_that_no_call_needs() -> None:
    assert {"chat_postMessage", "conversations_info", "users_info"} <= set(called())
    assert set().union(*(NEEDS[method] for method in called())) == set(SCOPES)


def test_buttons_are_heard_over_sockets_and_the_token_stays_as_it_is() -> None:
    settings = MANIFEST["settings"]
    assert settings["interactivity"] == {"is_enabled": True}
    assert settings["socket_mode_enabled"] is True
    assert settings["token_rotation_enabled"] is False
    assert settings["org_deploy_enabled"] is False
    assert MANIFEST["features"].keys() == {"bot_user"}


def test_over_http_what_is_commented_out_is_whole() -> None:
    text = (ROOT / "deploy" / "slack-manifest.yaml").read_text(encoding="utf-8")
    over_http = yaml.safe_load(text.replace("# request_url:", "request_url:"))
    assert over_http["settings"]["interactivity"] == {
        "is_enabled": True,
        "request_url": f"https://cloudtrail.example.com{PATH}",
    }
