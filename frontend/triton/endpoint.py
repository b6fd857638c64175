"""One Triton: the channel to it, and what is known of each model there."""

import asyncio
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

from frontend.triton.channel import Channel

_LAST_SECONDS = 1.0


class Place:
    """One model at one Triton: what is under way there, and why no more should go there if there is a reason."""

    __slots__ = (
        *("answered_seconds", "awaited", "begun", "calls", "complaint", "endpoint", "identity", "model", "probing"),
        *("rows", "silent_since"),
    )

    def __init__(self, endpoint: "Endpoint", model: str) -> None:
        self.endpoint, self.model = endpoint, model
        # Abandoned ones included.
        self.calls, self.rows, self.begun = 0, 0, 0
        self.answered_seconds = self.silent_since = float("-inf")
        self.complaint = ""
        # The version that answers, as its manifest names it; empty before it has.
        self.identity = ""
        # Who waits for a call that is under way here.
        self.awaited: set[asyncio.Future[None]] = set()
        self.probing = asyncio.Lock()

    @property
    def serves(self) -> bool:
        return self.endpoint.is_live and not self.complaint

    @property
    def load(self) -> tuple[int, int]:
        """Who has the least is asked next; of several that have the same, who was asked least."""
        return self.rows, self.begun

    def begin(self, rows: int, now: float) -> None:
        if not self.calls:
            self.silent_since = now
        self.calls += 1
        self.begun += 1
        self.rows += rows

    def end(self, rows: int) -> None:
        self.calls -= 1
        self.rows -= rows

    def answered(self, now: float) -> None:
        self.answered_seconds = self.silent_since = now

    def silent_seconds(self, now: float) -> float:
        """How long nothing was answered of what is under way."""
        return now - self.silent_since if self.calls else 0.0

    def wake(self) -> int:
        """Whoever waits for this place looks for another one; how many did."""
        waiting = [each for each in self.awaited if not each.done()]
        for each in waiting:
            each.set_result(None)
        return len(waiting)


class Endpoint:
    """One Triton. No deadline goes with a call, and none is cancelled: Triton 24.10 does not survive that."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel = Channel(address)
        self.places: dict[str, Place] = {}
        self.is_live = True
        # Whether the server says that it lives, asked at that time and answered whenever that may be.
        self.is_answering: asyncio.Task[bool] | None = None
        self.asked_at = float("-inf")

    def place(self, model: str) -> Place:
        place = self.places.get(model)
        if place is None:
            place = self.places[model] = Place(self, model)
        return place

    @property
    def rows(self) -> int:
        return sum(place.rows for place in self.places.values())

    @property
    def calls(self) -> int:
        return sum(place.calls for place in self.places.values())

    async def infer(self, request: Any) -> Any:
        return await self._channel.call("ModelInfer", request, service_pb2.ModelInferResponse)

    async def configuration(self, model: str) -> Any:
        request = service_pb2.ModelConfigRequest(name=model)
        return (await self._channel.call("ModelConfig", request, service_pb2.ModelConfigResponse)).config

    def ask(self, now: float) -> None:
        self.asked_at, self.is_answering = now, asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> bool:
        try:
            request, answers = service_pb2.ServerLiveRequest(), service_pb2.ServerLiveResponse
            return bool((await self._channel.call("ServerLive", request, answers)).live)
        except grpc.RpcError:
            return False

    async def close(self) -> None:
        """Once its calls are over, which closing would cancel."""
        if self.is_answering is not None:
            await asyncio.wait({self.is_answering}, timeout=_LAST_SECONDS)
        await self._channel.close()
