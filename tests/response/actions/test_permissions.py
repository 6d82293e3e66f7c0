"""The permissions that an action declares are those that its calls need, by its source; the IAM files say the same."""

import ast
import json
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from response.policy_evaluator import Call, allows

from prefect_cloudtrail.response import policies
from prefect_cloudtrail.response.actions import actions

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "src" / "prefect_cloudtrail" / "response" / "actions"
# What a client must be called, so that its calls can be found; `root_iam` acts by the permissions of its task.
CLIENTS = {
    "ec2": "ec2",
    "iam": "iam",
    "identitystore": "identitystore",
    "organizations": "organizations",
    "sso_admin": "sso-admin",
    "sts": "sts",
}
TYPES = {
    "EC2Client": {"ec2"},
    "IAMClient": {"iam", "root_iam"},
    "IdentityStoreClient": {"identitystore"},
    "OrganizationsClient": {"organizations"},
    "SSOAdminClient": {"sso_admin"},
    "STSClient": {"sts"},
}
# What AWS asks for beside the call's own: service authorization reference, "Dependent actions".
DEPENDENT = {"ec2:ReplaceIamInstanceProfileAssociation": {"iam:PassRole"}}
# Of what they share with others, these call what is about roles only: the standard suite sees each of their calls.
OF_ROLES = {"revoke_sessions"}
OFFERED = ("check", "apply", "verify", "undo")


@cache
def functions() -> dict[tuple[str, str], ast.FunctionDef]:
    """Return every function of the folder, by its file and name; nested ones are part of theirs."""
    found = {}
    for file in FOLDER.glob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found[file.stem, node.name] = node
    return found


@cache
def imported(stem: str) -> dict[str, str]:
    """Return the names that a file takes from the others of its folder, with whose they are."""
    tree = ast.parse((FOLDER / f"{stem}.py").read_text(encoding="utf-8"))
    prefix = "prefect_cloudtrail.response.actions._"
    return {
        alias.name: (node.module or "").rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix)
        for alias in node.names
    }


@cache
def operation(client: str, method: str) -> str:
    """Return the IAM action of a method of a client."""
    model = botocore.session.get_session().get_service_model(CLIENTS[client])
    (name,) = [each for each in model.operation_names if xform_name(each) == method]
    return f"{model.signing_name}:{name}"


def needed(stem: str, name: str, seen: set[tuple[str, str]]) -> set[str]:
    """Return the IAM actions of all calls that the function leads to."""
    if (stem, name) in seen or (stem, name) not in functions():
        return set()
    seen.add((stem, name))
    found: set[str] = set()
    for node in ast.walk(functions()[stem, name]):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            client, method = node.func.value.id, node.func.attr
            if client in CLIENTS:
                if method == "get_paginator":
                    method = ast.literal_eval(node.args[0])
                found.add(operation(client, method))
        elif isinstance(node.func, ast.Name):
            by_root = any(isinstance(each, ast.Name) and each.id == "root_iam" for each in node.args)
            if not by_root:
                found |= needed(imported(stem).get(node.func.id, stem), node.func.id, seen)
    return found


@pytest.mark.parametrize("name", sorted(actions()))
def test_an_action_declares_what_its_calls_need_and_no_more(name: str) -> None:
    calls = {each for offered in OFFERED for each in needed(name, offered, set())}
    if name in OF_ROLES:
        calls = {each for each in calls if "User" not in each}
    wanted = calls | {each for call in calls for each in DEPENDENT.get(call, ())}
    assert actions()[name].ACTION.permissions == tuple(sorted(wanted))


def test_every_client_has_the_name_by_which_its_calls_are_found() -> None:
    wrong = []
    for (stem, name), function in functions().items():
        for node in ast.walk(function):
            if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
                target = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
                kind = ast.unparse(node.annotation).strip("'\"")
                wrong += [(stem, name, target)] if target not in TYPES.get(kind, {target}) else []
            # A client that is given no type, or called where it is made, would not be found.
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"aws.client", "_root"}:
                wrong += [(stem, name, ast.unparse(node))] if _is_called_at_once(function, node) else []
    assert wrong == []


def _is_called_at_once(function: ast.FunctionDef, made: ast.Call) -> bool:
    return any(isinstance(node, ast.Attribute) and node.value is made for node in ast.walk(function))


def test_the_policy_files_say_what_the_code_declares() -> None:
    folder = ROOT / "deploy" / "iam"
    for name, text in policies.files().items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"just policies renews {name}"


def test_the_files_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    policies.main(str(tmp_path))
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == policies.files()


def test_the_responders_policy_fits_into_one_managed_policy() -> None:
    assert len(json.dumps(policies.responder(), separators=(",", ":"))) <= 6_144


def test_a_policy_allows_what_it_is_given_and_that_only() -> None:
    made = policies.policy(["sts:GetCallerIdentity", "ec2:DescribeAddresses", "sts:GetCallerIdentity"])
    assert made == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["ec2:DescribeAddresses", "sts:GetCallerIdentity"], "Resource": ["*"]},
        ],
    }


USER, ROLE = "arn:aws:iam::111122223333:user/deploy-user", "arn:aws:iam::111122223333:role/orders"
BREAK_GLASS_USER = "arn:aws:iam::111122223333:user/break-glass/first"
OWN_ROLE = "arn:aws:iam::111122223333:role/prefect-cloudtrail-responder"
SCP = "arn:aws:organizations::123456789012:policy/o-abcdefghij/service_control_policy/p-abcdefgh"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        (Call("iam:UpdateAccessKey", USER), True),
        (Call("iam:UpdateAccessKey", BREAK_GLASS_USER), False),
        (Call("iam:GetUser", BREAK_GLASS_USER), True),
        (Call("iam:PutUserPolicy", BREAK_GLASS_USER), False),
        (Call("iam:PutRolePolicy", ROLE), True),
        (Call("iam:PutRolePolicy", OWN_ROLE), False),
        (Call("iam:UpdateAssumeRolePolicy", OWN_ROLE), False),
        (Call("iam:UpdateAssumeRolePolicy", "arn:aws:iam::111122223333:role/break-glass/first"), False),
        (Call("iam:AttachUserPolicy", USER, {"iam:PolicyARN": DENY_ALL}), True),
        (Call("iam:AttachUserPolicy", USER, {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}), False),
        (Call("iam:DetachRolePolicy", ROLE, {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}), False),
        (Call("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}), True),
        (Call("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}), False),
        (Call("iam:CreateAccessKey", USER), False),
        (Call("iam:DeleteUser", USER), False),
        (Call("organizations:AttachPolicy", SCP), True),
        (Call("organizations:LeaveOrganization", "*"), False),
        (
            Call(
                "sts:AssumeRoot",
                "arn:aws:iam::111122223333:root",
                {"sts:TaskPolicyArn": "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"},
            ),
            True,
        ),
        (
            Call(
                "sts:AssumeRoot",
                "arn:aws:iam::111122223333:root",
                {"sts:TaskPolicyArn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
            ),
            False,
        ),
    ],
)
def test_the_responder_may_do_its_work_and_no_other(call: Call, allowed: bool) -> None:
    assert allows([policies.responder()], call) is allowed
