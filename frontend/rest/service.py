"""What REST handlers work with."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from frontend import settings
from frontend.budget import Budget
from frontend.contracts import CONTRACTS
from frontend.errors import UnavailableError
from frontend.machines.activity import Thresholds
from frontend.media import MediaDecoder
from frontend.metrics import Metrics
from frontend.models import TritonSpeech
from frontend.speech import ModelRef, SpeechService


@dataclass(frozen=True)
class Service:
    options: settings.Settings
    speech: TritonSpeech
    media: MediaDecoder
    metrics: Metrics
    held: Budget
    new_id: Callable[[], str]

    def asked_by_request(self) -> SpeechService:
        """The speech service for one request; refused at once where it could only wait for models to appear."""
        if any(self.speech.manifest(ModelRef(contract.name)) is None for contract in CONTRACTS):
            raise UnavailableError("the models are not ready yet, try again soon")
        return self.speech.asked_by(self.new_id())

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.options.voice.speech_in_probability, self.options.voice.speech_out_probability)


SERVICE = web.AppKey("service", Service)
