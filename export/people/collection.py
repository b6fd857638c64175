"""All recordings of all packages."""

from pathlib import Path

from export.people import games, names, prompts, readings
from export.people.fetching import CACHE
from export.people.recordings import Recording


def recordings(cache: Path = CACHE) -> list[Recording]:
    """In an order that is always the same; fetches what the cache lacks (a gigabyte the first time)."""
    return [each for room in (prompts, names, readings, games) for each in room.recordings(cache)]
