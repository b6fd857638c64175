"""`python -m tests.bench.density.null_gateway`: the gateway in front of models that take no time and hear only silence.

All of its own work is done, up to the arrays that would go to Triton and from those that would come back.
"""

import sys
from unittest import mock

from frontend.__main__ import main
from frontend.triton.client import Inference, TritonClient
from frontend.triton.tensors import Arrays
from tests.bench.density import null_models


class NullTriton(TritonClient):
    async def attempt(self, inference: Inference, timeout_seconds: float, *, permitted: bool = False) -> Arrays:
        if permitted:
            self.permits(inference.model).release()
        return null_models.outputs(inference.model.name, inference.inputs["AUDIO"].shape)


if __name__ == "__main__":
    with mock.patch("frontend.app.TritonClient", NullTriton):
        sys.exit(main())
