"""`python -m export asr --from …`: puts somebody's published weights behind `asr`, checked against PyTorch.

Runs in .venv-export. Nothing is published before everything has been made and measured; then the internal graph
appears, and after it the versions of `asr` and `language_id` that name it.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.failure import ExportError
from export.graphs import building as graph

DEFAULT_REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"
FAMILIES = {"whisper": "whisper", "wav2vec2": "ctc", "moonshine": "moonshine"}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    # The libraries talk to the hub about themselves and draw bars of their own.
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", TRANSFORMERS_VERBOSITY="error")
    try:
        export(options)
    except (ExportError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"export: {error.name} is missing: run make models ASR=…, which installs .venv-export", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    parser.add_argument("model", choices=("asr",), help="the model that is to speak these weights")
    parser.add_argument("--from", dest="source", required=True, help="a folder in the hub's layout, or a name there")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp32", help="default: %(default)s")
    parser.add_argument(
        "--decoding",
        choices=("loop", "steps"),
        default="loop",
        help="who writes token by token: the graph in a loop of its own, or the backend; default: %(default)s",
    )
    parser.add_argument("--target", choices=("onnx", "tensorrt"), default="onnx", help="default: %(default)s")
    parser.add_argument(
        "--languages",
        nargs="+",
        default=[],
        help="these weights for these languages only, the others stay as they are; of MMS weights the one adapter",
    )
    parser.add_argument("--no-padding", action="store_true", help="the weights do not need sound padded to 30 s")
    parser.add_argument("--repository", type=Path, default=DEFAULT_REPOSITORY, help="default: %(default)s")
    parser.add_argument(
        "--split-above",
        type=int,
        default=graph.LARGEST_BYTES,
        metavar="BYTES",
        help="weights of more than this are a file of their own beside the graph; default: %(default)s",
    )
    options = parser.parse_args(arguments)
    options.languages = [code for each in options.languages for code in each.split(",") if code]
    return options


def export(options: argparse.Namespace) -> None:
    from export.publishing.families.order import Order
    from export.sources.folder import locate

    checkpoint = locate(options.source, options.languages[0] if options.languages else None)
    kind = checkpoint.kind
    if kind not in FAMILIES:
        raise ExportError(f"{options.source} is {kind!r}, not one of {', '.join(FAMILIES)}: it cannot be exported")
    if options.decoding == "steps" and kind == "wav2vec2":
        raise ExportError(f"{options.source} says a letter for every frame: there is nothing to write step by step")
    order = Order(checkpoint, options.precision, options.languages, False if options.no_padding else None)
    if options.target == "tensorrt":
        from export.publishing import tensorrt

        tensorrt.export(FAMILIES[kind], order, options.repository)
        return
    make(FAMILIES[kind], order, options)


def make(family: str, order: Any, options: argparse.Namespace) -> None:
    import importlib
    from dataclasses import replace

    from tqdm import tqdm

    from export.parity import steps
    from export.publishing.families.order import Workplace

    maker = importlib.import_module(f"export.publishing.families.{family}")
    with tempfile.TemporaryDirectory() as folder, tqdm(total=4, unit="step", disable=None, leave=False) as progress:
        place = Workplace(Path(folder), options.split_above)
        progress.set_description("reading and checking")
        found = maker.read(order)
        progress.update()
        progress.set_description("building the graph")
        path = maker.write(found, order, place)
        progress.update()
        progress.set_description("comparing with PyTorch")
        recogniser = maker.describe(found, order, path)
        if options.decoding == "steps":
            apart = maker.apart(found, order)
            recogniser = replace(recogniser, steps=steps.files(apart, recogniser, path, options.split_above))
        progress.update()
        progress.set_description("publishing")
        published = publish(maker.GRAPH, recogniser, place.folder, options)
    for model, version in published:
        print(f"{model}: version {version.number} published")
    parity = recogniser.provenance.parity
    print(f"{order.checkpoint.name} differs from PyTorch by {parity['max_difference']:.1e}")


def publish(name: str, recogniser: Any, folder: Path, options: argparse.Namespace) -> list[tuple[str, Any]]:
    """The graph with its manifest inside, then what names it."""
    from export.graphs import model_files
    from export.graphs.runtime import Runner
    from export.publishing import agreement
    from export.publishing.asr_version import graph_manifest, named, publish_recogniser, refuse_forgotten
    from export.publishing.publication import MANIFEST_FILE, MODEL_FILE
    from export.publishing.publication import publish as publish_version

    repository, keep_others = options.repository, bool(options.languages)
    if keep_others:
        refuse_forgotten(repository, recogniser, name)
    text = json.dumps(graph_manifest(name, recogniser), ensure_ascii=False, sort_keys=True)
    path = folder / MODEL_FILE
    model_files.add_manifest(path, text)
    runner = Runner(path)
    agreement.check(name, path, runner.signature(), repository)
    if runner.manifest() != text:
        raise ExportError(f"{name}: the graph does not answer its own manifest; nothing was published")
    files = {**model_files.contents(folder), MANIFEST_FILE: text.encode()}
    version = publish_version(repository / name, files)
    try:
        return [(name, version), *publish_recogniser(repository, recogniser, version, keep_others=keep_others)]
    except BaseException:
        # Of a graph only the two newest versions are served: one that nothing names would push out one in use.
        if not named(repository, name, version):
            shutil.rmtree(version.path, ignore_errors=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
