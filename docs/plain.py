"""What ``bwtheory train signal --preset paper`` computes, on one screen of plain PyTorch.

    python docs/plain.py photo.png --shrink 4 --epochs 200

Nothing is imported from bwtheory.  ``tests/test_plain.py`` compares both: the same losses at every epoch, and the same weights.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class BWReLU(nn.Module):
    """ψ(cz), ψ the sum of seven ReLUs."""

    weights = (1 / 6, -4 / 3, 23 / 6, -16 / 3, 23 / 6, -4 / 3, 1 / 6)

    def __init__(self, c: float):
        super().__init__()
        self.c = c

    def forward(self, z: Tensor) -> Tensor:
        return sum((a * torch.relu(self.c * z - n / 2) for n, a in enumerate(self.weights)), torch.zeros_like(z))


def network(seed: int, channels: int, c: float = 9.0, width: int = 300, depth: int = 3) -> nn.Sequential:
    """Coordinates (N, 2) to values (N, channels); weights and biases as PyTorch starts them."""
    torch.manual_seed(seed)
    sizes = [2, *[width] * depth]
    hidden = [nn.Sequential(nn.Linear(n, m), BWReLU(c)) for n, m in zip(sizes, sizes[1:])]
    return nn.Sequential(*hidden, nn.Linear(width, channels))


def coordinates(height: int, width: int) -> Tensor:
    """(height·width, 2): x and y of the pixels, row by row, from −1 to 1."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def train(net: nn.Module, x: Tensor, y: Tensor, epochs: int, lr: float = 4e-3, decay: float = 0.1) -> Iterator[float]:
    """Adam on all pixels at once; the loss before each step, and that after the last one."""
    optimizer = torch.optim.Adam(net.parameters(), lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: decay ** (epoch / epochs))
    for _ in range(epochs):
        loss = (net(x) - y).square().mean()
        yield loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        yield (net(x) - y).square().mean().item()


def main() -> None:
    import numpy as np
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", help="of 8-bit colours")
    parser.add_argument("--shrink", type=int, default=1, help="divide both sides by this")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=40)
    given = parser.parse_args()
    pixels = torch.from_numpy(np.asarray(Image.open(given.image).convert("RGB").reduce(given.shrink)) / np.float32(255))
    net = network(given.seed, 3)
    for epoch, loss in enumerate(train(net, coordinates(*pixels.shape[:2]), pixels.flatten(0, 1), given.epochs)):
        if epoch % 10 == 0:
            print(f"epoch {epoch}: {-10 * math.log10(loss):.1f} dB", flush=True)


if __name__ == "__main__":
    main()
