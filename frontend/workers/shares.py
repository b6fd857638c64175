"""Limits on what is worked on at once, of which each worker has a share of its own.

What waits for its turn waits for work of its own process to end, so these numbers are not kept together. The shares are
as much as is set together, where that is enough for one each.
"""

import dataclasses
from typing import Any

from frontend.config.settings import Settings

_SHARED = {
    "triton": ("max_in_flight", "asr_in_flight"),
    "media": ("workers", "recordings", "max_waiting"),
    "postprocess": ("max_at_once", "max_waiting"),
}


def share_of(settings: Settings, seat: int) -> Settings:
    """The settings of one of the workers, numbered from 0."""
    workers = settings.server.workers

    def share(limit: int) -> int:
        return max(min(1, limit), limit // workers + (seat < limit % workers))

    changed: dict[str, Any] = {}
    for section, keys in _SHARED.items():
        whole = getattr(settings, section)
        changed[section] = dataclasses.replace(whole, **{key: share(getattr(whole, key)) for key in keys})
    return dataclasses.replace(settings, **changed)
