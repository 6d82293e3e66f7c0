"""What IAM would say of a call under some policies: the part of its language that ours are written in.

After AWS, IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators". A key or an
operator that is not known here raises: nothing is taken for allowed or denied because it was not understood.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

KNOWN = {"Effect", "Action", "Resource", "Condition", "Sid", "Principal"}


@dataclass(frozen=True)
class Call:
    """A call: what, on what, and what IAM knows beside it; a key that is not in the context is not there."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


def allows(policies: Iterable[Mapping[str, Any]], call: Call) -> bool:
    """Return whether some statement allows the call and none denies it."""
    met = [each["Effect"] for policy in policies for each in _list(policy["Statement"]) if meets(each, call)]
    return "Allow" in met and "Deny" not in met


def denies(policy: Mapping[str, Any], call: Call) -> bool:
    """Return whether a statement denies the call."""
    return any(each["Effect"] == "Deny" and meets(each, call) for each in _list(policy["Statement"]))


def meets(statement: Mapping[str, Any], call: Call) -> bool:
    """Return whether the statement is about the call."""
    assert set(statement) <= KNOWN, statement
    return (
        any(_like(call.action, pattern, ignore_case=True) for pattern in _list(statement["Action"]))
        # A trust policy has no resource: it is its role's.
        and any(_like(call.resource, pattern) for pattern in _list(statement.get("Resource", "*")))
        and all(
            _condition(operator, key, _list(values), call.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _condition(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    # Keys are compared without their case.
    there = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if operator == "Null":
        return (there is None) == (values == ["true"])
    if operator.endswith("IfExists"):
        if there is None:
            return True
        operator = operator.removesuffix("IfExists")
    negated = operator in NEGATED
    if there is None:
        return negated
    found = any(OPERATORS[NEGATED.get(operator, operator)](there, value) for value in values)
    return found != negated


def _in_network(there: str, value: str) -> bool:
    address, network = ip_address(there), ip_network(value)
    return address.version == network.version and address in network


def _like(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, flags=re.IGNORECASE if ignore_case else 0) is not None


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda there, value: there == value,
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda there, value: there.lower() == value.lower(),
    "IpAddress": _in_network,
    "DateLessThan": lambda there, value: datetime.fromisoformat(there) < datetime.fromisoformat(value),
}
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "NotIpAddress": "IpAddress"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
