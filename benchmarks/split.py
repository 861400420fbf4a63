"""Whether float32 products out of bfloat16 ones are faster: ``python benchmarks/split.py``.

A float32 number is the sum of three bfloat16 numbers, but for its last bit or two.  Of the nine products of the parts of two
numbers six matter, and a processor's bfloat16 units add them in float32: one product with six times as many terms.  Two parts
and three products have some 16 bits.  torch.mm rounds float32 operands to bfloat16 by itself where ``fp32_precision`` says so.

Least CPU times of one thread, all ways round after round, for (1024, 300) and (300, 300) matrices.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from bwtheory.nn.products import usual_products

ROWS, WIDTH, ROUNDS = 1024, 300, 40
PAIRS = {2: ((0, 0), (0, 1), (1, 0)), 3: ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))}


def parts(tensor: Tensor, count: int) -> list[Tensor]:
    """bfloat16 numbers, as float32, whose sum is nearly the tensor."""
    found: list[Tensor] = []
    for _ in range(count):
        found.append(tensor.bfloat16().float())
        tensor = tensor - found[-1]
    return found


def factors(x: Tensor, weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The two of one long product."""
    left, right = parts(x, count), parts(weights, count)
    return torch.cat([left[i] for i, _ in PAIRS[count]], 1), torch.cat([right[j] for _, j in PAIRS[count]])


def main() -> None:
    """Print times and errors."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, weights, out = torch.randn(ROWS, WIDTH), torch.randn(WIDTH, WIDTH), torch.empty(ROWS, WIDTH)
    exact, size = x.double() @ weights.double(), x.double().abs() @ weights.double().abs()
    products = usual_products()
    usual = products.product(x[None], weights[None], weights.T.contiguous()[None], out[None])
    long = {count: factors(x, weights, count) for count in PAIRS}

    def rounded(left: Tensor, right: Tensor) -> Callable[[], object]:
        def product() -> None:
            torch.backends.mkldnn.matmul.fp32_precision = "bf16"
            torch.mm(left, right, out=out)
            torch.backends.mkldnn.matmul.fp32_precision = "none"

        return product

    ways: dict[str, Callable[[], object]] = {f"float32, {products.name}": usual, "rounded to bfloat16": rounded(x, weights)}
    for count in PAIRS:
        ways[f"{count} parts, {len(PAIRS[count])} products at once"] = rounded(*long[count])
        ways[f"splitting features into {count} parts"] = lambda count=count: torch.cat(parts(x, count), 1)
    least, errors = dict.fromkeys(ways, float("inf")), {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            out.fill_(float("nan"))
            start = time.process_time()
            way()
            least[name] = min(least[name], time.process_time() - start)
            errors[name] = float(((out.double() - exact).abs() / size).max())
    unit = next(iter(least.values()))
    for name, seconds in least.items():
        error = "" if errors[name] != errors[name] else f"largest error by Σ|x||w| {errors[name]:.1e}"
        print(f"{name}: {seconds / unit:.2f} of float32  {error}")


if __name__ == "__main__":
    main()
