"""The one bag of what all connections and requests of a process share."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from frontend.config import settings
from frontend.connection.admission import Admission
from frontend.connection.door import Door
from frontend.dialogue.services import Postprocessor, Services
from frontend.errors import UnavailableError
from frontend.keys.visits import Visit, Visits
from frontend.machines.activity import Thresholds
from frontend.media.decoder import MediaDecoder
from frontend.memory.budget import Allowance, Budget, Share
from frontend.memory.ledger import Ledger
from frontend.recordings.archive import Exports
from frontend.recordings.disabled import NoExports
from frontend.speech import ModelRef, SpeechService
from frontend.telemetry.figures import Figures
from frontend.telemetry.metrics import Metrics
from frontend.triton.service import TritonSpeech


@dataclass(frozen=True)
class Shared:
    """Made once by the gateway. Tasks and jobs see `Services` of it alone, what a connection may use."""

    options: settings.Settings
    speech: TritonSpeech
    media: MediaDecoder
    metrics: Metrics
    figures: Figures
    held: Budget
    spooled: Budget
    door: Door
    admission: Admission
    exports: Exports | NoExports
    postprocessor: Postprocessor
    visits: Visits
    ledger: Ledger = field(default_factory=Ledger)

    @functools.cached_property
    def files(self) -> Share:
        """For files through sockets."""
        return Share(self.held, self.options.limits.files_held_bytes, "files", self.ledger.tally("files"))

    @functools.cached_property
    def uploads(self) -> Share:
        """For bodies of requests."""
        return Share(self.held, self.options.limits.rest_held_bytes, "uploads", self.ledger.tally("uploads"))

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.options.voice.speech_in_probability, self.options.voice.speech_out_probability)

    def services(self, visit: Visit, held: Allowance) -> Services:
        """What one connection may use."""
        speech = self.speech.asked_by(visit.caller.connection_id, urgent=held is not self.files)
        return Services(
            *(speech, self.media, self.exports, self.postprocessor, held, self.spooled, self.metrics), visit=visit
        )

    def asked_by(self, request_id: str, models: Sequence[ModelRef]) -> SpeechService:
        """For a request that needs these models; refused at once where it could only wait for them, or the machine is
        full."""
        self.admission.admit("files")
        if any(self.speech.manifest(model) is None for model in models):
            raise UnavailableError("the models are not ready yet, try again soon")
        return self.speech.asked_by(request_id)


SHARED = web.AppKey("shared", Shared)
