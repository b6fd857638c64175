"""Word error rates, languages, translations and times of words, per split, through the running Triton.

    make evaluate                                            # people, then synthesizers; writes docs/accuracy.md
    make evaluate EVALUATE="--manifest FILE.jsonl --report FILE.json"

Where no Triton listens one is started with the models of model_repository/, for as long as it takes.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tqdm

from export.evaluation import figures, page, people, truth
from export.evaluation.hearing import Heard, Listener, Listening
from export.evaluation.truth import Truth
from export.failure import ExportError
from export.people.fetching import CACHE
from frontend.config import loading as configuration
from frontend.config import settings
from frontend.errors import SettingsError

TEST_SET = Path("var/asr/testset/manifest.jsonl")
MATERIAL = Path("var/evaluation")
PAGE, REPORT = Path("docs/accuracy.md"), MATERIAL / "report.json"
PEOPLE, INSTALLED, SYNTHESIZERS = "people", "installed", "synthesizers"
_NEEDED = ("vad", "asr", "language_id")
_PATIENCE_SECONDS = 600.0  # a busy machine makes it take longer, and changes no figure


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        report, synthesized = _evaluate(options)
    except (ExportError, SettingsError) as e:
        print(f"evaluate: {e}", file=sys.stderr)
        return 1
    print(figures.table(report["splits"]))
    written = {options.report: json.dumps(report, indent=1, ensure_ascii=False) + "\n"}
    if options.page:
        written[options.page] = page.page(report, synthesized)
    for path, content in written.items():
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            print(f"written to {path}")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m export.evaluation", description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", type=Path, help="recordings and their truth, a JSON object a line")
    of = "without --manifest; installed: a reading and noises that need no fetching; default: people synthesizers"
    parser.add_argument("--of", nargs="+", choices=(PEOPLE, INSTALLED, SYNTHESIZERS), help=of)
    parser.add_argument("--most", type=int, help="at most so many recordings a split, and speakers")
    parser.add_argument("--cache", type=Path, default=CACHE, help="of people's recordings, default: %(default)s")
    parser.add_argument("--config", type=Path, help="the gateway's configuration, default: the bundled one")
    parser.add_argument("--report", type=Path, help="all figures, and what was heard in each recording, as JSON")
    parser.add_argument("--page", type=Path, help="the figures as a page")
    parser.add_argument("--splits", nargs="+", help="only these")
    parser.add_argument("--at-once", type=int, default=8, help="recordings at once, default: %(default)s")
    parser.add_argument("--direct", action="store_true", help="one call a recording, without looking for speech first")
    parser.add_argument("--normalise", action="store_true", help="compare in lower case, without punctuation")
    options = parser.parse_args(arguments)
    whole = not (options.manifest or options.of or options.most or options.splits or options.direct)
    options.report = options.report or (REPORT if whole else None)
    options.page = options.page or (PAGE if whole else None)
    return options


def _evaluate(options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The report, and which of its splits are of synthesizers."""
    configured = configuration.load(options.config, os.environ)
    truths, synthesized = _truths(options)
    if options.splits:
        truths = [each for each in truths if each.split in options.splits]
        if not truths:
            raise ExportError(f"no recording is in {', '.join(options.splits)}")
    began_seconds = time.monotonic()
    people = PEOPLE in _sets(options) and not options.splits
    with _triton(configured, (*_NEEDED, "speaker_embedding") if people else _NEEDED) as triton:
        listening = Listening(dataclasses.replace(configured, triton=triton), options.direct, max(1, options.at_once))
        services = (options.cache, options.most) if people else None
        identity, heard, judged = asyncio.run(_listen(listening, truths, services))
    pairs = list(zip(truths, heard, strict=True))
    normalise = options.normalise or not options.manifest
    report = {
        "recogniser": identity,
        "direct": options.direct,
        "normalised": normalise,
        "took_seconds": round(time.monotonic() - began_seconds, 1),
        "splits": figures.splits(pairs, normalise),
        "services": judged,
        "recordings": [_entry(each, result) for each, result in pairs],
    }
    return report, synthesized


def _sets(options: argparse.Namespace) -> Sequence[str]:
    return () if options.manifest else options.of or (PEOPLE, SYNTHESIZERS)


def _truths(options: argparse.Namespace) -> tuple[list[Truth], list[str]]:
    """People first."""
    if options.manifest:
        return truth.load(options.manifest), []
    sets = _sets(options)
    found: list[Truth] = []
    if PEOPLE in sets:
        print("fetching and cutting people's recordings (a gigabyte the first time)")
        found += people.truths(options.cache, MATERIAL, options.most)
    if INSTALLED in sets:
        found += people.installed(MATERIAL)[: options.most]
    synthesized = truth.load(_own_test_set()) if SYNTHESIZERS in sets else []
    return [*found, *synthesized], list(dict.fromkeys(each.split for each in synthesized))


async def _listen(
    listening: Listening, truths: Sequence[Truth], services: tuple[Path, int | None] | None
) -> tuple[str, list[Heard], dict[str, Any] | None]:
    listener = Listener(listening)
    try:
        manifest = await listener.manifest()
        heard: list[Heard] = [Heard()] * len(truths)
        with tqdm.tqdm(total=len(truths), unit="recording", disable=None) as bar:
            async for place, result in listener.listen(truths):
                heard[place] = result
                bar.update()
        return manifest.identity, heard, await listener.services(*services) if services else None
    finally:
        await listener.close()


@contextlib.contextmanager
def _triton(configured: settings.Settings, needed: Sequence[str]) -> Iterator[settings.Triton]:
    """Where the Triton is that the settings name; one that runs for this alone where nothing listens there."""
    given = configured.triton
    patience = max(given.attempt_seconds, given.asr_attempt_seconds)
    triton = dataclasses.replace(
        given,
        models=tuple(needed),
        attempt_seconds=patience,
        give_up_seconds=max(given.give_up_seconds, _PATIENCE_SECONDS),
    )
    if _listens(triton):
        print(f"uses the Triton at {triton.host}:{triton.grpc_port}")
        yield triton
        return
    from tests.triton_server import ROOT, running_triton

    print(f"no Triton at {triton.host}:{triton.grpc_port}: starting one with the models of model_repository/")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_triton(ROOT / "model_repository", Path(folder), wait_for=tuple(needed)) as address,
    ):
        yield dataclasses.replace(triton, host=address.host, grpc_port=address.grpc_port)


def _listens(triton: settings.Triton) -> bool:
    try:
        with socket.create_connection((triton.host, triton.grpc_port), timeout=5):
            return True
    except OSError:
        return False


def _own_test_set() -> Path:
    """The bundled recogniser's test set, spoken by the synthesizers the first time."""
    python = Path(".venv-export/bin/python")
    if not TEST_SET.exists():
        if not python.exists():
            raise ExportError("the bundled test set needs .venv-export (docs/models.md says how); or give a --manifest")
        print("speaking the test set, once (a minute or two)")
        if subprocess.run([python, "-m", "export.training.testset"]).returncode:
            raise ExportError("the test set could not be made: see above, or give a --manifest")
    return TEST_SET


def _entry(known: Truth, heard: Heard) -> dict[str, Any]:
    entry: dict[str, Any] = {"audio": str(known.audio), "split": known.split, "language": known.language}
    entry |= {"text": known.text, "heard": heard.text, "english": known.english, "translated": heard.english}
    entry |= {"language_heard": heard.language, "error": heard.error}
    return {name: value for name, value in entry.items() if value not in (None, "")}


if __name__ == "__main__":
    sys.exit(main())
