"""What REST handlers work with."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from frontend import settings
from frontend.budget import Budget
from frontend.contracts import CONTRACTS
from frontend.errors import OverloadedError, UnavailableError
from frontend.machines.activity import Thresholds
from frontend.media import MediaDecoder
from frontend.metrics import Metrics
from frontend.models import TritonSpeech
from frontend.speech import ModelRef, SpeechService


class Share:
    """What one kind of work may take of a budget, so that it never shuts the others out."""

    def __init__(self, budget: Budget, limit_bytes: int) -> None:
        self._budget = budget
        self._limit_bytes = limit_bytes
        self._used_bytes = 0

    def take(self, size_bytes: int) -> None:
        if self._used_bytes + size_bytes > self._limit_bytes:
            raise OverloadedError("the gateway holds too many uploads now, try again later")
        self._budget.take(size_bytes)
        self._used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        self._used_bytes -= size_bytes
        self._budget.give_back(size_bytes)


@dataclass(frozen=True)
class Service:
    options: settings.Settings
    speech: TritonSpeech
    media: MediaDecoder
    metrics: Metrics
    held: Budget
    new_id: Callable[[], str]

    @functools.cached_property
    def uploads(self) -> Share:
        return Share(self.held, self.options.limits.rest_held_bytes)

    def asked_by(self, request: web.Request) -> SpeechService:
        """The speech service for one request; refused at once where it could only wait for models to appear."""
        if any(self.speech.manifest(ModelRef(contract.name)) is None for contract in CONTRACTS):
            raise UnavailableError("the models are not ready yet, try again soon")
        return self.speech.asked_by(request[REQUEST_ID])

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.options.voice.speech_in_probability, self.options.voice.speech_out_probability)


SERVICE = web.AppKey("service", Service)
# Begins the request's lines in the log and the ids of the calls that it makes to Triton.
REQUEST_ID = web.RequestKey("request_id", str)
