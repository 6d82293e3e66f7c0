"""The subcommands of the command line, each by its words."""

from collections.abc import Iterator

import click

from prefect_cloudtrail.cli import main


def leaves(group: click.Group = main, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield every subcommand that does something, by its words: `suppress add`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def called(arguments: list[str]) -> tuple[click.Command, list[str]]:
    """Return the subcommand that these arguments call, and what is left for it."""
    command: click.Command = main
    words = list(arguments)
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    return command, words
