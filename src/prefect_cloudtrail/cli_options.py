"""What several commands of the command line share; imports as little as they do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., object] | click.Command")


class Moment(click.ParamType[datetime]):
    """ISO 8601; UTC where it names no offset."""

    name = "T"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        """Return the moment, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not ISO 8601, such as 2026-03-20T00:00:00Z", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def state_options(command: Command) -> Command:
    """Return the command with the options that name a state, and `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print rows for machines on standard output."),
        click.option("--endpoint-url", metavar="URL", help="Where AWS answers, if it is not AWS."),
        click.option(
            "--database", metavar="URL", help="Case store, postgresql://...; SQLite in the state folder by default."
        ),
        click.option(
            "--state", metavar="DIR", help="State folder, or s3://bucket/prefix.  [default: ~/.prefect-cloudtrail]"
        ),
    ):
        command = option(command)
    return command
