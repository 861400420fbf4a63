"""Calls of a network that are evaluated in chunks are those layer by layer, to rounding, in all that autograd is asked for."""

from __future__ import annotations

import threading
import weakref

import pytest
import torch
from torch.func import functional_call

from bwtheory.nn import INR, calibration, chunked
from bwtheory.nn.products import usual_products
from bwtheory.nn.workers import Workers

NAMES = ("bw-relu", "relu", "siren", "wire", "finer", "gauss", "relu-pe", "relu-rff")
ROWS = 700  # three chunks, one of them shorter


@pytest.fixture
def paying(monkeypatch):
    """Every call is large enough; a function that says which calls go layer by layer, by making none large enough."""
    monkeypatch.setattr(chunked, "FEW", 0)
    monkeypatch.setattr(chunked, "LEAST", 0.0)
    monkeypatch.setattr(chunked, "chunk_for", lambda width: 256)

    def layer_by_layer():
        monkeypatch.setattr(chunked, "LEAST", float("inf"))

    return layer_by_layer


def network_of(name: str = "bw-relu", **more) -> INR:
    torch.manual_seed(0)
    return INR(2, 2, 9, 3, name, **more).double()


def points(rows: int = ROWS) -> torch.Tensor:
    return torch.rand(rows, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1


def in_chunks(values: torch.Tensor) -> bool:
    return type(values.grad_fn).__name__ == "_ValuesBackward"


def close(ours, expected) -> None:
    """In float64, sums of 700 terms of size 1 and slopes up to 30 in each of three layers."""
    for mine, right in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, right, rtol=0, atol=1e-9 * max(1.0, float(right.abs().max())))


def everything(network: INR, x: torch.Tensor) -> list[torch.Tensor]:
    """Values, gradients of a loss that is no mean of squares, and a Hessian times a vector."""
    values = network(x)
    loss = (values * values.roll(1, 0)).sum() + values[::3].exp().mean()
    gradients = torch.autograd.grad(loss, list(network.parameters()), create_graph=True)
    squared = sum((gradient * gradient.detach()).sum() for gradient in gradients)
    second = torch.autograd.grad(squared, list(network.parameters()), allow_unused=True, materialize_grads=True)
    plain = torch.autograd.grad((values.detach() * network(x)).sum(), list(network.parameters()))
    return [values.detach(), *(g.detach() for g in gradients), *second, *plain]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("more", [{}, {"skip": True, "linear_layers": True, "input_scale": 0.7, "output_scale": 0.5}])
def test_values_and_derivatives(name, more, paying, threads):
    network, x = network_of(name, **more), points()
    assert in_chunks(network(x))
    ours = everything(network, x)
    with torch.no_grad():
        torch.testing.assert_close(network(x), ours[0], rtol=0, atol=0)
    paying()
    assert not in_chunks(network(x))
    close(ours, everything(network, x))


def test_hooks_of_weights_run_once(paying):
    """Of first and second order: a hook that doubles a gradient would show twice."""
    network, x = network_of(), points()
    for parameter in network.parameters():
        parameter.register_hook(lambda gradient: 2 * gradient)
    ours = everything(network, x)
    paying()
    close(ours, everything(network, x))


def test_what_is_not_kept_is_computed_again(paying, monkeypatch):
    network, x = network_of(), points()
    kept = everything(network, x)
    monkeypatch.setattr(chunked, "KEEP_BYTES", 0)
    close(everything(network, x), kept)


@pytest.mark.parametrize("name", NAMES)
def test_two_graphs_at_once_and_a_graph_twice(name, paying, threads):
    network, x, parameters = network_of(name), points(), None
    parameters = list(network.parameters())
    first, second = network(x[:400]), network(x[400:])
    assert in_chunks(first) and in_chunks(second)
    loss = first.square().sum() + second.square().sum()
    once = torch.autograd.grad(loss, parameters, retain_graph=True)
    twice = torch.autograd.grad(loss, parameters)
    for a, b in zip(once, twice, strict=True):
        assert torch.equal(a, b)
    paying()
    close(once, torch.autograd.grad(network(x).square().sum(), parameters))


def test_weights_that_change_before_the_gradient_is_taken(paying):
    network, x = network_of(), points()
    values = network(x)
    with torch.no_grad():
        network.hidden[1].weight.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


def test_frozen_parameters(paying):
    network, x = network_of(), points()
    for p in network.hidden.parameters():
        p.requires_grad_(False)
    values = network(x)
    assert in_chunks(values)
    values.sum().backward()
    assert all(p.grad is None for p in network.hidden.parameters())
    torch.testing.assert_close(network.output.bias.grad, torch.full((2,), float(ROWS), dtype=torch.float64))
    network.requires_grad_(False)
    assert network(x).grad_fn is None


def test_weights_that_are_computed(paying):
    """A step of gradient descent within a step, as in meta-learning."""
    network, x = network_of(), points()

    def outer() -> list[torch.Tensor]:
        weights = dict(network.named_parameters())
        inner = torch.autograd.grad(network(x).square().mean(), list(weights.values()), create_graph=True)
        moved = {name: weight - 0.1 * step for (name, weight), step in zip(weights.items(), inner)}
        values = functional_call(network, moved, (x,))
        return list(torch.autograd.grad(values.square().mean(), list(weights.values())))

    assert in_chunks(functional_call(network, {n: 2 * p for n, p in network.named_parameters()}, (points(),)))
    ours = outer()
    paying()
    close(ours, outer())


def test_several_gradients_at_once(paying):
    network, x = network_of(), points(5)
    values, parameters = network(x), list(network.parameters())
    assert in_chunks(values)
    batch = torch.eye(10, dtype=torch.float64).view(10, 5, 2)
    ours = torch.autograd.grad(values, parameters, batch, retain_graph=True, is_grads_batched=True)
    rows = [torch.autograd.grad(values, parameters, each, retain_graph=True) for each in batch]
    close(ours, [torch.stack(each) for each in zip(*rows)])


def test_users_take_turns():
    """Numbers of threads are those of the process: who comes while others multiply waits."""
    torch_threads, began, go_on, order = torch.get_num_threads(), threading.Event(), threading.Event(), []

    def first(*_) -> None:
        began.set()
        assert go_on.wait(60)
        order.append("first")

    one = threading.Thread(target=Workers(usual_products()).share, args=(first, 1, 1))
    two = threading.Thread(target=Workers(usual_products()).share, args=(lambda *_: order.append("second"), 2, 2))
    one.start()
    assert began.wait(60)
    two.start()
    two.join(0.3)
    assert two.is_alive() and not order
    go_on.set()
    one.join(60), two.join(60)
    assert order == ["first", "second", "second"] and torch.get_num_threads() == torch_threads


def test_two_threads_have_their_values(paying, threads):
    network, other, x = network_of(), network_of("siren"), points()
    expected = [[g.clone() for g in everything(each, x)] for each in (network, other)]
    found: dict[int, list[torch.Tensor]] = {}

    def work(number: int) -> None:
        for _ in range(3):
            found[number] = everything((network, other)[number], x)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert torch.get_num_threads() == threads
    for number in range(2):
        close(found[number], expected[number])


def test_features_are_freed(paying):
    network, x = network_of(), points()
    values = network(x)
    chunks = weakref.ref(values.grad_fn.chunks)
    assert chunks() is not None and chunks()._passes
    values.sum().backward(retain_graph=True)
    assert not chunks()._passes
    del values
    assert chunks() is None


def test_when_it_does_not_pay(monkeypatch):
    """The size of a call decides, and nothing else that it can be told from is lost."""
    network, x = INR(2, 1, 64, 3), torch.rand(100_000, 2)
    assert in_chunks(network(x)) and not in_chunks(network(x[:1000]))
    assert not in_chunks(network(x.requires_grad_()))
    x = x.detach()
    with torch.autocast("cpu", torch.bfloat16):
        assert not in_chunks(network(x))
    seen = []
    handle = network.hidden[1].register_forward_hook(lambda *given: seen.append(given))
    assert not in_chunks(network(x)) and len(seen) == 1
    handle.remove()
    modules = torch.nn.modules.module
    for register in (modules.register_module_forward_hook, modules.register_module_forward_pre_hook):
        seen.clear()
        handle = register(lambda *given: seen.append(given) and None)
        assert not in_chunks(network(x)) and len(seen) > 5
        handle.remove()
    for register in (modules.register_module_full_backward_hook, modules.register_module_full_backward_pre_hook):
        handle = register(lambda *given: None)
        assert not in_chunks(network(x))
        handle.remove()
    assert in_chunks(network(x)) and not in_chunks(INR(2, 1, 64, 3, learnable=True)(x))
    assert not in_chunks(INR(2, 1, 64, 3, torch.sin)(x))


def test_products_that_were_measured_before(paying, monkeypatch, tmp_path):
    """They are used, but nothing is measured in a call; ``BWTHEORY_ENGINE`` comes first."""
    monkeypatch.setattr(calibration, "_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(calibration, "_of_this_process", {})
    monkeypatch.setattr(calibration, "_known_here", {})
    monkeypatch.delenv("BWTHEORY_ENGINE", raising=False)
    other = next(name for name in calibration.available() if name != usual_products().name)
    times = {usual_products().name: (2.0, 2.0), other: (1.0, 1.0)}
    monkeypatch.setattr(calibration, "measured_seconds", lambda *given: times)
    network, x = network_of(), points()
    engine = lambda: network(x).grad_fn.chunks.products.name  # noqa: E731
    assert engine() == usual_products().name and not list(tmp_path.iterdir())
    calibration.fastest_products(256, 9, 1, torch.float64)
    assert engine() == other
    monkeypatch.setenv("BWTHEORY_ENGINE", usual_products().name)
    assert engine() == usual_products().name
