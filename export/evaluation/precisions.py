"""`python -m export.evaluation.precisions`: what half precision changes in the words of the bundled recognisers.

The same recordings through the graphs of each precision, read as the backend reads them, without Triton: English that
people speak through Moonshine, the bundled recogniser's own test set (`make evaluate` speaks it) through that. ONNX
Runtime on the CPU has few kernels in half precision: it rounds what goes in and comes out of most operators and adds up
in single precision, as a GPU's matrix units do.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from docker.triton.backends.asr.recognition import families
from docker.triton.backends.asr.recognition.graph import inputs
from docker.triton.backends.asr.recognition.manifest import Manifest
from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
from docker.triton.backends.asr.recognition.wish import Wish
from export.evaluation import people, ranges, truth
from export.evaluation.truth import Truth, normalised
from export.failure import ExportError
from export.graphs.runtime import Runner
from export.graphs.sequence.options import Precision
from export.graphs.whisper import graph as whisper
from export.people.fetching import CACHE
from export.people.sound import RATE, read
from export.publishing import moonshine
from export.publishing.asr_version import Recogniser, asr_files
from export.publishing.recipes import BUNDLED_FOLDER, MOONSHINE
from export.sources.bundled import Bundle
from export.training.scoring import Score

MATERIAL, TEST_SET = Path("var/evaluation"), Path("var/asr/testset/manifest.jsonl")
LONGEST_SECONDS = 30
EXACT: Precision = "fp32"
OTHERS: dict[str, tuple[Precision, ...]] = {"moonshine": ("fp16", "int8"), "whisper": ("fp16",)}


@dataclass(frozen=True)
class Listener:
    """One graph with the reading of its answers."""

    manifest: Manifest
    family: families.Recogniser
    graph: Runner

    @classmethod
    def of(cls, described: Recogniser, graph: bytes) -> "Listener":
        files = asr_files(described, {"model": described.family, "version": 1})
        manifest = Manifest.parse(files["manifest.json"].decode())
        vocabulary = Vocabulary.parse(files["tokenizer.json"].decode())
        return cls(manifest, families.recogniser(manifest, vocabulary), Runner(graph))

    def text(self, known: Truth) -> str:
        samples = np.asarray(np.clip(read(known.audio), -1, 1) * 32767, np.int16)
        wish = Wish(samples, language=known.language, task=known.task, word_times=False)
        rows = [self.family.row(wish)]
        answer = self.graph.run(inputs(rows, self.manifest), *self.family.outputs([wish]))
        return normalised("".join(self.family.transcripts([wish], rows, answer)[0].words))


def _moonshine(precision: Precision) -> Listener:
    model, _identity = moonshine.build(MOONSHINE.source.locate(), precision)
    return Listener.of(moonshine.recogniser("", {}, precision), model.SerializeToString())


def _whisper(precision: Precision) -> Listener:
    bundle = Bundle(BUNDLED_FOLDER, precision)
    model = whisper.build(bundle.weights, bundle.shape, bundle.options)
    return Listener.of(bundle.recogniser("", {}), model.SerializeToString())


LISTENERS: dict[str, Callable[[Precision], Listener]] = {"moonshine": _moonshine, "whisper": _whisper}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m export.evaluation.precisions", description=__doc__)
    parser.add_argument("models", nargs="*", default=[*LISTENERS], help="default: %(default)s")
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s")
    parser.add_argument("--most", type=int, help="at most so many recordings a split")
    options = parser.parse_args(arguments)
    try:
        for model in options.models:
            for found in compare(model, list(_material(model, options))):
                print(json.dumps(found))
    except ExportError as error:
        print(f"precisions: {error}", file=sys.stderr)
        return 1
    return 0


def _material(model: str, options: argparse.Namespace) -> Iterator[Truth]:
    known = truth.load(TEST_SET) if model == "whisper" else people.truths(options.cache, MATERIAL, options.most)
    counts: dict[str, int] = {}
    for each in known:
        counts[each.split] = counts.get(each.split, 0) + 1
        fits = options.most is None or counts[each.split] <= options.most
        if each.text and fits and (model == "whisper" or each.language == "en") and _seconds(each) <= LONGEST_SECONDS:
            yield each


def _seconds(known: Truth) -> float:
    return len(read(known.audio)) / RATE


def compare(model: str, material: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    """Of each other precision beside the exact one: equal texts, and the difference in wrong words of every hundred."""
    every = {precision: LISTENERS[model](precision) for precision in (EXACT, *OTHERS[model])}
    bar = tqdm.tqdm(material, unit="recording", disable=None, leave=False)
    texts = [{precision: listener.text(each) for precision, listener in every.items()} for each in bar]
    scores = [{precision: _score(text, each) for precision, text in said.items()}
              for said, each in zip(texts, material, strict=True)]  # fmt: skip
    words = [score[EXACT].words for score in scores]
    for precision in OTHERS[model]:
        more = [score[precision].word_errors - score[EXACT].word_errors for score in scores]
        yield {
            "model": model,
            "precision": precision,
            "recordings": len(material),
            "words": sum(words),
            "equal_texts": sum(said[precision] == said[EXACT] for said in texts),
            "wrong_percent": {each: _percent(score[each].word_errors for score in scores) / max(1, sum(words))
                              for each in (EXACT, precision)},
            "difference_percent": 100 * sum(more) / max(1, sum(words)),
            "difference_range": ranges.of_ratio(more, words),
        }  # fmt: skip


def _percent(parts: Iterator[int]) -> float:
    return 100.0 * sum(parts)


def _score(text: str, known: Truth) -> Score:
    score = Score()
    score.add(text, normalised((known.english if known.task == "translate" else known.text) or ""))
    return score


if __name__ == "__main__":
    sys.exit(main())
