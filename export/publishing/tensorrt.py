"""`--target tensorrt`: a plan for NVIDIA's GPUs, made by trtexec on a machine that has it, for its own kind of GPU.

Only graphs without a loop can become a plan, so Whisper's cannot: it decodes inside its graph. A plan takes AUDIO as
INT32, because TensorRT knows no INT16, and answers no MANIFEST, because it knows no strings; manifest.json lies beside.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from export.failure import ExportError
from export.graphs import model_files
from export.graphs.building import INT32
from export.graphs.ctc.graph import build
from export.publishing.asr_version import MAX_SECONDS, SAMPLE_RATE, Recogniser, graph_manifest
from export.publishing.families.order import Order, Workplace
from export.publishing.publication import MANIFEST_FILE, publish

TRTEXEC, PLAN_FILE, MODEL = "trtexec", "model.plan", "ctc_tensorrt"
# Rows and seconds of the smallest, the usual and the largest batch that Triton hands over.
PROFILE = {"min": (1, 0.1), "opt": (8, 10.0), "max": (16, float(MAX_SECONDS))}


def export(family: str, order: Order, repository: Path) -> None:
    if family != "ctc":
        raise ExportError(
            "TensorRT cannot take Whisper's graph, which decodes in a loop: export it without --target tensorrt, "
            "ONNX Runtime runs it on GPUs too"
        )
    if order.precision == "int8":
        raise ExportError("TensorRT wants int8 calibrated on your own sound: use --precision fp16")
    trtexec = shutil.which(TRTEXEC)
    if trtexec is None:
        raise ExportError(
            f"{TRTEXEC} is not here: run this where TensorRT is installed, on the kind of GPU that is to serve the plan"
        )
    with tempfile.TemporaryDirectory() as folder:
        recogniser = write_plan(trtexec, order, Path(folder))
        manifest = json.dumps(graph_manifest(MODEL, recogniser), ensure_ascii=False, sort_keys=True)
        plan = (Path(folder) / PLAN_FILE).read_bytes()
    version = publish(repository / MODEL, {PLAN_FILE: plan, MANIFEST_FILE: manifest.encode()})
    print(f"{version.path / PLAN_FILE} written; nothing calls it: `asr` sends INT16 to graphs of ONNX Runtime")


def write_plan(trtexec: str, order: Order, folder: Path) -> Recogniser:
    """The same graph is measured against PyTorch before it is handed over; the plan itself is not."""
    from export.publishing.families import ctc

    found = ctc.read(order)
    measured = folder / "measured"
    measured.mkdir()
    place = Workplace(measured, largest_bytes=0)
    recogniser = ctc.describe(found, order, ctc.write(found, order, place))
    path = model_files.write(build(found.weights, found.shape, "fp32", INT32), folder, largest_bytes=0)
    line = command(trtexec, path, folder / PLAN_FILE, order.precision == "fp16")
    outcome = subprocess.run(line, capture_output=True, text=True, check=False)
    if outcome.returncode or not (folder / PLAN_FILE).is_file():
        last = (outcome.stderr or outcome.stdout).strip().rpartition("\n")[2]
        raise ExportError(f"{TRTEXEC} failed with {outcome.returncode}: {last}; nothing was published")
    return recogniser


def command(trtexec: str, graph: Path, plan: Path, half: bool) -> list[str]:
    """One profile from the shortest sound alone to a full batch of the longest."""
    shapes = [
        f"--{name}Shapes=AUDIO:{rows}x{round(seconds * SAMPLE_RATE)},LENGTH:{rows}x1"
        for name, (rows, seconds) in PROFILE.items()
    ]
    return [trtexec, f"--onnx={graph}", f"--saveEngine={plan}", *shapes, *(["--fp16"] if half else [])]
