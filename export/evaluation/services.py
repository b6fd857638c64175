"""What the voice services make of people, through the running Triton: the same voice or another, and its end."""

import asyncio
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class End:
    """When an utterance is told to have ended."""

    delay_ms: float  # after the last sound and the silence asked for
    goes_on: bool  # speech is heard after it


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
        found: dict[int, list[End | None]] = {silence: [] for silence in SILENCES_MS}
        for start in tqdm(range(0, len(sounds), _AT_ONCE), desc="waiting for ends", disable=None, leave=False):
            for ends in await asyncio.gather(*map(self._told, sounds[start : start + _AT_ONCE])):
                for silence, end in ends.items():
                    found[silence].append(end)
        return [_end_figure(silence, ends) for silence, ends in found.items()]

    async def _told(self, sound: Samples) -> dict[int, End | None]:
        """Of each silence that may be asked for; None where the end is never told."""
        quiet = np.zeros(round(_QUIET_AFTER_SECONDS * RATE), np.float32)
        samples = _pcm(np.concatenate([quiet[: RATE // 4], sound, quiet]))
        end_ms = 1000 * (RATE // 4 + len(sound)) / RATE
        decisions: list[bool] = []
        probabilities: list[float] = []
        async for activity in listen_to_recording(samples, self._speech, self._thresholds):
            decisions += activity.decisions
            probabilities += activity.probabilities
        return {silence: _end(decisions, probabilities, silence, end_ms) for silence in SILENCES_MS}


def _end(decisions: Sequence[bool], probabilities: Sequence[float], silence_ms: int, end_ms: float) -> End | None:
    detector = EndpointDetector(EndpointOptions(_LEAST_SPEECH_MS, silence_ms))
    for place, each in enumerate(zip(decisions, probabilities, strict=True), 1):
        if detector.feed([each[0]], [each[1]]):
            return End(1000 * place * WINDOW_SAMPLES / RATE - end_ms - silence_ms, any(decisions[place:]))
    return None


def _end_figure(silence_ms: int, ends: Sequence[End | None]) -> dict[str, Any]:
    """Who is heard to go on was cut off; all others were told in time, some while their last sound faded."""
    told = [end.delay_ms for end in ends if end is not None and not end.goes_on]
    return {
        "silence_ms": silence_ms,
        "recordings": len(ends),
        "median_ms": round(statistics.median(told)) if told else None,
        "median_range_ms": ranges.of_median(told),
        "p95_ms": round(float(np.percentile(told, 95))) if told else None,
        "faded": sum(delay <= -silence_ms for delay in told),
        "cut_off": sum(end is not None and end.goes_on for end in ends),
        "never_told": ends.count(None),
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
