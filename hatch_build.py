"""Links tasks/, playbooks/ and flows/ into the package for an editable install; a wheel maps them instead."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LinkTopLevelFolders(BuildHookInterface):
    """Makes three relative links in src/prefect_cloudtrail, which git ignores."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Make the links when the install is editable; leave a folder that is already there."""
        for name in ("tasks", "playbooks", "flows") if version == "editable" else ():
            link = Path(self.root, "src", "prefect_cloudtrail", name)
            if not link.is_symlink() and not link.exists():
                link.symlink_to(Path("..", "..", name))
