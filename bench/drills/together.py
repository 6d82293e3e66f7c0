"""All drills one after the other, each the command that people start, and one table of what they found."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

# What a quick run does of each drill's usual count, and has killed in all.
QUICK_SHARE = 0.1
KILLS, QUICK_KILLS = 500, 50
# How a row says how much was done, in the words of the drills.
COUNTS = ("kills", "faults", "tried", "scenarios", "hours", "steps", "rounds")
WIDTHS = (16, 52)


@dataclass(frozen=True)
class Ran:
    """One drill that ran: its name and arguments, its row, and what it said where it has none."""

    name: str
    arguments: tuple[str, ...]
    promise: str
    row: Mapping[str, Any] | None
    said: str

    @property
    def kills(self) -> int:
        """How many processes it killed."""
        return int(self.row.get("kills", 0)) if self.row else 0

    @property
    def differences(self) -> list[str]:
        """What was otherwise than expected; a drill that ended without a row is one."""
        return list(self.row["differences"]) if self.row else [f"it ended before its end: {self.said}"]


def kills_of(commands: Mapping[str, click.Command], kills: int) -> dict[str, int]:
    """Return how many kills each drill is to make, in sum `kills`: as their usual counts are to each other."""
    usual = {name: int(found) for name, each in commands.items() if (found := _defaults(each).get("kills"))}
    shares = {name: max(1, kills * count // sum(usual.values())) for name, count in usual.items()}
    if shares:
        largest = max(shares, key=lambda name: shares[name])
        shares[largest] = max(1, shares[largest] + kills - sum(shares.values()))
    return shares


def arguments(command: click.Command, kills: int | None, seed: int, *, quick: bool) -> tuple[str, ...]:
    """Return what to start a drill with: its own counts, or a tenth of each."""
    found = ["--json"]
    flags = {option.name: option.opts[0] for option in _options(command)}
    for name, value in _defaults(command).items():
        if name == "seed":
            found += [flags[name], str(seed)]
        elif name == "kills":
            found += [flags[name], str(kills)]
        elif quick:
            less = value * QUICK_SHARE
            found += [flags[name], f"{less:g}" if isinstance(value, float) else str(max(1, int(less)))]
    if quick:
        # What a drill itself knows to leave out, or to do quicker.
        found += [flags[name] for name in ("quick", "forked") if name in flags]
    return tuple(found)


def run(commands: Mapping[str, click.Command], kills: int, seed: int, *, quick: bool) -> Iterator[Ran]:
    """Run each drill in a process of its own; what it says on the way goes to standard error."""
    shares = kills_of(commands, kills)
    for name, command in commands.items():
        given = arguments(command, shares.get(name), seed, quick=quick)
        click.echo(f"--- {name} {' '.join(given)}", err=True)
        started = [sys.executable, "-m", "bench.drills", name, *given]
        ended = subprocess.run(started, stdout=subprocess.PIPE, text=True, check=False)
        yield Ran(name, given, (command.help or "").strip(), *_row(ended.stdout, ended.returncode))


def table(ran: Sequence[Ran]) -> str:
    """Return a line a drill: what was done, expected and found; then each difference."""
    lines = [_line("drill", "done", "expected", "found")]
    for each in ran:
        count = len(each.differences)
        lines.append(_line(each.name, done(each.row or {}), "0 differences", f"{count} difference{'s'[: count != 1]}"))
    total = sum(len(each.differences) for each in ran)
    kills = f"kills {sum(each.kills for each in ran):,}"
    lines.append(_line("all", kills, "0 differences", f"{total} difference{'s'[: total != 1]}"))
    return "\n".join([*lines, *(f"{each.name}: {said}" for each in ran for said in each.differences)])


def done(row: Mapping[str, Any]) -> str:
    """Return how much was done, in a few words."""
    found = []
    for name in COUNTS:
        value = row.get(name)
        count = sum(value.values()) if isinstance(value, dict) else len(value) if isinstance(value, list) else value
        if count:
            found.append(f"{name} {count:,}")
    seconds = row.get("seconds")
    return ", ".join(found + ([f"in {seconds:,} s"] if seconds else []))


def _line(*parts: str) -> str:
    name, did, *rest = parts
    return f"{name:<{WIDTHS[0]}} {did:<{WIDTHS[1]}} " + " ".join(f"{each:<14}" for each in rest).rstrip()


def _row(printed: str, status: int) -> tuple[Mapping[str, Any] | None, str]:
    last = printed.strip().rpartition("\n")[2]
    try:
        row = json.loads(last)
    except ValueError:
        return None, f"exit status {status}, {last[:200]!r}"
    # A drill that failed and shows no difference says so here.
    if status and not row.get("differences"):
        return None, f"exit status {status}"
    return row, ""


def _options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option)]


def _defaults(command: click.Command) -> dict[str, int | float]:
    """Return the options that count something, with their defaults."""
    found = {str(each.name): each.default for each in _options(command)}
    counts = {name: value for name, value in found.items() if isinstance(value, int | float)}
    return {name: value for name, value in counts.items() if not isinstance(value, bool)}
