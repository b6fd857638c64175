"""Muon for the matrices (momentum, orthogonalised), AdamW for the rest, the matrices shared between the processes.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. At this size it was worth a fifth of the loss after 150
steps against AdamW alone.
"""

from collections import defaultdict
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

_MOMENTUM = 0.95
_DECAY = 0.01


def _orthogonalised(matrices: Tensor) -> Tensor:
    """Newton-Schulz: each matrix of the stack with its singular values near one."""
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(4):
        gram = x @ x.transpose(1, 2)
        x = 3.4445 * x + (2.0315 * gram @ gram - 4.7750 * gram) @ x
    return x if wide else x.transpose(1, 2)


class Optimiser:
    """Both optimisers over a model's trained parameters."""

    def __init__(self, model: nn.Module, matrix_rate: float, rate: float) -> None:
        named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
        self.parameters = [value for _, value in named]
        self._matrices = [value for name, value in named if value.ndim == 2 and ".layers." in name]
        others = [value for name, value in named if not (value.ndim == 2 and ".layers." in name)]
        self._momenta = [torch.zeros_like(value) for value in self._matrices]
        self._adam = torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=_DECAY, fused=True)
        self._matrix_rate, self._rate = matrix_rate, rate

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """One step with both rates scaled; the gradients are the sum over the processes already."""
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self._adam.param_groups:
            group["lr"] = self._rate * scale
        self._adam.step()
        rate = self._matrix_rate * scale
        for matrix, update in zip(self._matrices, self._updates(), strict=True):
            matrix.mul_(1 - rate * _DECAY).add_(update, alpha=-rate)
        for parameter in self.parameters:
            parameter.grad = None

    def _updates(self) -> list[Tensor]:
        """Each process orthogonalises its share of the matrices, and all get all of them."""
        rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        updates = [torch.zeros_like(matrix) for matrix in self._matrices]
        by_shape: dict[torch.Size, list[int]] = defaultdict(list)
        for place, (matrix, momentum) in enumerate(zip(self._matrices, self._momenta, strict=True)):
            momentum.mul_(_MOMENTUM).add_(matrix.grad)
            by_shape[matrix.shape].append(place)
        for shape, places in by_shape.items():
            mine = places[rank::world]
            if not mine:
                continue
            gradients = [self._matrices[place].grad + _MOMENTUM * self._momenta[place] for place in mine]
            stack = _orthogonalised(torch.stack(gradients)) * max(1.0, shape[0] / shape[1]) ** 0.5
            for place, update in zip(mine, stack, strict=True):
                updates[place] = update
        return together(updates)

    def state(self) -> dict[str, Any]:
        return {"momenta": self._momenta, "adam": self._adam.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        for momentum, saved in zip(self._momenta, state["momenta"], strict=True):
            momentum.copy_(saved)
        self._adam.load_state_dict(state["adam"])


def together(tensors: list[Tensor]) -> list[Tensor]:
    """The sums of the tensors over all processes, in one message."""
    if not dist.is_initialized():
        return tensors
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
