"""What REST handlers work with."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from frontend.config import settings
from frontend.connection.door import Door
from frontend.connection.request_id import REQUEST_ID
from frontend.errors import UnavailableError
from frontend.machines.activity import Thresholds
from frontend.media.decoder import MediaDecoder
from frontend.memory.budget import Budget, Share
from frontend.memory.ledger import Ledger
from frontend.recordings.archive import Exports
from frontend.recordings.disabled import NoExports
from frontend.speech import ModelRef, SpeechService
from frontend.telemetry.figures import Figures
from frontend.telemetry.metrics import Metrics
from frontend.triton.service import TritonSpeech


@dataclass(frozen=True)
class Service:
    options: settings.Settings
    speech: TritonSpeech
    media: MediaDecoder
    metrics: Metrics
    held: Budget
    new_id: Callable[[], str]
    exports: Exports | NoExports
    # The name of the listener that a request came to.
    port_of: Callable[[web.Request], str]
    door: Door
    figures: Figures
    ledger: Ledger

    @functools.cached_property
    def uploads(self) -> Share:
        return Share(self.held, self.options.limits.rest_held_bytes, "uploads", self.ledger.tally("uploads"))

    def asked_by(self, request: web.Request, models: Sequence[ModelRef]) -> SpeechService:
        """The service for a request that needs these models; refused at once where it could only wait for them."""
        if any(self.speech.manifest(model) is None for model in models):
            raise UnavailableError("the models are not ready yet, try again soon")
        return self.speech.asked_by(request[REQUEST_ID])

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.options.voice.speech_in_probability, self.options.voice.speech_out_probability)


SERVICE = web.AppKey("service", Service)
