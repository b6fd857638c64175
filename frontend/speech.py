"""What the gateway knows about speech: its vocabulary, and the service that answers questions about it.

No state of a stream lives behind the service. Voice activity takes a state and returns the next one, so any replica of
a model may answer any call, and every call can be repeated.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from frontend import engines
from frontend.calibration import Calibration, finite
from frontend.engines import Engine, serving
from frontend.errors import UnavailableError

Samples = npt.NDArray[np.int16]
Probabilities = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]

RATE = 16_000
WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
STATE_SIZE = 128


@dataclass(frozen=True)
class ModelRef:
    """A model of the repository; no version means the one Triton serves by default."""

    name: str
    version: str = ""


VAD = ModelRef("vad")
SPEAKER_EMBEDDING = ModelRef("speaker_embedding")
ASR = ModelRef("asr")
LANGUAGE_ID = ModelRef("language_id")


@dataclass(frozen=True)
class Manifest:
    """What one version of a model says about itself."""

    model: str
    identity: str
    calibration: Calibration | None = None  # of an embedding's scores
    max_seconds: float = 30.0
    # Of speech that a recogniser hears best at once; 0 where it does not say.
    piece_seconds: float = 0.0
    # Of an embedding, as the model answers; 0 for other models.
    dimensions: int = 0
    # What a recogniser knows, and the order of a language identification's probabilities; empty for other models.
    languages: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    # Whether a recogniser can be told words to expect.
    hotwords: bool = False
    # Of a language identification: a likeliest language that is no likelier says nothing.
    unsure_probability: float = 0.0
    # What serves behind a recogniser; empty for other models.
    engines: tuple[Engine, ...] = ()

    @classmethod
    def parse(cls, text: bytes | str) -> "Manifest":
        try:
            content: Any = json.loads(text)
            calibration = Calibration.parse(content.get("calibration"))
            limits = content.get("limits") or {}
            max_seconds = finite(limits.get("max_seconds") or 30)
            piece_seconds = finite(limits.get("piece_seconds") or 0)
            languages, tasks = (tuple(map(str, content.get(key) or ())) for key in ("languages", "tasks"))
            model, identity = str(content["model"]), str(content["identity"])
            known = cls(model, identity, calibration, max_seconds, piece_seconds, languages=languages, tasks=tasks)
            hotwords = bool((content.get("capabilities") or {}).get("hotwords"))
            unsure = finite((content.get("guards") or {}).get("language_probability") or 0)
            behind = engines.behind(content) if languages else ()
            return dataclasses.replace(known, hotwords=hotwords, unsure_probability=unsure, engines=behind)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as e:
            raise UnavailableError("a model's manifest cannot be read") from e

    def engine(self, language: str | None, task: str = "transcribe") -> Engine:
        """Who hears this; a model that tells of no engines is one itself."""
        whole = Engine(self.model, self.languages, self.tasks, self.max_seconds, self.piece_seconds)
        return serving(self.engines, language, task) or whole

    def probability(self, score: float, one_seconds: float, other_seconds: float) -> float:
        """That two voices with this similarity, of so much speech each, are one, as this version was calibrated."""
        if self.calibration is None:
            raise UnavailableError(f"the model {self.model} carries no calibration")
        return self.calibration.probability(score, one_seconds, other_seconds)


class VadState(NamedTuple):
    """Where voice activity detection stands in a stream; a value that only the model reads (single precision)."""

    context: bytes = bytes(4 * CONTEXT_SAMPLES)
    state: bytes = bytes(4 * 2 * STATE_SIZE)


@dataclass(frozen=True)
class Voiceprint:
    """A voice as one version of the embedding model hears it, and how much speech it heard; the vector has length 1."""

    vector: Vector
    manifest: Manifest
    speech_seconds: float = 0.0


@dataclass(frozen=True)
class Word:
    """One word where it is said; the text keeps its leading space or has none, so that joined words give the text."""

    text: str
    start_seconds: float
    end_seconds: float
    confidence: float
    segment: int = 0


@dataclass(frozen=True)
class Transcript:
    """What was said in up to half a minute, and how sure the model was."""

    words: tuple[Word, ...]
    language: str
    language_probability: float = 1.0
    no_speech_probability: float = 0.0
    average_log_probability: float = 0.0
    compression_ratio: float = 1.0
    truncated: bool = False

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)


SpeechTask = engines.Task


@dataclass(frozen=True)
class Decoding:
    """How to transcribe: no language means that it is detected."""

    language: str | None = None
    task: SpeechTask = "transcribe"
    prompt: str = ""  # the text before
    prefix: tuple[str, ...] = ()  # words that the result must begin with; they come again, with times
    hotwords: tuple[str, ...] = ()
    word_times: bool = True
    max_tokens: int = 0  # 0: what the model thinks right


@dataclass(frozen=True)
class LanguageProbabilities:
    """Over all languages that the model knows, the likeliest first."""

    ranked: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, probabilities: Mapping[str, float]) -> "LanguageProbabilities":
        """Raises ValueError when there is no language at all."""
        if not probabilities:
            raise ValueError("no language")
        return cls(tuple(sorted(probabilities.items(), key=lambda item: -item[1])))

    @property
    def likeliest(self) -> tuple[str, float]:
        return self.ranked[0]


@dataclass(frozen=True)
class Readiness:
    """Whether an inference through each model succeeded just now, at one Triton at least.

    An error is None where it did. `providers` say what each runs on: "cpu", "cuda", "tensorrt", or "unknown".
    """

    errors: Mapping[str, str | None]
    # The same through each engine of a recogniser that has several.
    engines: Mapping[str, str | None] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    # By address the errors of each Triton's models.
    endpoints: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return all(error is None for error in (*self.errors.values(), *self.engines.values()))


class Sound(NamedTuple):
    """Whole windows of a stream, and where voice activity detection stands before them."""

    samples: Samples
    state: VadState


class Listener(Protocol):
    """A stream that wants to know when somebody speaks."""

    def row(self) -> Sound | None:
        """What to hear, now that its turn has come; None when nothing any more."""
        ...

    def answered(self, result: tuple[Probabilities, VadState]) -> None:
        """One probability for each window, and the state after the last."""
        ...

    def failed(self, error: Exception) -> None: ...


class SpeechService(Protocol):
    """Answers questions about speech; raises ServiceError when it cannot."""

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        """One probability for each whole window of 512 samples, and the state after the last."""
        ...

    async def embed_voice(self, samples: Samples, model: ModelRef = SPEAKER_EMBEDDING) -> Voiceprint: ...

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        """The words of at most the manifest's max_seconds."""
        ...

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities: ...

    def listen(self, listener: Listener) -> None:
        """Ask it, when the next turn comes, for what it wants to have heard, and answer it then."""
        ...

    @property
    def transcribing(self) -> int:
        """How many transcriptions are under way, those of all clients together."""
        ...

    def manifest(self, model: ModelRef) -> Manifest | None:
        """What the served version last said about itself; None before it first answered."""
        ...


def mean_voice(vectors: "list[Vector]", weights: list[float] | None = None) -> Vector:
    """The direction in the middle of several voices, of length 1."""
    mean = np.average(np.stack(vectors), axis=0, weights=weights)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)
