"""The actions, one reversible change in AWS a file; a new file here is found by itself.

Each holds ACTION, its declaration, and four functions: `check` reads and changes nothing, `apply` changes, `verify`
reads back, `undo` gives back what was. Each is safe to call twice; none builds a client.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain


class Aws(Protocol):
    """Clients for every account, with the plane's own role."""

    def client(self, service: str, account_id: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's own
        """Return a boto3 client of the service in the account; the same one when it is asked for again."""
        ...


@dataclass(frozen=True)
class Action:
    """An action's declaration.

    Attributes:
        name: its file's.
        does: what it does, in a few words, for docs and plans.
        permissions: every IAM action that its functions need, such as `iam:UpdateAccessKey`.
        source: where the way is described: AWS's own page, by its title.
        approvers: how many people must allow it, at least.
        reversible: whether `undo` gives back what was; where not, the plan must say so.
    """

    name: str
    does: str
    permissions: tuple[str, ...]
    source: str
    approvers: int = 1
    reversible: bool = True


@dataclass(frozen=True)
class Check:
    """What a step finds before anything is changed.

    Attributes:
        before: everything that undo needs, as JSON: the snapshot.
        does: what would be done, in a sentence.
        breaks: who else is hurt, sentences.
        survives: what goes on all the same, sentences.
        stops_service: whether something in use within a day would stop.
        arn: what AWS itself calls whom it changes, with its path; None where the step names no IAM user or role.
    """

    before: Mapping[str, Any]
    does: str
    breaks: tuple[str, ...] = ()
    survives: tuple[str, ...] = ()
    stops_service: bool = False
    arn: str | None = None


@dataclass(frozen=True)
class Reading:
    """What is there after a change: whether it is as it should be, as JSON and in a sentence."""

    holds: bool
    after: Mapping[str, Any]
    said: str


class ActionFile(Protocol):
    """What a module in this folder offers.

    All raise TargetGoneError where what the step names is there no more, and ActionError where AWS refuses.
    """

    ACTION: Action

    def check(self, aws: Aws, step: Step) -> Check:
        """Return what would happen, with the snapshot; changes nothing."""
        ...

    def apply(self, aws: Aws, receipt: Receipt) -> None:
        """Make the change that `receipt.step` names, whose snapshot is `receipt.before`; again, it changes nothing."""
        ...

    def verify(self, aws: Aws, receipt: Receipt) -> Reading:
        """Return what is there now."""
        ...

    def undo(self, aws: Aws, receipt: Receipt) -> Reading:
        """Give back what was, of our own change only, and return what is there now; again, it changes nothing.

        Raises:
            ChangedSinceError: somebody changed it meanwhile, so what was is not what they want; nothing was changed.
        """
        ...


@cache
def actions() -> Mapping[str, ActionFile]:
    """Return every action in this folder, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: cast("ActionFile", importlib.import_module(f"{__name__}.{name}")) for name in names}


def named(name: str) -> ActionFile:
    """Return the action of a name.

    Raises:
        ActionError: there is none.
    """
    try:
        return actions()[name]
    except KeyError:
        raise ActionError(f"there is no action {plain(name)} in this version: update the responder") from None


def checked(aws: Aws, step: Step) -> Check:
    """Return what a step finds before anything is changed.

    Raises:
        ActionError: there is no such action, the step lacks what it needs, or AWS refuses.
    """
    action = named(step.action)
    try:
        return action.check(aws, step)
    except KeyError as error:
        raise ActionError(f"cannot take {step.action}: its step lacks {error}; propose it again") from error
