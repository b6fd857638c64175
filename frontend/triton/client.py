"""Calls to Triton: unary, never cancelled on a server that does not survive it, repeated until answered.

The models are stateless, so a call that failed because the server is going, gone or coming back is simply made again.
A call without an answer is abandoned: its answer is discarded when it comes, and until then it counts as under way.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

from frontend.config import settings
from frontend.errors import DeadlineError, ServiceError, UnavailableError
from frontend.speech import ASR, ModelRef
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.triton.channel import Channel
from frontend.triton.placement import UNKNOWN, provider_of
from frontend.triton.tensors import Arrays
from frontend.triton.wire import array_of, datatype_of, raw_of

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
# The request itself is wrong: another try gives the same answer.
_FINAL = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED)
# How Triton's own complaints about a request begin; what begins otherwise the model says.
_TRITONS_OWN = "[request id:"
_MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True)
class Inference:
    """One request: which model, under which id, with what, for what."""

    model: ModelRef
    request_id: str
    inputs: Arrays
    outputs: Sequence[str]


class RefusedError(ServiceError):
    """The request is wrong and stays so. The reason is the model's own, empty where it did not come to that."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"the model {model} refuses what the gateway asks")
        self.reason = reason


class TritonClient:
    """The one way to Triton, for all connections of the process.

    `infer` is for work: it repeats its attempts for as long as the settings say, so that nobody sees a restart of
    Triton. `attempt` is a single try, for probes. Of each model so many calls are under way at once as the settings
    permit, abandoned ones included. `close` waits for these: ending a channel would cancel them.
    Messages are made and read here: Triton's own client takes as long for that as the call itself.
    """

    def __init__(self, options: settings.Triton, metrics: Metrics) -> None:
        self._options = options
        self._metrics = metrics
        self._log = Log("triton")
        host = f"[{options.host}]" if ":" in options.host else options.host
        self._channel = Channel(f"{host}:{options.grpc_port}")
        self._under_way: set[asyncio.Task[Any]] = set()
        self._permits: dict[str, asyncio.Semaphore] = {}

    def permits(self, model: ModelRef) -> asyncio.Semaphore:
        """How many calls of this model may be under way at once, whoever makes them."""
        most = self._options.asr_in_flight if model.name == ASR.name else self._options.max_in_flight
        return self._permits.setdefault(model.name, asyncio.Semaphore(most))

    async def infer(self, inference: Inference, *, permitted: bool = False) -> Arrays:
        """The outputs; tried again until they come, the request proves wrong or the time is up.

        A caller who is permitted took one of the permits; it is given back when the first call is over.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._options.give_up_seconds
        pause = _FIRST_PAUSE_SECONDS
        attempt_seconds = min(self._options.attempt_seconds, self._options.give_up_seconds)
        if inference.model.name == ASR.name:  # a slow model's answer is waited for, however soon failures are told
            attempt_seconds = self._options.asr_attempt_seconds
        while True:
            try:
                return await self.attempt(inference, attempt_seconds, permitted=permitted)
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
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            attempt_seconds = min(attempt_seconds, give_up - loop.time())

    async def attempt(self, inference: Inference, timeout_seconds: float, *, permitted: bool = False) -> Arrays:
        """One call; DeadlineError or UnavailableError when another may succeed, ServiceError when it is refused."""
        name = inference.model.name
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        if not permitted:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self.permits(inference.model).acquire()
            except TimeoutError as e:
                self._metrics.calls.labels(name, "no_permit").inc()
                raise DeadlineError("the models are too busy to answer in time") from e
        call = self._start(inference)
        done, _ = await asyncio.wait({call}, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        if not done:
            self._metrics.calls.labels(name, "abandoned").inc()
            if self._options.cancel_calls:
                call.cancel()
            raise DeadlineError("the models did not answer in time")
        return self._outputs(inference, call)

    async def provider(self, model: str, timeout_seconds: float) -> str:
        """What the model runs on; asked for, as everything, without a deadline that Triton would see."""
        call = asyncio.get_running_loop().create_task(self._configuration(model))
        self._under_way.add(call)
        call.add_done_callback(self._under_way.discard)
        done, _ = await asyncio.wait({call}, timeout=timeout_seconds)
        return call.result() if done else UNKNOWN

    async def _configuration(self, model: str) -> str:
        try:
            request = service_pb2.ModelConfigRequest(name=model)
            answer = await self._channel.call("ModelConfig", request, service_pb2.ModelConfigResponse)
        except grpc.RpcError:
            return UNKNOWN
        return provider_of(answer.config)

    def _start(self, inference: Inference) -> asyncio.Task[Any]:
        """The call as a task of its own, so that whoever waits for it may stop waiting without cancelling it."""
        name, permits = inference.model.name, self.permits(inference.model)
        call = asyncio.get_running_loop().create_task(self._send(inference))
        self._under_way.add(call)
        self._metrics.in_flight.labels(name).inc()

        def finished(task: asyncio.Task[Any]) -> None:
            self._under_way.discard(task)
            self._metrics.in_flight.labels(name).dec()
            permits.release()
            if not task.cancelled():
                task.exception()  # looked at, or asyncio would complain about abandoned calls that failed

        call.add_done_callback(finished)
        return call

    async def _send(self, inference: Inference) -> Any:
        loop = asyncio.get_running_loop()
        began_seconds = loop.time()
        answer = await self._channel.call("ModelInfer", _request(inference), service_pb2.ModelInferResponse)
        self._metrics.call_seconds.labels(inference.model.name).observe(loop.time() - began_seconds)
        return answer

    def _outputs(self, inference: Inference, call: asyncio.Task[Any]) -> Arrays:
        name = inference.model.name
        try:
            answer = call.result()
            outputs = {
                tensor.name: array_of(tensor.datatype, tuple(tensor.shape), raw)
                for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
            }
        except grpc.aio.AioRpcError as e:
            wrong = e.code() in _FINAL
            self._metrics.calls.labels(name, "refused" if wrong else "failed").inc()
            if wrong:
                raise RefusedError(name, _reason(e)) from e
            raise UnavailableError("the models do not answer") from e
        except (grpc.RpcError, asyncio.CancelledError, OSError, ValueError) as e:
            self._metrics.calls.labels(name, "failed").inc()
            raise UnavailableError("the models do not answer") from e
        if any(output not in outputs for output in inference.outputs):
            self._metrics.calls.labels(name, "incomplete").inc()
            raise UnavailableError(f"the model {name} left out an output that the contract promises")
        self._metrics.calls.labels(name, "answered").inc()
        return outputs

    async def close(self, drain_seconds: float) -> None:
        """Let the calls under way finish: closing the channel would cancel them."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=drain_seconds)
        await self._channel.close()


def _request(inference: Inference) -> Any:
    request = service_pb2.ModelInferRequest(
        model_name=inference.model.name, model_version=inference.model.version, id=inference.request_id
    )
    for name, array in inference.inputs.items():
        request.inputs.add(name=name, datatype=datatype_of(array), shape=array.shape)
        request.raw_input_contents.append(raw_of(array))
    for name in inference.outputs:
        request.outputs.add(name=name)
    return request


def _reason(error: grpc.aio.AioRpcError) -> str:
    """What the model itself says against a request: one line of it."""
    text = error.details() or ""
    if error.code() != grpc.StatusCode.INVALID_ARGUMENT or text.startswith(_TRITONS_OWN):
        return ""
    return str(text.strip().partition("\n")[0][:_MAX_REASON_CHARACTERS])
