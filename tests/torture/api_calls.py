"""Public functions of the theory and the networks, called with what hypothesis thinks of.

A call returns what it promises, or raises ValueError or TypeError with a sentence; it does not take seconds, and what is no
real number, NaN, text, complex, masked, is refused or kept, never turned into another number.
"""

from __future__ import annotations

import json
import resource
import signal
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.torture.processes import more_memory, run_child, warm_up
from tests.torture.report import CRASH, HANG, SENTENCE, TRACEBACK, WRONG, Budget, Fault, Report

BATCH = 40  # calls of one function in a child
MEMORY, SECONDS = 3.0, 10.0  # of a call; what is legal and takes longer is not asked for
NO_NUMBERS = ("1", "no", None, 1j, b"1", [], {}, object)


def run(seed: int, count: int, seconds: float) -> Report:
    """So many calls, or as many as the time allows."""
    warm_up()
    import bwtheory as bw

    for name in bw.__all__:  # forks find it imported
        getattr(bw, name)
    report, budget, turn = Report("API calls"), Budget(count, seconds), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = list(_targets())
        while budget.more(report.tried):
            target = names[turn % len(names)]
            _call_many(target, 10_000 * seed + turn, folder, report)
            turn += 1
        report.seconds = budget.used
    return report


def _call_many(target: str, seed: int, folder: Path, report: Report) -> None:
    """A batch of calls in a child; if it dies, what it was at is the fault."""
    results = folder / "results"
    results.write_text("")
    ended = run_child(lambda: _batch(target, seed, results), folder, {resource.RLIMIT_AS: more_memory(MEMORY)})
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    begun = [line["case"] for line in lines if "case" in line]
    judged = [line for line in lines if "what" in line]
    for case, line in zip(begun, judged):
        report.add(target, [Fault(line["what"], case, line["said"])] if line["what"] else [])
    if len(begun) > len(judged):
        what = HANG if ended.status in (None, -signal.SIGXCPU) else CRASH
        report.add(target, [Fault(what, begun[-1], f"status {ended.status}: {ended.err}")])
    elif ended.status != 0:
        raise RuntimeError(f"The calls of {target} cannot be made: {ended}")


def _batch(target: str, number: int, results: Path) -> None:
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    warnings.simplefilter("ignore")
    call, arguments = _targets()[target]

    @seed(number)
    @settings(
        max_examples=BATCH, phases=[Phase.generate], deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.tuples(*arguments))
    def calls(values: tuple[Any, ...]) -> None:
        case = f"{target}({', '.join(_shown(value) for value in values)})"
        file.write(json.dumps({"case": case}) + "\n")
        file.flush()
        what, said = _judge(call, values)
        file.write(json.dumps({"what": what, "said": said}) + "\n")
        file.flush()

    with results.open("a", encoding="utf-8") as file:
        calls()


class _TooLong(BaseException):
    pass


def _judge(call: Callable[..., Any], values: tuple[Any, ...]) -> tuple[str, str]:
    def stop(number: int, frame: object) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        try:
            found = call(*values)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (ValueError, TypeError) as error:
        said = str(error)
        return ("", "") if len(said.split()) >= 4 and "\n" not in said else (SENTENCE, f"{type(error).__name__}: {said}")
    except _TooLong:
        return HANG, f"it takes more than {SECONDS:g} s"
    except BaseException as error:
        return TRACEBACK, f"{type(error).__name__}: {error}"
    bad = next((value for value in values if not _is_number(value)), None)
    if bad is not None:
        return WRONG, f"{_shown(bad)} is no number, and {_shown(found)} came back"
    if isinstance(found, np.ndarray | float) and any(_has_nan(value) for value in values) and np.isfinite(found).all():
        return WRONG, f"something is not a number, and {_shown(found)} came back"  # at infinity a wavelet is 0
    if isinstance(found, np.ndarray | float) and all(_finite(value) for value in values) and not np.isfinite(found).all():
        return WRONG, f"all is finite, and {_shown(found)} came back"
    return "", ""


def _shown(value: Any) -> str:
    if isinstance(value, np.ma.MaskedArray):
        return f"masked {value.tolist()}"[:150]
    return (f"array({value.tolist()}, {value.dtype})" if isinstance(value, np.ndarray) else repr(value))[:150]


def _is_number(value: Any) -> bool:
    """Whether an argument is made of real numbers, or says something by name."""
    if isinstance(value, np.ma.MaskedArray):
        return not np.ma.is_masked(value)
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iuf"
    if isinstance(value, list | tuple):
        return all(_is_number(part) for part in value)
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | complex | np.complexfloating)


def _finite(value: Any) -> bool:
    return bool(np.isfinite(np.asarray(value, dtype=float)).all())


def _has_nan(value: Any) -> bool:
    return bool(np.isnan(np.asarray(value, dtype=float)).any())


def _targets() -> dict[str, tuple[Callable[..., Any], list[Any]]]:
    """Functions of numbers only, with strategies of their arguments."""
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as arrays

    import bwtheory as bw

    odd = st.sampled_from(NO_NUMBERS)
    floats = st.floats() | st.floats(-2, 2) | st.sampled_from([0.0, -0.0, 1e-300, -1e-300, 1e300, 5e-324, 1.8e308, 0.5, 1 / 3])
    small = st.integers(-2, 7)
    whole = st.one_of(small, small, small, st.integers(), floats, odd, st.booleans())
    dtypes = st.sampled_from(["f8", "f8", "f4", "f2", "i8", "i2", "u1", "c16", "?", "U3", "O"])
    lists = st.lists(floats, max_size=6)
    vectors = st.one_of(
        *(lists, lists, lists, lists.map(np.array), floats, odd),
        dtypes.flatmap(
            lambda dtype: arrays.arrays(dtype, st.integers(0, 5)) if dtype != "O" else st.just(np.array([None, 1.0]))
        ),
        lists.map(lambda values: np.ma.masked_invalid(values)),
        lists.map(lambda values: np.array(values)[:, None]),
        st.lists(odd, min_size=1, max_size=3),
    )
    domains = st.one_of(st.just((-1, 1)), st.just((-1, 1)), st.tuples(floats, floats), lists, odd)
    matrices = arrays.arrays("f8", arrays.array_shapes(min_dims=1, max_dims=3, max_side=4)) | vectors
    order = st.one_of(st.integers(1, 5), st.integers(1, 3), whole)
    levels = st.one_of(st.integers(1, 5), st.integers(1, 3), whole)

    def is_quick(size: Any) -> bool:  # some seconds for a million; what the memory does not hold is refused
        return not (isinstance(size, int | float) and 2**20 < size < 2**40)

    def certified(biases: Any) -> float:
        return bw.ReLUFamily(biases).certified_condition_number().upper  # type: ignore[no-any-return]

    return {
        "BSplineWavelet(order)(x)": (lambda n, x: bw.BSplineWavelet(n)(x), [order, vectors]),
        "BSplineWavelet(order).inner_product": (lambda n, k: float(bw.BSplineWavelet(n).inner_product(k)), [order, whole]),
        "BSplineWavelet(order).gram_condition_number": (lambda n: float(bw.BSplineWavelet(n).gram_condition_number()), [order]),
        "ReLUFamily(biases)(x)": (lambda b, x: bw.ReLUFamily(b)(x), [vectors, vectors]),
        "ReLUFamily(biases).gram": (lambda b: bw.ReLUFamily(b).gram(), [vectors]),
        "ReLUFamily(biases, domain).singular_reason": (
            lambda b, d: str(bw.ReLUFamily(b, domain=d).singular_reason()),
            [vectors, domains],
        ),
        "ReLUFamily(biases).condition_number": (lambda b: str(bw.ReLUFamily(b).condition_number()), [vectors]),
        "ReLUFamily.uniform(K).condition_number": (
            lambda k: bw.ReLUFamily.uniform(k).condition_number(),
            [whole.filter(is_quick)],
        ),
        "ReLUFamily(biases).certified_condition_number": (lambda b: str(certified(b)), [vectors]),
        "WaveletFamily(levels, order).condition_number": (
            lambda j, n: str(bw.WaveletFamily(levels=j, order=n).condition_number()),
            [levels, st.integers(1, 3) | whole],
        ),
        "WaveletFamily(levels, normalized).gram": (
            lambda j, n: bw.WaveletFamily(levels=j, normalized=n).gram(),
            [levels, st.sampled_from(["no", 2, None, "False", 0.5])],
        ),
        "WaveletFamily(levels)(x)": (lambda j, x: bw.WaveletFamily(levels=j)(x), [levels, vectors]),
        "IntervalWaveletFamily(levels)(x)": (lambda j, x: bw.IntervalWaveletFamily(j)(x), [levels, vectors]),
        "IntervalWaveletFamily(levels).certified_condition_number": (
            lambda j: str(bw.IntervalWaveletFamily(j).certified_condition_number()),
            [levels],
        ),
        "gershgorin_discs": (lambda g: np.concatenate(bw.gershgorin_discs(g)), [matrices]),
        "relu_to_bwrelu": (lambda v, w, b: str(bw.relu_to_bwrelu(v, w, b)), [vectors, vectors, vectors]),
        "bwrelu_to_relu": (lambda v, w, b, c: str(bw.bwrelu_to_relu(v, w, b, c)), [vectors, vectors, vectors, floats | odd]),
        "total_variation": (
            lambda v, w, b: str(bw.total_variation(bw.PiecewiseLinear.from_relu(v, w, b))),
            [vectors, vectors, vectors],
        ),
    }
