"""The fuzzers as a command: `python -m bench.fuzz --help`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.fuzz.run import bound_memory, fuzz
from bench.fuzz.targets import TARGETS


def _until(end: float) -> Callable[[int], bool]:
    return lambda _: time.monotonic() < end


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="TARGET...", nargs=-1, type=click.Choice(sorted(TARGETS)))
@click.option("--all", "all_targets", is_flag=True, help="Each target, one after another.")
@click.option("--minutes", type=float, default=10, show_default=True, help="For each target.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--keep", type=click.Path(path_type=Path), default=Path(".fuzz"), show_default=True, help="Where findings are kept."
)
def main(names: tuple[str, ...], all_targets: bool, minutes: float, seed: int, keep: Path) -> None:
    """Give each target damaged input for some minutes; exit 1 if something does not hold that must."""
    if bool(names) == all_targets:
        raise click.UsageError(f"name targets or --all; there are {', '.join(sorted(TARGETS))}")
    bound_memory()
    found = 0
    for name in names or sorted(TARGETS):
        folder = keep / name
        folder.mkdir(parents=True, exist_ok=True)
        done = fuzz(TARGETS[name], seed, _until(time.monotonic() + minutes * 60), folder)
        found += len(done.findings)
        click.echo(
            f"{name}: {done.inputs:,} inputs, {len(done.findings)} findings, slowest {done.slowest_seconds:.1f} s"
        )
        for where in sorted(done.findings):
            click.echo(f"  {where}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
