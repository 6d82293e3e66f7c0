"""The commands that keep a state: backup, restore. Imports are inside, as in cli.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prefect_cloudtrail.cli_options import state_options

if TYPE_CHECKING:
    from prefect_cloudtrail.store import Backup


@click.command()
@state_options
@click.argument("folder", type=click.Path(path_type=Path))
def backup(as_json: bool, folder: Path, **given: str | None) -> None:
    r"""Copy the whole state, case store and files, to a new folder, while runs go on.

    \b
    Example:
      prefect-cloudtrail backup ./backup-2026-11-24 --state ./state
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.settings import settings

    with clients.existing_store(settings(**given)) as store:
        made = store.back_up(folder, datetime.now(UTC))
    _say("backup", folder, made, f"{folder}: {_what(made)}", as_json=as_json)


@click.command()
@state_options
@click.argument("folder", type=click.Path(path_type=Path))
def restore(as_json: bool, folder: Path, **given: str | None) -> None:
    r"""Make the state again from a backup, where there is none: in the same kind of place, or another.

    Looks at every byte of the backup first. Where people were ever asked for a response, trips the breaker.

    \b
    Example:
      prefect-cloudtrail restore ./backup-2026-11-24 --state ./state
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.settings import settings

    found = clients.restored(settings(**given), folder)
    then = f"detect goes on from {_moment(found.checkpoint)}" if found.checkpoint else "no run was in it"
    tripped = "; the breaker is tripped until somebody has looked" if found.rows["requests"] else ""
    _say("restore", folder, found, f"restored {_what(found)}; {then}{tripped}", as_json=as_json)


def _what(made: Backup) -> str:
    from prefect_cloudtrail.checks import counted

    held = [
        counted(made.rows["incidents"], "incident"),
        counted(made.rows["objects"], "log object") + " read",
        counted(len(made.files), "file"),
    ]
    return f"{', '.join(held)}, {made.bytes / 1e6:,.1f} MB, as of {_moment(made.made_at)}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _say(kind: str, folder: Path, made: Backup, line: str, *, as_json: bool) -> None:
    row = {
        "type": kind,
        "folder": str(folder),
        "made_at": _moment(made.made_at),
        "version": made.version,
        "checkpoint": _moment(made.checkpoint) if made.checkpoint else None,
        "incidents": made.rows["incidents"],
        "objects": made.rows["objects"],
        "files": len(made.files),
        "bytes": made.bytes,
    }
    click.echo(json.dumps(row) if as_json else line)
