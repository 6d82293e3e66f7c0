"""How many bytes may be held at once, of objects that are fetched together and read in order."""

import asyncio


class Budget:
    """Bytes that may be held at once. The object that is read next may always take: nobody waits for ever."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[int, int] = {}
        self._next = 0
        self._changed = asyncio.Condition()

    async def take(self, ticket: int, size: int) -> None:
        """Wait until the object of this ticket may be held."""
        async with self._changed:
            await self._changed.wait_for(lambda: ticket == self._next or sum(self._held.values()) + size <= self._limit)
            self._held[ticket] = size

    async def give_back(self) -> None:
        """Say that the next object has been read."""
        async with self._changed:
            self._held.pop(self._next, None)
            self._next += 1
            self._changed.notify_all()
