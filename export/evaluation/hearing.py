"""What is heard in recordings: decoded and transcribed as the gateway does it with files, or one call a recording."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.evaluation.services import Services
from export.evaluation.truth import Truth
from export.failure import ExportError
from frontend.config import settings
from frontend.errors import AudioError, GatewayError
from frontend.media.decoder import MediaDecoder
from frontend.memory.memory_file import MemoryFile
from frontend.speech import ASR, LANGUAGE_ID, RATE, Decoding, Manifest, Samples, SpeechTask, Word
from frontend.tasks.files.language import LanguageOptions, detect_spoken_language
from frontend.tasks.files.transcription import TranscriptionOptions, transcribe_recording
from frontend.telemetry.metrics import Metrics
from frontend.triton.client import TritonClient
from frontend.triton.service import ConnectionSpeech, TritonSpeech

_THREE_SECONDS = 3 * RATE
_MOST_A_CALL = 30 * RATE


@dataclass(frozen=True)
class Heard:
    """What came of a recording; None for what was not asked or, of languages, where nobody speaks."""

    seconds: float = 0.0
    text: str | None = None
    words: tuple[Word, ...] = ()
    truncated: bool = False
    language: str | None = None
    language_probability: float = 0.0
    language_at_3_seconds: str | None = None
    text_in_detected_language: str | None = None
    english: str | None = None
    text_of_one_call: str | None = None  # by the recogniser alone, of what nobody speaks in
    error: str = ""


@dataclass(frozen=True)
class Listening:
    """How to listen: straight to the recogniser with `direct`, without looking for speech first."""

    settings: settings.Settings
    direct: bool = False
    at_once: int = 8


class Listener:
    def __init__(self, options: Listening) -> None:
        metrics = Metrics()
        self._options = options
        self._client = TritonClient(options.settings.triton, metrics)
        self._shared = TritonSpeech(self._client, options.settings, metrics)
        self._speech: ConnectionSpeech = self._shared.asked_by("evaluate")
        self._media = MediaDecoder(dataclasses.replace(options.settings.media, recordings=options.at_once), metrics)
        self._languages = LanguageOptions.of(options.settings.recognition)

    async def manifest(self) -> Manifest:
        """The recogniser's, once all that is needed answers."""
        readiness = await self._shared.ready()
        missing = [f"{name}: {readiness.errors.get(name, 'not asked')}" for name in ("vad", ASR.name, LANGUAGE_ID.name)]
        missing = [each for each in missing if not each.endswith(": None")]
        manifest = self._speech.manifest(ASR)
        if missing or manifest is None:
            raise ExportError(f"not all models answer ({'; '.join(missing)}): serve them with `make run`")
        return manifest

    async def services(self, cache: Path, most: int | None) -> dict[str, Any]:
        """What the voice services make of people."""
        return await Services(self._speech, self._options.settings, cache).judge(most)

    async def listen(self, truths: Sequence[Truth]) -> AsyncIterator[tuple[int, Heard]]:
        """Each recording's place and what was heard in it, as they come."""
        turns = asyncio.Semaphore(self._options.at_once)

        async def one(place: int, truth: Truth) -> tuple[int, Heard]:
            async with turns:
                return place, await self._hear(truth)

        tasks = [asyncio.create_task(one(place, truth)) for place, truth in enumerate(truths)]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        await self._shared.drain()
        await self._client.close(10.0)
        await self._media.close()

    async def _hear(self, truth: Truth) -> Heard:
        file = MemoryFile()
        try:
            file.append(await asyncio.to_thread(truth.audio.read_bytes))
            async with self._media.recording(file) as recording:
                return await self._judged(recording.samples, truth)
        except GatewayError as e:
            return Heard(error=str(e) or type(e).__name__)
        finally:
            file.close()

    async def _judged(self, samples: Samples, truth: Truth) -> Heard:
        manifest = self._speech.manifest(ASR)
        tasks, languages = (manifest.tasks, manifest.languages) if manifest else ((), ())
        language, sure = await self._language(samples)
        early, _ = await self._language(samples[:_THREE_SECONDS]) if len(samples) >= _THREE_SECONDS else (None, 0.0)
        seconds = len(samples) / RATE
        heard = Heard(seconds, language=language, language_probability=sure, language_at_3_seconds=early)
        if truth.text is not None and (not truth.language or not languages or truth.language in languages):
            heard = await self._written(samples, truth, heard, languages)
        if truth.english is not None and truth.language != "en" and "translate" in tasks:
            english, _, _ = await self._text(samples, Decoding(truth.language or None, "translate", word_times=False))
            heard = dataclasses.replace(heard, english=english)
        return heard

    async def _written(self, samples: Samples, truth: Truth, heard: Heard, languages: Sequence[str]) -> Heard:
        given, language = truth.language or None, heard.language
        task: SpeechTask = "translate" if truth.task == "translate" else "transcribe"
        text, words, truncated = await self._text(samples, Decoding(given, task))
        detected, alone = text, None
        if given and language != given and (language is None or not languages or language in languages):
            detected = (await self._text(samples, Decoding(language, task)))[0]
        if truth.text == "" and len(samples):
            alone = (await self._speech.transcribe(samples[:_MOST_A_CALL], Decoding())).text.strip()
        return dataclasses.replace(
            heard,
            text=text,
            words=words,
            truncated=truncated,
            text_in_detected_language=detected,
            text_of_one_call=alone,
        )

    async def _language(self, samples: Samples) -> tuple[str | None, float]:
        if self._options.direct:
            return (await self._speech.detect_language(samples)).likeliest
        spoken = await detect_spoken_language(samples, self._speech, self._languages)
        return spoken.probabilities.likeliest if spoken.probabilities else (None, 0.0)

    async def _text(self, samples: Samples, decoding: Decoding) -> tuple[str, tuple[Word, ...], bool]:
        if self._options.direct:
            if not len(samples):
                raise AudioError("a recording without samples")
            transcript = await self._speech.transcribe(samples, decoding)
            return transcript.text.strip(), transcript.words, transcript.truncated
        options = TranscriptionOptions.of(self._options.settings.recognition, decoding)
        whole = await transcribe_recording(samples, self._speech, options)
        return whole.text, whole.words, whole.truncated
