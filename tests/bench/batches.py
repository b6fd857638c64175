"""How large the batches were: as Triton counts its executions, and as the gateway counts its calls."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.stage import Bench


@dataclass(frozen=True)
class Batches:
    """Counters of one model; two readings subtracted are what happened between them."""

    rows: int
    executions: int
    by_size: Mapping[int, int]  # executions
    called_rows: int  # by the gateway
    calls: int

    def __sub__(self, earlier: "Batches") -> "Batches":
        by_size = {size: count - earlier.by_size.get(size, 0) for size, count in self.by_size.items()}
        return Batches(
            self.rows - earlier.rows,
            self.executions - earlier.executions,
            {size: count for size, count in sorted(by_size.items()) if count},
            self.called_rows - earlier.called_rows,
            self.calls - earlier.calls,
        )


def read(bench: Bench, model: str) -> Batches:
    """The counters of this moment."""
    status, answer = bench.triton.call("GET", f"/v2/models/{model}/stats")
    assert status == 200, f"Triton tells no statistics of {model}: {answer}"
    by_size: dict[int, int] = {}
    rows = executions = 0
    for version in answer["model_stats"]:
        rows += int(version["inference_count"])
        executions += int(version["execution_count"])
        for batch in version["batch_stats"]:
            size = int(batch["batch_size"])
            by_size[size] = by_size.get(size, 0) + int(batch["compute_infer"]["count"])
    called_rows, calls = (_called(bench, f'gateway_batch_rows_{part}{{model="{model}"}}') for part in ("sum", "count"))
    return Batches(rows, executions, by_size, called_rows, calls)


def _called(bench: Bench, sample: str) -> int:
    try:
        return int(bench.gateway.metric(sample))
    except KeyError:  # not yet
        return 0
