"""A graph that is not what its reference is does not get out."""

import json
from pathlib import Path

import pytest

from export.failure import ExportError
from export.publishing.families.order import Order
from export.sources.folder import Checkpoint
from tests.export.publishing.published.conftest import run

pytestmark = pytest.mark.timeout(600)  # PyTorch is imported, and weights are exported, before the first

PARAMETERS = (
    "model.encoder.conv2.weight",
    "model.encoder.layers.1.fc2.weight",
    "model.decoder.layers.0.encoder_attn.v_proj.weight",
    "model.decoder.layer_norm.weight",
)


def test_one_parameter_that_is_off_by_a_hundredth_is_noticed(checkpoints: Path) -> None:
    outcome = run("tests.export.publishing.published.perturbed", str(checkpoints / "multilingual"), *PARAMETERS)
    assert outcome.returncode == 0, outcome.stderr
    measured = json.loads(outcome.stdout.splitlines()[-1])
    assert all(measured[name] > 1e-3 for name in PARAMETERS), measured


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ({"max_difference": 2e-4, "batch_difference": 0.0}, r"differs from its reference in PyTorch by 2\.0e-04"),
        ({"max_difference": float("nan"), "batch_difference": 0.0}, "differs from its reference"),
        ({"max_difference": 0.0, "batch_difference": 2e-4}, "differs from itself alone in a batch"),
    ],
)
def test_a_difference_beyond_the_tolerance_is_refused(tmp_path: Path, measured: dict[str, float], message: str) -> None:
    order = Order(Checkpoint("weights", tmp_path), "fp32", [], padding=None)
    with pytest.raises(ExportError, match=message):
        order.provenance("0" * 32, measured)
