"""Gauss–Newton steps against the dense Jacobian, and as a part of a run."""

import json
import math
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from seeds import seeded

from bwtheory.nn import ACTIVATIONS, INR, Activation
from bwtheory.tasks.operators import BlockAverage
from bwtheory.training import callbacks
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import with_preset
from bwtheory.training.gauss_newton import DAMPING, HALVINGS, GaussNewton
from bwtheory.training.gradient import predict
from bwtheory.training.run import RunDirectory

NETWORKS = {
    "bw-relu": {"c": 3.0},
    "relu": {},
    "relu-pe": {"frequencies": 2},
    "relu-rff": {},
    "siren": {"omega_0": 5.0},
    "gauss": {"sigma_0": 2.0},
    "finer": {"omega_0": 5.0, "first_bias_scale": 1.0},
}


def problem(activation="bw-relu", channels=1, operator=None, chunk=7, **shape):
    torch.manual_seed(seeded())
    network = INR(2, channels, 5, 3, activation, **shape, **NETWORKS[activation]).double()
    x = torch.rand(16, 2, dtype=torch.float64) * 2 - 1
    y = torch.rand(operator.measurements if operator else 16, channels, dtype=torch.float64)
    return network, x, y, GaussNewton(network, x, y, operator, chunk)


def jacobian(network, x, operator=None):
    """(M·C, P), by finite differences of every parameter in the solver's order: independent of any derivative in the code."""
    own = [p for linear in network.linears for p in (linear.weight, linear.bias)]
    own += [network.skip.weight] if network.skip is not None else []
    columns = []
    with torch.no_grad():
        for p in own:
            for i in range(p.numel()):
                h = 1e-7
                p.view(-1)[i] += h
                above = network(x)
                p.view(-1)[i] -= 2 * h
                below = network(x)
                p.view(-1)[i] += h
                change = (above - below) / (2 * h)
                columns.append((operator(change) if operator else change).flatten())
    return torch.stack(columns, dim=1)


SHAPES = [
    {},
    {"linear_layers": True},
    {"skip": True, "input_scale": 1.5},
    {"output_scale": 0.5, "output_shift": 0.5},
    {"output_scale": 0.5, "output_shift": 0.5, "skip": True},
    {"channels": 3},
]


@torch.no_grad()
@pytest.mark.parametrize(("activation", "shape"), [(a, {}) for a in NETWORKS] + [("bw-relu", shape) for shape in SHAPES[1:]])
def test_products_are_those_of_the_jacobian(activation, shape):
    network, x, y, solver = problem(activation, **shape)
    dense = jacobian(network, x)
    loss, values = solver.linearize()
    assert torch.allclose(values[0], network(x), rtol=0, atol=1e-12)  # float64 numbers near 1, summed in another order
    assert torch.allclose(loss[0], (network(x) - y).square().mean(), rtol=1e-12, atol=0)
    torch.manual_seed(seeded(1))
    vector, change = torch.randn(dense.shape[1], dtype=torch.float64), torch.randn_like(y)
    scale = dense.norm()
    assert torch.allclose(solver._transposed(change), dense.T @ change.flatten(), atol=1e-6 * scale)
    assert torch.allclose(solver.curvature(vector), dense.T @ (dense @ vector), atol=1e-6 * scale**2)


@torch.no_grad()
def test_products_through_an_operator():
    operator = BlockAverage((4, 4), 2)
    network, x, _, solver = problem(operator=operator)
    dense = jacobian(network, x, operator)
    solver.linearize()
    vector = torch.randn(dense.shape[1], dtype=torch.float64)
    assert torch.allclose(solver.curvature(vector), dense.T @ (dense @ vector), atol=1e-6 * dense.norm() ** 2)


@torch.no_grad()
def test_preconditioner_is_the_inverse_of_the_squared_columns():
    network, x, _, solver = problem(channels=3)
    squares = jacobian(network, x).square().sum(0)
    solver.linearize()
    found = solver._shaped(solver._preconditioner())
    for own, expected in zip(found, solver._shaped(squares)):
        assert torch.allclose(1 / own, expected + DAMPING * expected.max(), rtol=1e-4, atol=1e-6 * float(squares.max()))


def test_features_computed_again_give_the_same_step(monkeypatch):
    steps = []
    for limit in (2**31, 0):
        monkeypatch.setattr("bwtheory.training.gauss_newton.KEEP_BYTES", limit)
        *_, solver = problem()
        solver.linearize()
        assert (solver._parts is None) == (limit == 0)
        steps.append(solver.solve(10))
    assert torch.equal(*steps)


def test_conjugate_gradients_solve_the_linearized_problem(monkeypatch):
    network, x, y, solver = problem("siren")
    dense = jacobian(network, x)
    monkeypatch.setattr(solver, "_shortened", lambda step, gain: step)
    solver.linearize()
    residual = (y - network(x)).detach().flatten()
    left = [float((residual - dense @ solver.solve(n)).norm() / residual.norm()) for n in (1, 8, 24, 100)]
    assert 1 > left[0] > left[1] > left[2] and left[3] < 1e-5  # there are more parameters than values


def measured_by(network, x, operator=None):
    """What the solver itself computes, to the last bit."""
    values = predict(network, x, 7)
    return operator(values) if operator else values


@torch.no_grad()
def test_a_step_that_raises_the_loss_is_no_step(monkeypatch):
    """A step that raises the loss is halved until it lowers it.

    The step is made long enough to raise it: the output layer is linear, so the loss grows in the end along a step that
    changes it.
    """
    network, x, y, _ = problem("siren")
    start = [p.clone() for p in network.parameters()]
    solver = GaussNewton(network, x, y, None, 7)

    def loss_after(step):
        solver.move(step)
        after = float((measured_by(network, x) - y).square().mean())
        for p, before in zip(network.parameters(), start):
            p.copy_(before)
        return after

    before = float(solver.linearize()[0])
    with monkeypatch.context() as whole:
        whole.setattr(GaussNewton, "_shortened", lambda self, step, gain: step)
        step = solver.solve(30)
    while loss_after(step) <= before:
        step = 2 * step
    enough = torch.tensor(math.inf)  # what the linearization promises; it is not asked for here
    found = solver._shortened(step, enough)
    lower = [step / 2**n for n in range(HALVINGS) if before - loss_after(step / 2**n) > solver._rounding]
    assert lower and torch.equal(found, lower[0]) and loss_after(found) < before < loss_after(step)


@pytest.mark.parametrize("operator", [None, BlockAverage((4, 4), 2)], ids=["pixels", "operator"])
def test_nothing_lowers_the_loss_of_a_perfect_fit(operator, monkeypatch):
    """And no step is tried for it."""
    network, x, _, _ = problem(operator=operator)
    solver = GaussNewton(network, x, measured_by(network, x, operator), operator, 7)
    loss, _ = solver.linearize()
    monkeypatch.setattr("bwtheory.training.gauss_newton.predict", None)
    assert float(loss) == 0 and solver.solve(3) is None


@pytest.mark.parametrize("operator", [None, BlockAverage((4, 4), 2)], ids=["pixels", "operator"])
def test_units_in_the_last_place_are_not_fitted(operator):
    """Neighbours of the values m, above and below: the residuals are exact and lie between ε|m|/2 and ε|m|.  No step can gain
    more than all squares, at most ε² Σ m², which is a part of what counts as rounding; another part is ε² √(Σ m⁴) or more, at
    least ε² Σ m²/4 for 16 values, and leaves room for rounding in the iteration."""
    network, x, _, _ = problem(operator=operator)
    m = measured_by(network, x, operator)
    above = torch.nextafter(m, m.new_tensor(torch.inf))
    below = torch.nextafter(m, m.new_tensor(-torch.inf))
    y = torch.where(torch.arange(len(m)).unsqueeze(1) % 3 == 0, above, below)
    solver = GaussNewton(network, x, y, operator, 7)
    loss, _ = solver.linearize()
    assert float(loss) > 0 and solver.solve(50) is None


def test_more_than_rounding_is_still_gained():
    """Residuals of 1000 ε m: larger output weights fit them exactly, and their squares are 300 times what counts as rounding or
    more, as ε² Σ m² (1 + 2000 + 10⁶ε) < 10⁶ ε² Σ m²/300.  The values of the new weights are some ten roundings off."""
    network, x, _, _ = problem()
    solver = GaussNewton(network, x, measured_by(network, x) * (1 + 1000 * torch.finfo(torch.float64).eps), None, 7)
    before, _ = solver.linearize()
    solver.move(solver.solve(50))
    after, _ = solver.linearize()
    assert float(after) < 0.1 * float(before)


def test_an_interrupt_is_noticed_between_two_iterations():
    *_, solver = problem()
    solver.linearize()
    before = solver.network.state_dict()["output.weight"].clone()
    assert solver.solve(1000, interrupted=[2]) is None
    assert torch.equal(solver.network.state_dict()["output.weight"], before)


@pytest.mark.parametrize(
    ("network", "words"),
    [(INR(1, 1, 4, 2, "wire"), "real weights, not for WIRE"), (INR(1, 1, 4, 2, learnable=True), "not activation.log_c")],
)
def test_networks_it_is_not_for_are_refused(network, words):
    with pytest.raises(ValueError, match=words):
        GaussNewton(network, torch.zeros(3, 1), torch.zeros(3, 1), None, 4)


class GrowingSine(ACTIVATIONS["finer"]):
    def forward(self, z):
        return torch.sin(z) + z


class Cosine(ACTIVATIONS["siren"]):
    def forward(self, z):
        return torch.cos(z)


class Steps(Activation):
    def forward(self, z):
        return (z > 0).to(z.dtype)


class Squared(INR):
    def forward(self, x):
        return super().forward(x).square()


class Softmax(Activation):
    def forward(self, z):
        return torch.softmax(z, dim=-1)


class WithALayer(ACTIVATIONS["relu"]):
    def __init__(self):
        super().__init__()
        self.own = torch.nn.Linear(1, 1)


@torch.no_grad()
@pytest.mark.parametrize("activation", [GrowingSine, Cosine, Steps, torch.tanh, "gelu"])
def test_activations_of_ones_own(activation):
    torch.manual_seed(seeded())
    network = INR(2, 1, 5, 3, activation).double()
    x = torch.rand(16, 2, dtype=torch.float64)
    solver = GaussNewton(network, x, torch.rand(16, 1, dtype=torch.float64), None, 7)
    solver.linearize()
    dense, change = jacobian(network, x), torch.randn(16, 1, dtype=torch.float64)
    assert torch.allclose(solver._transposed(change), dense.T @ change.flatten(), atol=1e-6 * dense.norm())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Squared(2, 1, 5, 2), "Squared has a forward"),
        (lambda: INR(2, 1, 5, 2, WithALayer), "not activation.own"),
        (lambda: INR(2, 1, 5, 2, Softmax), "Softmax is not"),
    ],
)
def test_what_is_not_in_the_layers_is_refused(make, words):
    x = torch.rand(9, 2)
    with pytest.raises(ValueError, match=words):
        GaussNewton(make(), x, x[:, :1], None, 4)


@pytest.fixture
def given(tmp_path) -> dict:
    y, x = np.mgrid[0:12, 0:17]
    Image.fromarray((127 + 80 * np.sin(x / 3) + 40 * np.cos(y / 2)).astype(np.uint8)).save(tmp_path / "picture.png")
    settings = {"source": str(tmp_path / "picture.png"), "hidden_features": 30, "hidden_layers": 2, "log_every": 20}
    return settings | {"epochs": 100, "gauss_newton_after": 40, "gauss_newton_iterations": 25}


def only_run(out) -> RunDirectory:
    (path,) = out.iterdir()
    return RunDirectory(path)


def outcome(out) -> tuple[bytes, bytes]:
    run = only_run(out)
    return run.weights_file.read_bytes(), run.metrics_file.read_bytes()


def test_a_run_logs_each_step(given, tmp_path):
    start_runs(with_preset(given), 1, tmp_path / "runs")
    rows = only_run(tmp_path / "runs").read_metrics()
    assert [row["epoch"] for row in rows] == [0, 20, 40, 65, 90, 100]
    losses = [row["loss"] for row in rows]
    assert losses[2:] == sorted(losses[2:], reverse=True)


def test_the_schedule_before_it_is_the_presets(given):
    assert with_preset(given).learning_rate(40) == pytest.approx(4e-3 * 0.1 ** (40 / 1000))
    assert with_preset({**given, "decay_epochs": 80}).learning_rate(40) == pytest.approx(4e-3 * 0.1**0.5)
    assert with_preset({**given, "gauss_newton_after": None}).learning_rate(50) == pytest.approx(4e-3 * 0.1**0.5)


@pytest.mark.parametrize("after", [0, 30, 45, 70])
def test_interrupted_and_resumed_it_ends_where_it_would_have(given, tmp_path, monkeypatch, after):
    """Ctrl-C in an iteration of conjugate gradients, or right before the first: the step is dropped and done again."""
    given["gauss_newton_after"] = 0 if after == 0 else 40
    start_runs(with_preset(given), 1, tmp_path / "undisturbed")
    counted, curvature = [], GaussNewton.curvature

    def interrupted(solver, vector):
        counted.append(1)
        if len(counted) == max(1, after - 40):
            signal.raise_signal(signal.SIGINT)
        return curvature(solver, vector)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(GaussNewton, "curvature", interrupted)
        start_runs(with_preset(given), 1, tmp_path / "runs")
    run = only_run(tmp_path / "runs")
    assert run.load_checkpoint(run.read_config())["epoch"] == {0: 0, 30: 40, 45: 40, 70: 65}[after]
    monkeypatch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", 0.0)
    assert resume_runs(tmp_path / "runs") == 0
    assert outcome(tmp_path / "runs") == outcome(tmp_path / "undisturbed")


@pytest.mark.parametrize("write", range(1, 7))
def test_killed_at_any_checkpoint_it_ends_where_it_would_have(given, tmp_path, monkeypatch, write):
    given["gauss_newton_after"] = 3
    start_runs(with_preset(given), 1, tmp_path / "undisturbed")
    monkeypatch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", 0.0)
    written, save = [], RunDirectory.save_checkpoint

    class Killed(BaseException):
        pass

    def killed(run, state):
        save(run, state)
        written.append(state["epoch"])
        if len(written) == write + 1:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(RunDirectory, "save_checkpoint", killed)
        start_runs(with_preset(given), 1, tmp_path / "runs")
    assert resume_runs(tmp_path / "runs") == 0
    assert outcome(tmp_path / "runs") == outcome(tmp_path / "undisturbed")


def test_singular_values_are_logged_at_each_step(given, tmp_path):
    start_runs(with_preset({**given, "condition_every": 1000, "condition_sample": 20}), 1, tmp_path / "runs")
    rows = only_run(tmp_path / "runs").read_metrics()
    assert [row["epoch"] for row in rows if "singular_values" in row] == [0, 40, 65, 90, 100]


def test_it_stops_at_a_loss_and_where_nothing_is_left_to_gain(given, tmp_path):
    start_runs(with_preset({**given, "stop_at_loss": 1e-3, "epochs": 1000}), 1, tmp_path / "loss")
    summary = only_run(tmp_path / "loss").read_summary()
    assert summary["loss"] <= 1e-3 and summary["epochs"] < 1000
    start_runs(with_preset({**given, "epochs": 10**6}), 1, tmp_path / "rounding")
    rows = only_run(tmp_path / "rounding").read_metrics()
    assert rows[-1]["epoch"] < 10**6 and rows[-1]["psnr"] > 110
    assert len({json.dumps(row["epoch"]) for row in rows}) == len(rows)


def test_superresolution_and_colours(given, tmp_path):
    rgb = np.random.default_rng(seeded()).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    start_runs(with_preset({**given, "task": "superres", "gauss_newton_after": 1}), 1, tmp_path / "runs")
    rows = only_run(tmp_path / "runs").read_metrics()
    assert rows[-1]["loss"] < 0.1 * rows[1]["loss"]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"weight_decay": 1e-3}, {}, "without a penalty"),
        ({"together": 2}, {}, "one run at a time"),
        ({"gauss_newton_after": 100}, {}, "from epoch 100 on need more than 100 epochs"),
        ({"gauss_newton_after": -1}, {}, "gauss_newton_after >= 0"),
        ({"gauss_newton_iterations": 0}, {}, "gauss_newton_iterations >= 1"),
        ({}, {"learnable": True}, "not activation.log_c"),
        ({"activation": "wire"}, {}, "not for WIRE"),
    ],
)
def test_what_it_is_not_for_leaves_nothing_behind(given, tmp_path, changes, options, message):
    with pytest.raises(ValueError, match=message):
        start_runs(with_preset({**given, **changes}, options), 1, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
