"""Pages of a long list, each read while the one before is worked on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def read_ahead(read: Callable[[T | None], Coroutine[Any, Any, T | None]]) -> AsyncIterator[T]:
    """`read` gets the page before, or None, and gives the next, or None at the end."""
    following = asyncio.create_task(read(None))
    try:
        while (page := await following) is not None:
            following = asyncio.create_task(read(page))
            yield page
    finally:
        following.cancel()
