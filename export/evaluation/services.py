"""What the voice services make of people, through the running Triton: the same voice or another, and its end."""

import asyncio
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from export.calibration.bundled import figure
from export.calibration.pairs import Take, pairs
from export.calibration.people import Voice, voices
from export.evaluation import ranges
from export.evaluation.people import Samples, joined, trimmed
from export.failure import ExportError
from export.people.collection import recordings
from export.people.sound import RATE, read
from frontend.config import settings
from frontend.machines.activity import Thresholds
from frontend.machines.endpoint import EndpointDetector, EndpointOptions
from frontend.media.decoder import Recording as Decoded
from frontend.speech import SPEAKER_EMBEDDING, WINDOW_SAMPLES, SpeechService
from frontend.tasks.heard import listen_to_recording
from frontend.tasks.voice import EnrolmentOptions, enrol

SILENCES_MS = (300, 500, 800)
_VOICE_SECONDS = (3.0, 3.0, 6.0, 3.0, 6.0, 6.0, 3.0, 6.0)
_AT_ONCE = 4
_QUIET_AFTER_SECONDS = 1.5
_MOST_ENDS = 8  # a speaker
_LEAST_SPEECH_MS = 200
_LONGEST_END_SECONDS = 4.0
_PAUSE_SECONDS = 0.2  # what pauses longer may well have ended


class Services:
    """With the gateway's own settings, and people whom no calibration or head heard."""

    def __init__(self, speech: SpeechService, configured: settings.Settings, cache: Path) -> None:
        self._speech = speech
        voice = configured.voice
        self._thresholds = Thresholds(voice.speech_in_probability, voice.speech_out_probability)
        self._enrolment = EnrolmentOptions(self._thresholds, voice.template_min_speech_seconds, 120.0)
        self._people = voices(recordings(cache), "test")

    async def judge(self, most: int | None) -> dict[str, Any]:
        people = dict(list(self._people.items())[:most])
        return {"voices": await self._voices(people), "endpoint": await self._ends(people)}

    async def _voices(self, people: Mapping[Voice, Sequence[Path]]) -> list[dict[str, Any]]:
        takes: list[Take] = []
        for voice, paths in tqdm(people.items(), desc="enrolling", unit="voice", disable=None, leave=False):
            sounds = list(_of_lengths(paths, _VOICE_SECONDS))
            made = await asyncio.gather(*(enrol(_decoded(each), self._speech, self._enrolment) for each in sounds))
            takes += [
                Take(voice.name, f"{voice.name} {number}", each.speech_seconds, each.vector, voice.cast)
                for number, each in enumerate(made)
            ]
        manifest = self._speech.manifest(SPEAKER_EMBEDDING)
        if manifest is None or manifest.calibration is None:
            raise ExportError("the embedding model carries no calibration")
        every = pairs(takes)
        longest = every.seconds.max(axis=1)
        sets = {
            "templates of less than 4 s of speech": every.chosen(longest < 4),
            "of 4 s and more": every.at_least(4),
            "all of them": every,
        }
        both = {name: each for name, each in sets.items() if each.same.any() and not each.same.all()}
        return [figure(name, each, manifest.calibration) for name, each in both.items()]

    async def _ends(self, people: Mapping[Voice, Sequence[Path]]) -> list[dict[str, Any]]:
        sounds = [sound for paths in people.values() for sound in _without_pauses(paths)]
        found: dict[int, list[float | None]] = {silence: [] for silence in SILENCES_MS}
        for start in tqdm(range(0, len(sounds), _AT_ONCE), desc="waiting for ends", disable=None, leave=False):
            for delays in await asyncio.gather(*map(self._delays, sounds[start : start + _AT_ONCE])):
                for silence, delay in delays.items():
                    found[silence].append(delay)
        return [_end_figure(silence, delays) for silence, delays in found.items()]

    async def _delays(self, sound: Samples) -> dict[int, float | None]:
        """How long after the last sound and the silence asked the end is told, in ms; None where it never is."""
        quiet = np.zeros(round(_QUIET_AFTER_SECONDS * RATE), np.float32)
        samples = _pcm(np.concatenate([quiet[: RATE // 4], sound, quiet]))
        end_ms = 1000 * (RATE // 4 + len(sound)) / RATE
        decisions: list[bool] = []
        probabilities: list[float] = []
        async for activity in listen_to_recording(samples, self._speech, self._thresholds):
            decisions += activity.decisions
            probabilities += activity.probabilities
        ends = {silence: _end(decisions, probabilities, silence) for silence in SILENCES_MS}
        return {
            silence: None if end is None else 1000 * end * WINDOW_SAMPLES / RATE - end_ms - silence
            for silence, end in ends.items()
        }


def _end(decisions: Sequence[bool], probabilities: Sequence[float], silence_ms: float) -> int | None:
    """After how many windows the end of the utterance is told."""
    detector = EndpointDetector(EndpointOptions(_LEAST_SPEECH_MS, silence_ms))
    for place, each in enumerate(zip(decisions, probabilities, strict=True), 1):
        if detector.feed([each[0]], [each[1]]):
            return place
    return None


def _end_figure(silence_ms: int, delays: Sequence[float | None]) -> dict[str, Any]:
    """Delays of those that were told after the true end; before it, somebody who still speaks was cut off."""
    after = [delay for delay in delays if delay is not None and delay > -silence_ms]
    return {
        "silence_ms": silence_ms,
        "recordings": len(delays),
        "median_ms": round(statistics.median(after)) if after else None,
        "median_range_ms": ranges.of_median(after),
        "p95_ms": round(float(np.percentile(after, 95))) if after else None,
        "cut_off": sum(delay is not None and delay <= -silence_ms for delay in delays),
        "never_told": delays.count(None),
    }


def _of_lengths(paths: Sequence[Path], lengths: Sequence[float]) -> Iterator[Samples]:
    """Recordings of one voice joined, none in two of them, as far as they reach."""
    wanted, parts = list(lengths), list[Samples]()
    for path in sorted(paths):
        if not wanted:
            return
        parts.append(trimmed(read(path))[: 10 * RATE])
        if sum(map(len, parts)) >= wanted[0] * RATE:
            yield joined(parts)
            parts, wanted = [], wanted[1:]


def _without_pauses(paths: Sequence[Path]) -> Iterator[Samples]:
    found = 0
    for path in sorted(paths):
        sound = trimmed(read(path))
        if RATE / 2 <= len(sound) <= _LONGEST_END_SECONDS * RATE and not _pauses(sound):
            yield sound
            found += 1
        if found == _MOST_ENDS:
            return


def _pauses(sound: Samples) -> bool:
    frame = round(_PAUSE_SECONDS * RATE)
    levels = np.convolve(sound**2, np.ones(frame) / frame, "valid")
    return bool(levels.min(initial=1) < (sound**2).max() * 1e-4)


def _decoded(samples: Samples) -> Decoded:
    return Decoded(_pcm(samples), len(samples), RATE)


def _pcm(samples: Samples) -> Any:
    return np.asarray(np.clip(samples * 32767, -32768, 32767), np.int16)
