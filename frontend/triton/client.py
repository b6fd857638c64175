"""Calls to Triton: unary, never cancelled on a server that does not survive it, repeated until answered.

The models are stateless, so a call that failed because the server is going, gone or coming back is simply made again.
A call without an answer is abandoned: its answer is discarded when it comes, and until then it counts as under way.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc

from frontend.config import settings
from frontend.errors import DeadlineError, UnavailableError
from frontend.speech import ASR, ModelRef
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.triton.addresses import written
from frontend.triton.endpoint import Place
from frontend.triton.endpoints import Endpoints
from frontend.triton.inference import Inference, RefusedError, is_final, outputs_of, reason_of, request_of
from frontend.triton.permits import Permits
from frontend.triton.placement import UNKNOWN, provider_of
from frontend.triton.tensors import Arrays
from frontend.triton.watch import Watch

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


class TritonClient:
    """The one way to the Tritons, for all connections of the process.

    `infer` is for work: it repeats its attempts for as long as the settings say, at once where there is another Triton,
    so that nobody sees that one restarts. `attempt` is a single try at one of them, for probes. Of each model so many
    calls are under way at each Triton at once as the settings permit, abandoned ones included. `close` waits for these:
    ending a channel would cancel them. Messages are made and read here: Triton's own client takes as long for that as
    the call itself.
    """

    def __init__(self, options: settings.Triton, metrics: Metrics) -> None:
        self._options = options
        self._metrics = metrics
        self._log = Log("triton")
        self.endpoints = Endpoints(written(options), metrics)
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def addresses(self) -> Sequence[str]:
        return [endpoint.address for endpoint in self.endpoints.all]

    def permits(self, model: ModelRef) -> Permits:
        """How many calls of this model may be under way at once, whoever makes them."""
        most = self._options.asr_in_flight if model.name == ASR.name else self._options.max_in_flight
        return self.endpoints.permits(model.name, most)

    async def infer(self, inference: Inference, *, permitted: bool = False) -> Arrays:
        """The outputs; tried again until they come, the request proves wrong or the time is up.

        A caller who is permitted took one of the permits; it is used up by the first call.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._options.give_up_seconds
        pause = _FIRST_PAUSE_SECONDS
        attempt_seconds = min(self._options.attempt_seconds, self._options.give_up_seconds)
        if inference.model.name == ASR.name:  # a slow model's answer is waited for, however soon failures are told
            attempt_seconds = self._options.asr_attempt_seconds
        tried: list[Place] = []
        while True:
            try:
                return await self._permitted_attempt(inference, attempt_seconds, tried, permitted)
            except (DeadlineError, UnavailableError) as error:
                if loop.time() + pause >= give_up:
                    raise
                self._log.warning(
                    "call failed, trying again",
                    request_id=inference.request_id,
                    model=inference.model.name,
                    reason=str(error.__cause__ or error)[:200],
                )
            permitted = False
            if not self.endpoints.has_others(inference.model.name, tried):
                tried.clear()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            attempt_seconds = min(attempt_seconds, give_up - loop.time())

    async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays:
        """One call there, without a permit, but behind those that were made so before.

        DeadlineError or UnavailableError when another may succeed, ServiceError when it is refused.
        """
        place = self.endpoints.endpoint(address).place(inference.model.name)
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await place.probing.acquire()
        except TimeoutError as e:
            raise DeadlineError("the models did not answer in time") from e
        call = self._start(inference, place)
        call.add_done_callback(lambda _: place.probing.release())
        return await self._answer(inference, place, call, deadline)

    async def _permitted_attempt(
        self, inference: Inference, timeout_seconds: float, tried: list[Place], permitted: bool
    ) -> Arrays:
        name, permits = inference.model.name, self.permits(inference.model)
        loop = asyncio.get_running_loop()
        asked_at, deadline = loop.time(), loop.time() + timeout_seconds
        if not permitted:
            try:
                async with asyncio.timeout_at(deadline):
                    await permits.acquire(inference.urgent)
            except TimeoutError as e:
                self._metrics.calls.labels(name, "no_permit").inc()
                raise DeadlineError("the models are too busy to answer in time") from e
            if inference.urgent:
                self._metrics.pressure.queue_seconds.observe(loop.time() - asked_at)
        place = self.endpoints.choose(name, tried)
        tried.append(place)
        permits.use()
        call = self._start(inference, place)
        permits.look()  # it may have gone to another place than the free one that it was permitted for
        return await self._answer(inference, place, call, deadline)

    async def provider(self, model: str, timeout_seconds: float, address: str) -> str:
        """What the model runs on there; asked for, as everything, without a deadline that Triton would see."""
        call = asyncio.get_running_loop().create_task(self._provider(model, address))
        self._under_way.add(call)
        call.add_done_callback(self._under_way.discard)
        done, _ = await asyncio.wait({call}, timeout=timeout_seconds)
        return call.result() if done else UNKNOWN

    async def _provider(self, model: str, address: str) -> str:
        try:
            return provider_of(await self.endpoints.endpoint(address).configuration(model))
        except grpc.RpcError:
            return UNKNOWN

    def answered_since(self, model: str, address: str, began_seconds: float) -> bool:
        place = self.endpoints.place(model, address)
        return place is not None and place.answered_seconds >= began_seconds

    def answers_as(self, model: str, address: str, identity: str) -> str:
        """Which version answers there; the one that serves now."""
        place = self.endpoints.place(model, address)
        return identity if place is None else self.endpoints.found(place, identity)

    def judge(self, model: str, address: str, error: str | None) -> None:
        """What a probe found: calls go there, or not for as long as there are others."""
        place = self.endpoints.place(model, address)
        if place is None:  # it left while it was asked: nobody else is to answer for it
            return
        if error is None:
            self.endpoints.satisfied(place)
        else:
            self.endpoints.complain(place, error)

    def _start(self, inference: Inference, place: Place) -> asyncio.Task[Any]:
        """The call as a task of its own, so that whoever waits for it may stop waiting without cancelling it.

        What it takes of its Triton others wait for, whether it was permitted or is a probe.
        """
        loop, rows = asyncio.get_running_loop(), inference.rows
        call = loop.create_task(self._send(inference, place))
        self._under_way.add(call)
        in_flight = self._metrics.in_flight.labels(inference.model.name)
        in_flight.inc()
        place.begin(rows, loop.time())

        def finished(task: asyncio.Task[Any]) -> None:
            self._under_way.discard(task)
            in_flight.dec()
            place.end(rows)
            self.permits(inference.model).look()
            if not task.cancelled():
                task.exception()  # looked at, or asyncio would complain about abandoned calls that failed

        call.add_done_callback(finished)
        return call

    async def _send(self, inference: Inference, place: Place) -> Any:
        loop = asyncio.get_running_loop()
        began_seconds = loop.time()
        answer = await place.endpoint.infer(request_of(inference))
        now = loop.time()
        place.answered(now)
        self._metrics.call_seconds.labels(inference.model.name).observe(now - began_seconds)
        return answer

    async def _answer(self, inference: Inference, place: Place, call: asyncio.Task[Any], deadline: float) -> Arrays:
        """Waited for until the deadline, and no longer than the place is thought to answer."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        call.add_done_callback(lambda _: _set(over))
        timer = loop.call_at(deadline, _set, over)
        place.awaited.add(over)
        try:
            await over
        finally:
            timer.cancel()
            place.awaited.discard(over)
        if call.done():
            return self._outputs(inference, place, call)
        self._metrics.calls.labels(inference.model.name, "abandoned").inc()
        if self._options.cancel_calls:
            call.cancel()
        if loop.time() >= deadline and place.silent_seconds(loop.time()) >= self._options.attempt_seconds / 2:
            self.endpoints.complain(place, "it does not answer in time")
        raise DeadlineError("the models did not answer in time")

    def _outputs(self, inference: Inference, place: Place, call: asyncio.Task[Any]) -> Arrays:
        name = inference.model.name
        try:
            outputs = outputs_of(call.result())
        except grpc.aio.AioRpcError as e:
            wrong = is_final(e)
            self._metrics.calls.labels(name, "refused" if wrong else "failed").inc()
            if wrong:
                raise RefusedError(name, reason_of(e)) from e
            self.endpoints.complain(place, e.details() or e.code().name)
            raise UnavailableError("the models do not answer") from e
        except (grpc.RpcError, asyncio.CancelledError, OSError, ValueError) as e:
            self._metrics.calls.labels(name, "failed").inc()
            raise UnavailableError("the models do not answer") from e
        if any(output not in outputs for output in inference.outputs):
            self._metrics.calls.labels(name, "incomplete").inc()
            raise UnavailableError(f"the model {name} left out an output that the contract promises")
        self._metrics.calls.labels(name, "answered").inc()
        if place.complaint:
            self.endpoints.satisfied(place)
        return outputs

    async def watch(self) -> None:
        """Know which Tritons there are and which of them live, until cancelled."""
        await Watch(self._options, self.endpoints).run()

    async def close(self, drain_seconds: float) -> None:
        """Let the calls under way finish: closing the channels would cancel them."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=drain_seconds)
        await self.endpoints.close()


def _set(over: "asyncio.Future[None]") -> None:
    if not over.done():
        over.set_result(None)
