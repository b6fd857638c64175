"""Looks after the Tritons while the gateway runs: which there are, whether each lives, and whether its models answer.

With a single one that has an address there is nothing to do: there is nowhere else to go.
"""

import asyncio

from frontend.config import settings
from frontend.speech import ASR
from frontend.telemetry.logs import Log
from frontend.triton.addresses import has_names, resolved
from frontend.triton.endpoint import Endpoint
from frontend.triton.endpoints import Endpoints

_LOOK_SECONDS = 0.25
_PROBE_SECONDS = 1.0


class Watch:
    def __init__(self, options: settings.Triton, endpoints: Endpoints) -> None:
        self._options, self._endpoints = options, endpoints
        self._log = Log("triton")
        self._resolve_at = float("-inf") if has_names(options) else float("inf")

    async def run(self) -> None:
        """A name that is slow to be found, or a connection to be closed, keeps nobody from being looked at."""
        async with asyncio.TaskGroup() as watching:
            watching.create_task(self._keep_looking())
            watching.create_task(self._keep_arranging())

    async def _keep_looking(self) -> None:
        while True:
            self.look(asyncio.get_running_loop().time())
            await asyncio.sleep(_LOOK_SECONDS)

    async def _keep_arranging(self) -> None:
        while True:
            await self.arrange(asyncio.get_running_loop().time())
            await asyncio.sleep(_LOOK_SECONDS)

    async def arrange(self, now: float) -> None:
        """Which there are."""
        if now >= self._resolve_at:
            await self._resolve(now)
        await self._endpoints.close_idle()

    def look(self, now: float) -> None:
        """Whether each lives, and answers."""
        endpoints = self._endpoints.all
        if len(endpoints) > 1:
            for endpoint in endpoints:
                self._look_at(endpoint, now)

    async def _resolve(self, now: float) -> None:
        failing = any(not place.serves for each in self._endpoints.all for place in each.places.values())
        self._resolve_at = now + (_PROBE_SECONDS if failing else self._options.resolve_seconds)
        addresses = await resolved(self._options)
        if not addresses:
            names = " ".join(host for host, _ in self._options.targets)
            return self._log.warning("names not found, the Tritons stay as they are", names=names)
        if addresses == [each.address for each in self._endpoints.all]:
            return None
        self._log.info("Tritons found", addresses=" ".join(addresses))
        self._endpoints.replace(addresses)
        return None

    def _look_at(self, endpoint: Endpoint, now: float) -> None:
        asked_seconds = now - endpoint.asked_at
        if endpoint.is_answering is None:
            endpoint.ask(now)
        elif endpoint.is_answering.done():
            self._endpoints.live(endpoint, endpoint.is_answering.result())
            if asked_seconds >= _PROBE_SECONDS:
                endpoint.ask(now)
        elif asked_seconds > self._options.silent_seconds:
            self._endpoints.live(endpoint, False)
        for place in endpoint.places.values():
            limit = self._options.asr_attempt_seconds if place.model == ASR.name else self._options.attempt_seconds
            if place.serves and place.silent_seconds(now) > limit / 2:
                self._endpoints.complain(place, "it does not answer while calls wait")
                self._endpoints.leave(place)
