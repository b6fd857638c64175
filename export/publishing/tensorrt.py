"""`--target tensorrt`: a plan for NVIDIA's GPUs, made by trtexec on a machine that has it, for its own kind of GPU.

Only graphs without a loop can become a plan: those of CTC, and Whisper's encoder with the keys and values of
cross-attention. A plan takes AUDIO as INT32, because TensorRT knows no INT16, and answers no MANIFEST, because it knows
no strings; manifest.json lies beside, and config.pbtxt is written where there is none. None was ever made here.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from docker.triton.agreement import Signature, Tensor
from export.failure import ExportError
from export.graphs import model_files
from export.graphs.building import INT32
from export.graphs.ctc.graph import build
from export.graphs.runtime import Runner
from export.publishing.asr_version import MAX_SECONDS, SAMPLE_RATE, Recogniser, graph_manifest
from export.publishing.families.order import Order, Workplace
from export.publishing.publication import MANIFEST_FILE, publish

TRTEXEC, PLAN_FILE, CONFIG_FILE = "trtexec", "model.plan", "config.pbtxt"
MODELS = {"ctc": "ctc_tensorrt", "whisper": "whisper_encoder_tensorrt"}
MOST_ROWS = 16
Profile = Mapping[str, tuple[int, float]]  # rows and seconds of AUDIO
# Of the smallest, the usual and the largest batch that Triton hands over.
PROFILE: Profile = {"min": (1, 0.1), "opt": (8, 10.0), "max": (MOST_ROWS, float(MAX_SECONDS))}
PADDED: Profile = {name: (rows, float(MAX_SECONDS)) for name, (rows, _seconds) in PROFILE.items()}


@dataclass(frozen=True)
class Planned:
    """A graph that TensorRT can take, whose it is, and the shapes that it is served in."""

    graph: onnx.ModelProto
    recogniser: Recogniser

    @property
    def profile(self) -> Profile:
        return PADDED if self.recogniser.wants_padding else PROFILE


def export(family: str, order: Order, repository: Path) -> None:
    if family not in MODELS:
        raise ExportError(
            f"TensorRT knows no operator that turns positions, as {family} does: export it without --target tensorrt, "
            "ONNX Runtime runs it on GPUs too"
        )
    if order.precision == "int8":
        raise ExportError("TensorRT wants int8 calibrated on your own sound: use --precision fp16")
    trtexec = shutil.which(TRTEXEC)
    if trtexec is None:
        raise ExportError(
            f"{TRTEXEC} is not here: run this where TensorRT is installed, on the kind of GPU that is to serve the plan"
        )
    model = MODELS[family]
    with tempfile.TemporaryDirectory() as folder:
        planned = prepared(family, order, Path(folder))
        signature = write_plan(trtexec, planned, order, Path(folder))
        manifest = json.dumps(graph_manifest(model, planned.recogniser), ensure_ascii=False, sort_keys=True)
        plan = (Path(folder) / PLAN_FILE).read_bytes()
    version = publish(repository / model, {PLAN_FILE: plan, MANIFEST_FILE: manifest.encode()})
    config = repository / model / CONFIG_FILE
    if not config.exists():
        config.write_text(configuration(model, signature), "utf-8")
    print(f"{version.path / PLAN_FILE} written; nothing calls it: `asr` calls graphs of ONNX Runtime")


def prepared(family: str, order: Order, folder: Path) -> Planned:
    """The same weights are measured against PyTorch before they are handed over; the plan itself is not."""
    from export.publishing.families import ctc, whisper

    measured = folder / "measured"
    measured.mkdir()
    place = Workplace(measured, largest_bytes=0)
    if family == "whisper":
        heard = whisper.read(order)
        recogniser = whisper.describe(heard, order, whisper.write(heard, order, place))
        return Planned(whisper.encoder_for_tensorrt(heard, order), recogniser)
    found = ctc.read(order)
    recogniser = ctc.describe(found, order, ctc.write(found, order, place))
    return Planned(build(found.weights, found.shape, "fp32", INT32), recogniser)


def write_plan(trtexec: str, planned: Planned, order: Order, folder: Path) -> Signature:
    """What the graph takes and gives, once its plan is there."""
    path = model_files.write(planned.graph, folder, largest_bytes=0)
    line = command(trtexec, path, folder / PLAN_FILE, planned.profile)
    outcome = subprocess.run(
        [*line, *(["--fp16"] if order.precision == "fp16" else [])], capture_output=True, text=True, check=False
    )
    if outcome.returncode or not (folder / PLAN_FILE).is_file():
        last = (outcome.stderr or outcome.stdout).strip().rpartition("\n")[2]
        raise ExportError(f"{TRTEXEC} failed with {outcome.returncode}: {last}; nothing was published")
    return Runner(path).signature()


def command(trtexec: str, graph: Path, plan: Path, profile: Profile) -> list[str]:
    """One profile from the smallest batch to the largest."""
    shapes = [
        f"--{name}Shapes=AUDIO:{rows}x{round(seconds * SAMPLE_RATE)},LENGTH:{rows}x1"
        for name, (rows, seconds) in profile.items()
    ]
    return [trtexec, f"--onnx={graph}", f"--saveEngine={plan}", *shapes]


def configuration(model: str, signature: Signature) -> str:
    """As Triton is to serve the plan."""

    def tensors(kind: str, found: Mapping[str, Tensor]) -> str:
        stated = [
            f'  {{ name: "{each.name}" data_type: TYPE_{each.kind} dims: [ {", ".join(map(str, each.shape[1:]))} ] }}'
            for each in found.values()
        ]
        return f"{kind} [\n" + ",\n".join(stated) + "\n]\n"

    return (
        f'# Written by `python -m export`, of the graph that the plan was made of.\nname: "{model}"\n'
        f'backend: "tensorrt"\nmax_batch_size: {MOST_ROWS}\n'
        f"{tensors('input', signature.inputs)}{tensors('output', signature.outputs)}"
        "instance_group [ { count: 1 kind: KIND_GPU } ]\n"
    )
