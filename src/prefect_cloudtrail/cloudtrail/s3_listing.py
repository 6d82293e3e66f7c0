"""Lists a trail's bucket: only folders of logs, and of these only what can be new."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from prefect_cloudtrail.cloudtrail.s3_layout import Kind, Stretch, kind_of, stretches

if TYPE_CHECKING:
    from obstore import ObjectMeta

_AT_ONCE = 32
_PAGE = 1_000
# How far a trail is looked for below the prefix: CloudTrail's own prefix may have slashes.
_DEPTH = 4
_FOLDERS = 100


async def listed(store: S3Store, folder: str, start: datetime | None) -> "list[ObjectMeta]":
    """Return the objects below the folder that may have been delivered at `start` or later; None is all of them.

    Where no trail is found, everything is listed: then nothing is known of the order of keys. With a start and a trail,
    folders beside the trail's are not listed.
    """
    walk = _Walk(store, start)
    await walk.discover(folder)
    if not (start and walk.has_trail):
        walk.stretches += [Stretch(each) for each in walk.beside]
    await walk.list_stretches()
    return walk.objects


@dataclass
class _Walk:
    """One walk: what it met, and what it has still to list."""

    store: S3Store
    start: datetime | None
    objects: "list[ObjectMeta]" = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    has_trail: bool = False

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def discover(self, folder: str) -> None:
        """Look for the trail's folders, a level at a time, so that nothing is looked into beside a trail."""
        depth = 0
        level = self._to_look_into([folder], depth)
        while level:
            depth += 1
            below = await asyncio.gather(*map(self._folder, level))
            level = self._to_look_into([each for folders in below for each in folders], depth)

    def _to_look_into(self, folders: Sequence[str], depth: int) -> list[str]:
        known, unknown = [], []
        for folder in folders:
            match kind_of(folder):
                case Kind.REGION:
                    self.has_trail = True
                    self.stretches += stretches(folder, self.start)
                case Kind.ABOVE_REGION:
                    known.append(folder)
                case Kind.UNKNOWN:
                    unknown.append(folder)
                case Kind.NO_LOGS:
                    pass
        if known or self.has_trail or depth > _DEPTH or len(unknown) > _FOLDERS:
            self.beside += unknown
            return known
        return unknown

    async def _folder(self, folder: str) -> list[str]:
        async with self._slots:
            found = await obstore.list_with_delimiter_async(self.store, folder or None)
        self.objects += found["objects"]
        return [f"{each}/" for each in found["common_prefixes"]]

    async def list_stretches(self) -> None:
        await asyncio.gather(*map(self._stretch, self.stretches))

    async def _stretch(self, stretch: Stretch) -> None:
        async with self._slots:
            stream = obstore.list(self.store, stretch.folder or None, offset=stretch.after, chunk_size=_PAGE)
            async for page in stream:
                self.objects += page
