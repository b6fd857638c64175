"""`/voice_verify_stream[_opus]`: is it still the same voice?"""

import json
from collections.abc import Callable
from typing import Any

from frontend import voice_template
from frontend.dialogue.commands import Text
from frontend.dialogue.events import Event, Verified, VoiceVerified
from frontend.dialogue.tasks import Task
from frontend.errors import ProtocolError
from frontend.machines.verification import VerificationOptions
from frontend.protocols.voice import VoiceProtocol, number, voice_profile
from frontend.speech import SPEAKER_EMBEDDING, VAD, Manifest, Voiceprint
from frontend.tasks.voice import VerifyVoice


class VoiceVerifyStream(VoiceProtocol):
    """Template, rate, averaging window in seconds; or template, rate, context and window in seconds."""

    profile = voice_profile("voice_verify_stream", (VAD, SPEAKER_EMBEDDING))

    def parameters(self) -> tuple[Callable[[str], Any], ...]:
        return self._template, self.rate, self._averaging

    def optional_parameters(self) -> tuple[Callable[[str], Any], ...]:
        return (self._window,)

    def task(self, *values: Any) -> Task:
        voice = self._context.options.voice
        template, rate, context_seconds, *window = values
        window_seconds = window[0] if window else min(voice.verify_window_seconds, context_seconds)
        options = VerificationOptions(
            window_seconds, context_seconds, voice.verify_hop_seconds, voice.verify_min_speech_seconds
        )
        return VerifyVoice(self.listening(rate), options, template)

    def word(self, event: Event) -> Text:
        assert isinstance(event, VoiceVerified)
        return json.dumps([_as_json(result) for result in event.results])

    @property
    def _manifest(self) -> Manifest:
        return self._context.manifests[SPEAKER_EMBEDDING.name]

    def _template(self, text: str) -> Voiceprint:
        return voice_template.load(text, self._manifest)

    def _averaging(self, text: str) -> float:
        voice = self._context.options.voice
        seconds = number(text)
        if not voice.verify_min_speech_seconds <= seconds <= voice.verify_max_context_seconds:
            raise ProtocolError(
                f"the averaging window must be {voice.verify_min_speech_seconds:g} "
                f"to {voice.verify_max_context_seconds:g} s long"
            )
        return seconds

    def _window(self, text: str) -> float:
        voice = self._context.options.voice
        seconds = number(text)
        longest = min(self._values[2], voice.verify_max_window_seconds)
        if not voice.verify_min_speech_seconds <= seconds <= longest:
            raise ProtocolError(f"the window must be {voice.verify_min_speech_seconds:g} to {longest:g} s long")
        return seconds


class VoiceVerifyStreamOpus(VoiceVerifyStream):
    profile = voice_profile("voice_verify_stream_opus", (VAD, SPEAKER_EMBEDDING))
    encoding = "opus"


def _as_json(result: Verified) -> dict[str, Any]:
    interval = result.interval
    return {
        "audio_interval": {
            "end_sample": interval.end_sample,
            "end_time": interval.end_sample * 1000 // interval.rate,
            "sample_rate": interval.rate,
            "start_sample": interval.start_sample,
            "start_time": interval.start_sample * 1000 // interval.rate,
        },
        "verify_result": {"probability": result.probability, "score": result.score},
    }
