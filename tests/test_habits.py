"""Every habit of PyTorch with every activation: a row for each habit, a column for each activation."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from test_torch_settings import default_dtype
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.checkpoint import checkpoint

from bwtheory.nn import ACTIVATIONS, INR, Activation, chunked, psi, psi_seven_relus
from bwtheory.training.devices import has_compiler


class Tanh(Activation):
    def forward(self, z):
        return torch.tanh(z)


OPTIONS = {  # with slopes of a few units, so that low precision shows the function and not its rounding
    "bw-relu": {"c": 2.0},
    "relu-pe": {"frequencies": 2},
    "relu-rff": {"sigma": 0.5, "frequencies": 4},
    "siren": {"omega_0": 3.0},
    "wire": {"omega_0": 2.0, "sigma_0": 1.0},
    "gauss": {"sigma_0": 1.0},
    "finer": {"omega_0": 2.0, "first_bias_scale": 0.5},
}
COLUMNS: dict[str, tuple[object, dict]] = {name: (name, OPTIONS.get(name, {})) for name in ACTIVATIONS}
COLUMNS |= {
    "bw-relu, learnable": ("bw-relu", {"c": 2.0, "learnable": True}),
    "gelu": ("gelu", {}),
    "a class": (Tanh, {}),
    "a module": (nn.Softplus, {"beta": 2.0}),
    "a function": (torch.sin, {}),
}
SAME_SHAPE = ("bw-relu", "relu", "siren", "gauss", "finer")
PIECEWISE_LINEAR = ("bw-relu", "bw-relu, learnable", "relu")


def network_of(column: str) -> INR:
    torch.manual_seed(0)
    activation, options = COLUMNS[column]
    return INR(2, 2, 8, 2, activation, skip=True, **options)


def points(number: int = 1, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return (torch.rand(7, 2, generator=torch.Generator().manual_seed(number), dtype=torch.float64) * 2 - 1).to(dtype)


def close(ours: torch.Tensor, expected: torch.Tensor, times: float = 1.0) -> None:
    """Up to rounding: some hundred roundings, slopes of a few units."""
    scale = max(1.0, float(expected.detach().abs().max())) * times
    torch.testing.assert_close(ours, expected, rtol=0, atol=300 * torch.finfo(expected.dtype).eps * scale)


def rounding(network: INR, x: torch.Tensor, dtype: torch.dtype) -> float:
    """What rounding to a type does to float64 values, simulated: errors of ε/2 in everything, 4 times the largest of 20."""
    eps, generator = torch.finfo(dtype).eps, torch.Generator().manual_seed(0)
    noise = lambda t: eps / 2 * (2 * torch.rand(t.shape, generator=generator, dtype=t.dtype) - 1)  # noqa: E731
    exact, found = network(x), []
    for _ in range(20):
        shaken = copy.deepcopy(network)
        with torch.no_grad():
            for tensor in (*shaken.parameters(), *shaken.buffers()):
                tensor.mul_(1 + noise(tensor))
        for module in shaken.modules():
            if not list(module.children()):
                module.register_forward_hook(lambda module, inputs, output: output + noise(output) * (1 + output.abs()))
        found.append(float((shaken(x * (1 + noise(x))) - exact).detach().abs().max()))
    return 4 * max(found)


# The rows: each takes a column and asserts


def another_precision(dtype: torch.dtype) -> Callable[[str], None]:
    def row(column: str) -> None:
        network, x = network_of(column), points()
        reference = copy.deepcopy(network).double()
        expected, bound = reference(x.double()).detach(), rounding(reference, x.double(), dtype)
        network.to(dtype)
        values = network(x.to(dtype))
        assert values.dtype == dtype and float((values.double() - expected).detach().abs().max()) <= bound
        assert bound < 0.5 * float(expected.abs().max())  # it is less than what there is to see
        values.float().square().sum().backward()
        assert all(p.grad is not None and p.grad.dtype == dtype and p.grad.isfinite().all() for p in network.parameters())
        assert network.count_parameters() == network_of(column).count_parameters()

    return row


def autocast(dtype: torch.dtype) -> Callable[[str], None]:
    def row(column: str) -> None:
        network, x = network_of(column), points()
        reference = copy.deepcopy(network).double()
        bound = rounding(reference, x.double(), dtype)
        with torch.autocast("cpu", dtype):
            values = network(x)
        assert values.dtype == dtype
        assert float((values.double() - reference(x.double())).detach().abs().max()) <= bound
        values.float().square().sum().backward()
        assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in network.parameters())

    return row


def a_cast_that_changes_nothing(column: str) -> None:
    network, x = network_of(column), points()
    before = network(x)
    assert network.to(torch.float32) is network and torch.equal(network(x), before)
    assert torch.equal(network.float().cpu()(x), before)
    close(copy.deepcopy(network).double().float()(x), before)


def complex_numbers(column: str) -> None:
    network = network_of(column)
    with pytest.raises(ValueError, match=r"The numbers of an INR are real, .*; got torch.complex64"):
        network.to(torch.complex64)
    with pytest.raises(ValueError, match=r"The network's numbers are torch.float32, the coordinates' torch.complex64"):
        network(points() + 0j)
    close(network(points()), network_of(column)(points()))


def coordinates_of_another_type(column: str) -> None:
    for x in (points(dtype=torch.float64), torch.zeros(3, 2, dtype=torch.int64)):
        with pytest.raises(ValueError, match=r"The network's numbers are torch.float32, the coordinates' torch"):
            network_of(column)(x)


def deepcopy(column: str) -> None:
    network = network_of(column)
    other = copy.deepcopy(network)
    with torch.no_grad():
        before = other(points())
        for parameter in network.parameters():
            parameter.zero_()
    assert torch.equal(other(points()), before) and not torch.equal(network(points()), before)


def pickled(column: str) -> None:
    network = network_of(column)
    assert torch.equal(pickle.loads(pickle.dumps(network))(points()), network(points()))
    buffer = io.BytesIO()
    torch.save(network, buffer)
    assert torch.equal(torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)(points()), network(points()))


def state_dict(column: str) -> None:
    network = network_of(column)
    activation, options = COLUMNS[column]
    torch.manual_seed(1)
    other = INR(2, 2, 8, 2, activation, skip=True, **{name: value for name, value in options.items() if name != "c"})
    assert not torch.equal(other(points()), network(points()))
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    state = torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)
    assert not any(tensor.is_complex() for tensor in state.values())
    other.load_state_dict(state, strict=True)
    assert torch.equal(other(points()), network(points()))
    if column in SAME_SHAPE:
        for name in SAME_SHAPE:
            another = network_of(name)
            another.load_state_dict(state, strict=True)
            assert all(torch.equal(a, b) for a, b in zip(another.parameters(), network.parameters(), strict=True))
            assert torch.equal(another(points()), network(points())) == (name == column)
    state["activation.unknown"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match="unknown"):
        other.load_state_dict(state, strict=True)


def state_as_an_argument(column: str) -> None:
    network = network_of(column)
    expected = network(points())
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert torch.equal(functional_call(network, state, (points(),)), expected)


def several_at_once(column: str) -> None:
    """``torch.func.stack_module_state`` and vmap: an ensemble."""
    networks = [network_of(column), network_of(column)]
    with torch.no_grad():
        for parameter in networks[1].parameters():
            parameter.mul_(0.9)
    parameters, buffers = stack_module_state(networks)
    base, x = copy.deepcopy(networks[0]).to("meta"), points()
    found = vmap(lambda p, b: functional_call(base, (p, b), (x,)))(parameters, buffers)
    for ours, network in zip(found, networks, strict=True):
        close(ours, network(points()))


def one_point(column: str) -> tuple[INR, Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
    network = network_of(column).double()
    return network, lambda point: network(point.unsqueeze(0))[0, 1], points(dtype=torch.float64)


def gradient(column: str) -> None:
    """By ``torch.func``, for each point, and of the weights."""
    network, function, x = one_point(column)
    x.requires_grad_()
    (expected,) = torch.autograd.grad(network(x)[:, 1].sum(), x)
    close(vmap(grad(function))(x.detach()), expected)
    parameters = dict(network.named_parameters())
    found = grad(lambda p: functional_call(network, p, (x.detach(),)).square().sum())(parameters)
    network(x.detach()).square().sum().backward()
    for name, parameter in parameters.items():
        close(found[name].detach(), parameter.grad, times=10)


def forward_mode(column: str) -> None:
    network, function, x = one_point(column)
    direction = points(2, torch.float64)
    expected = torch.autograd.functional.jvp(network, x, direction)[1]
    close(jvp(network, (x,), (direction,))[1].detach(), expected.detach())
    with forward_ad.dual_level():
        close(forward_ad.unpack_dual(network(forward_ad.make_dual(x, direction))).tangent.detach(), expected.detach())
    for point in x:
        close(jacfwd(function)(point).detach(), jacrev(function)(point).detach())


def second_derivatives(column: str) -> None:
    """Forward over reverse, reverse over reverse and by autograd twice; against differences; 0 for piecewise linear ones."""
    network, function, x = one_point(column)
    found = vmap(hessian(function))(x).detach()
    close(vmap(jacrev(jacrev(function)))(x).detach(), found, times=100)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(network(x)[:, 1].sum(), x, create_graph=True)
    for axis in range(2):
        if slope.requires_grad:  # not of a network of straight pieces
            second = torch.autograd.grad(slope[:, axis].sum(), x, retain_graph=True, allow_unused=True, materialize_grads=True)[
                0
            ]
        else:
            second = torch.zeros_like(x)
        close(second, found[:, axis], times=100)
    if column in PIECEWISE_LINEAR:
        assert not found.any()
    if column == "finer":  # its factor |z| + 1 is a constant to derivatives, not to differences
        return
    h = 1e-5  # the error is some h² and ε/h
    for axis in range(2):
        step = h * torch.eye(2, dtype=torch.float64)[axis]
        above, below = (vmap(grad(function))(x.detach() + sign * step) for sign in (1, -1))
        difference = ((above - below) / (2 * h)).detach()
        torch.testing.assert_close(found[:, axis], difference, rtol=1e-5, atol=1e-6 * max(1.0, float(found.abs().max())))


def gradcheck(column: str) -> None:
    network, _, x = one_point(column)
    if column == "finer":
        return  # see above
    assert torch.autograd.gradcheck(network, (x.requires_grad_(),), check_forward_ad=True, check_batched_grad=True)


def recorded_as(record: Callable[[INR, torch.Tensor], Callable]) -> Callable[[str], None]:
    """At other points and, where that is possible, at other numbers of points than it was recorded with."""

    def row(column: str) -> None:
        network, x = network_of(column).eval(), points()
        recorded = record(network, x)
        for other in (points(2), x):
            close(recorded(other), network(other))

    return row


def jit_saved(network: INR, x: torch.Tensor) -> Callable:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(network, x), buffer)
    return torch.jit.load(io.BytesIO(buffer.getvalue()))


def jit_of_another_size(network: INR, x: torch.Tensor) -> Callable:
    traced = torch.jit.trace(network, x[:3])
    assert "PythonOp" not in str(traced.inlined_graph)
    return traced


def scripting(column: str) -> None:
    for network in (network_of(column), nn.Sequential(network_of(column))):
        with pytest.raises(ValueError, match=r"TorchScript cannot compile .*torch.jit.trace"):
            torch.jit.script(network)


class Subclass(torch.Tensor):
    pass


def subclasses_of_tensor(column: str) -> None:
    network, x = network_of(column), points()
    values = network(x.as_subclass(Subclass))
    assert type(values) is Subclass
    close(values.as_subclass(torch.Tensor), network(x))


def fx_trace(network: INR, x: torch.Tensor) -> Callable:
    traced = torch.fx.symbolic_trace(network)
    assert "bwtheory" not in traced.code  # what is recorded are torch's functions
    if not network.activation.complex_features:
        assert {"hidden.0", "hidden.1", "output"} <= {str(n.target) for n in traced.graph.nodes if n.op == "call_module"}
    return traced


def make_fx_fake(network: INR, x: torch.Tensor) -> Callable:
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    traced = make_fx(lambda state, x: functional_call(network, state, (x,)), tracing_mode="fake")(state, x)
    return lambda x: traced(state, x)


def make_fx_of_a_gradient(column: str) -> None:
    network = network_of(column)
    slope = lambda x: grad(lambda x: network(x).square().sum())(x)  # noqa: E731
    close(make_fx(slope)(points())(points(2)).detach(), slope(points(2)).detach())


def exported(network: INR, x: torch.Tensor) -> Callable:
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("N", min=2)},))
    close(program.module()(torch.cat([x, x])), network(torch.cat([x, x])))
    return program.module()


def onnx_by(dynamo: bool) -> Callable[[INR, torch.Tensor], Callable]:
    def record(network: INR, x: torch.Tensor) -> Callable:
        pytest.importorskip("onnxscript")
        runtime = pytest.importorskip("onnxruntime")
        buffer = io.BytesIO()
        if dynamo:
            torch.onnx.export(network, (x,), dynamo=True, verbose=False).save(buffer)
        else:
            torch.onnx.export(network, (x,), buffer, dynamo=False, verbose=False)
        session = runtime.InferenceSession(buffer.getvalue())
        (given,) = session.get_inputs()
        return lambda x: torch.from_numpy(session.run(None, {given.name: x.numpy()})[0]).requires_grad_()

    return record


def compiled_without_a_compiler(network: INR, x: torch.Tensor) -> Callable:
    torch.compiler.reset()
    return torch.compile(network, backend="aot_eager", fullgraph=True)


def meta_device(column: str) -> None:
    network = network_of(column)
    activation, options = COLUMNS[column]
    with torch.device("meta"):
        other = INR(2, 2, 8, 2, activation, skip=True, **options)
    assert other(points().to("meta")).shape == (7, 2) and repr(other)
    other = other.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*other.parameters(), *other.buffers()):
            tensor.fill_(7)  # what memory may hold
    other.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(other(points()), network(points()))


def without_gradients(column: str) -> None:
    network = network_of(column)
    expected = network(points())
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            values = network(points())
        assert torch.equal(values, expected) and not values.requires_grad


def another_default_dtype(column: str) -> None:
    for dtype in (torch.float64, torch.bfloat16):
        with default_dtype(dtype):
            network = network_of(column)
            assert {tensor.dtype for tensor in (*network.parameters(), *network.buffers())} == {dtype}
            assert network(points(dtype=dtype)).dtype == dtype
    network = network_of(column)  # one of float32, evaluated where the default is float64
    expected = network(points())
    with default_dtype(torch.float64):
        assert torch.equal(network(points()), expected)


def another_default_device(column: str) -> None:
    network, x = network_of(column), points()
    expected = network(x)
    for device in ("cpu", "meta"):
        torch.set_default_device(device)
        try:
            values = network(x)
            assert network.state_dict() and {t.device.type for t in network.state_dict().values()} == {"cpu"}
        finally:
            torch.set_default_device(None)
        assert torch.equal(values, expected)


def replicas(column: str) -> None:
    """As ``DataParallel`` makes them: modules whose parameters are plain tensors."""
    network = network_of(column)
    replicated = {module: module._replicate_for_data_parallel() for module in network.modules()}
    for module, replica in replicated.items():
        for name, child in module.named_children():
            setattr(replica, name, replicated[child])
        for name, parameter in module.named_parameters(recurse=False):
            setattr(replica, name, parameter * 1.0)
        for name in [name for name, parameter in module._parameters.items() if parameter is None]:
            setattr(replica, name, None)
        for name, buffer in module.named_buffers(recurse=False):
            setattr(replica, name, buffer)
    values = replicated[network](points())
    close(values, network(points()))
    assert not list(replicated[network].parameters())
    values.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert torch.equal(nn.DataParallel(network)(points()), network(points()))


def gradient_checkpointing(column: str) -> None:
    network = network_of(column)
    x = points().requires_grad_()
    slopes = []
    for reentrant in (None, False, True):
        network.zero_grad()
        values = network(x) if reentrant is None else checkpoint(network, x, use_reentrant=reentrant)
        values.square().sum().backward()
        slopes.append([parameter.grad.clone() for parameter in network.parameters()])
    assert all(torch.equal(a, b) for other in slopes[1:] for a, b in zip(slopes[0], other, strict=True))


def unusual_coordinates(column: str) -> None:
    network, x = network_of(column), points()
    assert network(x[:0]).shape == (0, 2)
    close(network(x[::2]), network(x)[::2])
    close(network(x.t().contiguous().t()), network(x))
    close(network(x.expand(7, 2)), network(x))


def hooks(column: str) -> None:
    network, seen = network_of(column), []
    for module in (network.hidden[0], network.hidden[1], network.output, network.activation):
        module.register_forward_hook(lambda module, inputs, output: seen.append(module))
    network(points())
    first, second = network.hidden
    assert seen == [first, network.activation, second, network.activation, network.output]


def weights_by_name(column: str) -> None:
    """Parametrizations, an optimizer of all parameters as a vector, and an average of weights."""
    network = network_of(column)
    vector = nn.utils.parameters_to_vector(network.parameters())
    assert vector.dtype == torch.float32 and len(vector) == network.count_parameters()
    expected = network(points())
    average = torch.optim.swa_utils.AveragedModel(network)
    assert torch.equal(average(points()), expected)
    nn.utils.parametrizations.weight_norm(network.output)
    close(network(points()), expected)


def shown(column: str) -> None:
    text = repr(network_of(column).activation)
    for name, value in COLUMNS[column][1].items():
        assert f"{name}={value!r}" in text
    assert repr(network_of(column)).startswith("INR(\n  2, 2\n")


HABITS: dict[str, Callable[[str], None]] = {
    "float64": another_precision(torch.float64),
    "float16": another_precision(torch.float16),
    "bfloat16": another_precision(torch.bfloat16),
    "autocast to float16": autocast(torch.float16),
    "autocast to bfloat16": autocast(torch.bfloat16),
    "a cast that changes nothing": a_cast_that_changes_nothing,
    "complex numbers are refused": complex_numbers,
    "coordinates of another type are refused": coordinates_of_another_type,
    "deepcopy": deepcopy,
    "pickle": pickled,
    "state_dict": state_dict,
    "functional_call": state_as_an_argument,
    "an ensemble by vmap": several_at_once,
    "func.grad": gradient,
    "forward mode": forward_mode,
    "second derivatives": second_derivatives,
    "gradcheck": gradcheck,
    "jit.trace": recorded_as(jit_of_another_size),
    "jit.save": recorded_as(jit_saved),
    "jit.script is refused": scripting,
    "subclasses of Tensor": subclasses_of_tensor,
    "fx.symbolic_trace": recorded_as(fx_trace),
    "make_fx": recorded_as(lambda network, x: make_fx(network)(x)),
    "make_fx, fake tensors": recorded_as(make_fx_fake),
    "make_fx of a gradient": make_fx_of_a_gradient,
    "export": recorded_as(exported),
    "export, not strict": recorded_as(lambda network, x: torch.export.export(network, (x,), strict=False).module()),
    "ONNX": recorded_as(onnx_by(dynamo=True)),
    "ONNX, legacy exporter": recorded_as(onnx_by(dynamo=False)),
    "compile, without a C++ compiler": recorded_as(compiled_without_a_compiler),
    "meta device and to_empty": meta_device,
    "no_grad and inference_mode": without_gradients,
    "another default dtype": another_default_dtype,
    "another default device": another_default_device,
    "DataParallel": replicas,
    "gradient checkpointing": gradient_checkpointing,
    "unusual coordinates": unusual_coordinates,
    "hooks": hooks,
    "weights by name": weights_by_name,
    "repr": shown,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("column", COLUMNS)
def test_habit(column, habit):
    HABITS[habit](column)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("column", ["bw-relu", "relu-rff", "wire"])
def test_habit_of_calls_that_pay(column, habit, monkeypatch):
    """The same where every call is large enough for ``bwtheory.nn.chunked``."""
    monkeypatch.setattr(chunked, "FEW", 0)
    monkeypatch.setattr(chunked, "LEAST", 0.0)
    HABITS[habit](column)


@pytest.mark.skipif(not has_compiler(), reason="there is no C++ compiler")
@pytest.mark.parametrize("column", ["bw-relu", "wire"])
def test_compiled(column):
    torch.compiler.reset()
    network, x = network_of(column), points()
    compiled = torch.compile(network, fullgraph=True)
    close(compiled(x), network(x))
    compiled(x).square().sum().backward()
    found = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    network(x).square().sum().backward()
    for ours, parameter in zip(found, network.parameters(), strict=True):
        close(ours, parameter.grad, times=10)


def test_derivatives_at_knots():
    """All three ways take the slope on the left, as the seven ReLUs do; values are equal to rounding."""
    knots = torch.arange(-2, 9, dtype=torch.float64) / 2
    variable = knots.clone().requires_grad_()
    (expected,) = torch.autograd.grad(psi_seven_relus(variable).sum(), variable)
    assert len(expected.unique()) > 4
    tolerance = {"rtol": 0, "atol": 2 * 16 * 7 * 2.0**-52}  # slopes below 16, seven terms
    torch.testing.assert_close(vmap(grad(psi))(knots), expected, **tolerance)
    torch.testing.assert_close(jvp(psi, (knots,), (torch.ones_like(knots),))[1], expected, **tolerance)
    torch.testing.assert_close(make_fx(vmap(grad(psi)))(knots)(knots), expected, **tolerance)
    torch.testing.assert_close(vmap(psi)(knots), psi_seven_relus(knots), rtol=0, atol=30 * 22 * 2.0**-52)
    special = torch.tensor([float("nan"), float("inf"), -float("inf")])
    assert vmap(psi)(special).isnan().tolist() == [True, False, False] and not vmap(psi)(special)[1:].any()


def test_an_activation_in_a_sequence():
    """WIRE's too: it takes pairs, and says so where it gets something else."""
    for column in COLUMNS:
        activation = network_of(column).activation
        x = torch.rand(5, 2)
        assert nn.Sequential(nn.Linear(2, 8), activation, nn.Linear(8, 1))(x).dtype == torch.float32
    wire = network_of("wire").activation
    for z in (torch.rand(3, 5), torch.rand(3, 4) + 0j):
        with pytest.raises(ValueError, match=r"WIRE takes complex numbers as pairs \(…, 2K\), real parts first; got torch"):
            wire(z)
