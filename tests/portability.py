"""The tests on other processors, thread numbers, versions, orders and seeds, as far as one machine can stand in for them.

    python -m tests.portability --list
    python -m tests.portability --only oldest-processor seed-1 --processes 2 --out results/portability.json

Each variant is one process of pytest with other environment variables, or in a virtual environment of its own; ``VARIANTS`` is
the whole table.  What has run is written to a JSON file and, beside it, as a table in Markdown; rows that were there for other
processors or variants stay.  Exit status: 0 if all passed, 1 if not, 2 for a variant that does not exist.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bwtheory.files import write_text
from bwtheory.processor import processor

CHECKOUT = Path(__file__).resolve().parents[1]
LIBRARIES = ["numpy", "scipy", "torch", "numba", "sympy", "mpmath", "python-flint", "scikit-image", "pillow"]

# Which tests a variant runs: those that its settings can change.
WHOLE = ("tests", "verify")
LEARNING = tuple(  # all that evaluate or train a network: nothing else uses torch, and so MKL, oneDNN and the kernels of Numba
    f"tests/test_{name}.py"
    for name in ("baselines", "benchmark", "conditioning", "devices", "experiments", "explicit", "flags", "gauss_newton")
    + ("nn", "operators", "own_measurements", "physics", "rendering", "sine", "tasks", "together", "training")
)
KERNELS = tuple(
    f"tests/test_{name}.py" for name in ("conditioning", "explicit", "gauss_newton", "nn", "sine", "together", "training")
)
ARITHMETIC = tuple(  # of CI, which runs all other tests as usual
    f"tests/test_{name}.py" for name in ("conditioning", "explicit", "gauss_newton", "nn", "products", "sine")
)
RANDOMIZED = tuple(  # tests that draw numbers; none of them starts processes or trains for long
    f"tests/test_{name}.py"
    for name in ("conditioning", "explicit", "families", "gauss_newton", "gram", "nn", "operators", "physics")
    + ("representation", "sine", "together", "variation")
)
NAMES = {WHOLE: "all", LEARNING: "learning", KERNELS: "kernels and training", RANDOMIZED: "randomized", ARITHMETIC: "kernels"}

# numpy's own loops choose by NPY_DISABLE_CPU_FEATURES, whose names depend on its version: asked for in the process that runs.
ALL_OF_NUMPY = "all that this NumPy has"


@dataclass(frozen=True)
class Variant:
    """One row: what is other than usual, for which tests.

    ``requirements`` are those of a virtual environment of its own; without any it is the one that this program runs in.
    """

    name: str
    what: str
    environment: dict[str, str] = field(default_factory=dict)
    tests: tuple[str, ...] = KERNELS
    arguments: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


def oldest(but: Sequence[str] = ()) -> tuple[str, ...]:
    """The requirements of pyproject.toml at their lower bounds, but for some packages at the version of constraints.txt."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [
        re.match(r"([\w-]+)>=([\d.]+)", line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    ]
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (CHECKOUT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    tools = ("build", "mypy", "ruff")  # no test runs them
    found = [match.groups() for match in bounds if match and match[1] not in tools]
    return tuple(f"{name}=={pins[name] if name in but else version}" for name, version in found)


SSE = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": ALL_OF_NUMPY,
    "NUMBA_CPU_NAME": "generic",
}


def shuffled(seed: int) -> tuple[str, ...]:
    """Arguments for another order of the tests, and other examples of Hypothesis."""
    return "-p", "randomly", f"--randomly-seed={seed}", "--randomly-dont-reset-seed", f"--hypothesis-seed={seed}"


VARIANTS = [
    Variant("usual", "this machine as it is", tests=WHOLE),
    Variant("aten-default", "torch's loops without vectors", {"ATEN_CPU_CAPABILITY": "default"}),
    Variant("aten-avx2", "torch's loops for AVX2", {"ATEN_CPU_CAPABILITY": "avx2"}),
    Variant("mkl-sse4.2", "torch's products for SSE4.2", {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}),
    Variant("mkl-avx2", "torch's products for AVX2", {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}),
    Variant("mkl-compatible", "torch's products as on processors of other makers", {"MKL_CBWR": "COMPATIBLE"}),
    Variant("onednn-sse4.1", "oneDNN for SSE4.1", {"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    Variant("openblas-haswell", "NumPy's and SciPy's products for AVX2", {"OPENBLAS_CORETYPE": "Haswell"}, WHOLE),
    Variant("openblas-nehalem", "NumPy's and SciPy's products for SSE4.2", {"OPENBLAS_CORETYPE": "Nehalem"}, WHOLE),
    Variant("engine-onednn", "matrix products of training by oneDNN", {"BWTHEORY_ENGINE": "onednn"}),
    Variant("engine-openblas", "matrix products of training by NumPy's OpenBLAS", {"BWTHEORY_ENGINE": "openblas"}),
    Variant("numpy-baseline", "NumPy's loops for the least processor", {"NPY_DISABLE_CPU_FEATURES": ALL_OF_NUMPY}, WHOLE),
    Variant("numba-generic", "Numba's kernels for any processor", {"NUMBA_CPU_NAME": "generic"}),
    Variant("oldest-processor", "all of these at SSE4.2 or less, in another order", SSE, LEARNING, shuffled(1)),
    Variant("ci", "the same, with another seed", SSE | {"BWTHEORY_TEST_SEED": "1"}, ARITHMETIC, shuffled(2)),
    Variant("one-thread", "one thread", {"BWTHEORY_TEST_THREADS": "1", "OMP_NUM_THREADS": "1"}),
    Variant("four-threads", "four threads", {"BWTHEORY_TEST_THREADS": "4", "OMP_NUM_THREADS": "4"}),
    Variant("no-numba", "Numba is not installed", {"PYTHONPATH": str(CHECKOUT / "tests" / "without_numba")}),
    Variant("oldest-but-torch", "lower bounds of pyproject.toml, torch as pinned", {}, WHOLE, requirements=oldest(["torch"])),
    Variant("oldest", "lower bounds of pyproject.toml; from PyPI on Linux 2.5 GB", {}, WHOLE, requirements=oldest()),
    *(
        Variant(f"seed-{n}", f"order and seed {n}", {"BWTHEORY_TEST_SEED": str(n)}, RANDOMIZED, shuffled(n))
        for n in range(1, 21)
    ),
]


def run(variant: Variant, processes: int, folder: Path) -> dict[str, object]:
    """Run a variant's tests; its row, which says so if its environment cannot be made."""
    print(f"{variant.name}: {variant.what}", flush=True)
    row: dict[str, object] = {
        "processor": processor(),
        "variant": variant.name,
        "what": variant.what,
        "settings": {name: value for name, value in asdict(variant)["environment"].items() if name != "PYTHONPATH"},
        "tests": NAMES[variant.tests],
    }
    try:
        python = interpreter(variant, folder)
    except subprocess.CalledProcessError:
        return row | {"versions": {}} | all_failed("its environment could not be made; pip printed the reason")
    environment = {**os.environ, **variant.environment}
    if environment.get("NPY_DISABLE_CPU_FEATURES") == ALL_OF_NUMPY:
        environment["NPY_DISABLE_CPU_FEATURES"] = numpy_features(python)
    environment.setdefault("OMP_NUM_THREADS", "1")
    # torch.compile keeps code by its graph, not by ATEN_CPU_CAPABILITY: what another variant compiled does not fit
    environment |= {"TORCHINDUCTOR_CACHE_DIR": str(folder / variant.name), "NUMBA_CACHE_DIR": str(folder / variant.name)}
    report = folder / f"{variant.name}.xml"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *variant.arguments]
    command += ["-n", str(processes), "--dist", "worksteal"] if processes > 1 else []
    subprocess.run([*command, *variant.tests], cwd=CHECKOUT, env=environment, check=False)
    return row | {"versions": versions(python)} | counts(report)


def interpreter(variant: Variant, folder: Path) -> str:
    """The Python that runs the tests: this one, or that of a virtual environment with the variant's requirements."""
    if not variant.requirements:
        return sys.executable
    place = folder / f"venv-{variant.name}"
    python = str(place / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *variant.requirements], check=True)
    subprocess.run([*install, "--no-deps", "--editable", str(CHECKOUT)], check=True)
    return python


def numpy_features(python: str) -> str:
    """What NumPy's loops are compiled for beyond its baseline and this processor has."""
    code = (
        "import numpy\ntry: from numpy._core import _multiarray_umath as m\n"
        "except ImportError: from numpy.core import _multiarray_umath as m\n"
        "print(*(name for name in m.__cpu_dispatch__ if m.__cpu_features__[name]))"
    )
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def versions(python: str) -> dict[str, str]:
    code = (
        "import json, platform; from importlib.metadata import PackageNotFoundError, version\nfound = {}\n"
        f"for name in {LIBRARIES!r}:\n    try: found[name] = version(name)\n    except PackageNotFoundError: pass\n"
        "print(json.dumps({'python': platform.python_version()} | found))"
    )
    return json.loads(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout)


def counts(report: Path) -> dict[str, object]:
    """Passed, failed and skipped, and what failed; a run without a report has failed as a whole."""
    if not report.exists():
        return all_failed("pytest wrote no report")
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    total, failed, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "skipped"))
    failed += int(suite.get("errors", 0))
    names = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped, "failures": names}


def all_failed(why: str) -> dict[str, object]:
    """The counts of a run that has failed as a whole."""
    return {"passed": 0, "failed": 1, "skipped": 0, "failures": [why]}


def merged(rows: list[dict], path: Path) -> list[dict]:
    """The rows of a file, with those of the same processor and variant replaced, in the order of the table."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    known = {(row["processor"], row["variant"]): row for row in [*kept, *rows]}
    order = [variant.name for variant in VARIANTS]
    listed = [row for row in known.values() if row["variant"] in order]
    return sorted(listed, key=lambda row: (row["processor"], order.index(row["variant"])))


def page(rows: list[dict]) -> str:
    """The rows in Markdown, a table for each processor."""
    lines = ["# Tests on other processors, threads, versions, orders and seeds", "", "From `make portability`.", ""]
    for name in sorted({row["processor"] for row in rows}):
        lines += [f"## {name}", "", "| variant | what is other than usual | tests | passed | failed | skipped |"]
        lines += ["|---|---|---|---|---|---|"]
        for row in (row for row in rows if row["processor"] == name):
            lines.append("| {variant} | {what} | {tests} | {passed} | {failed} | {skipped} |".format(**row))
        lines.append("")
        for row in (row for row in rows if row["processor"] == name):
            lines += [f"- failed in {row['variant']}: {test}" for test in row["failures"]]
        used: dict[str, list[str]] = {}
        for row in (row for row in rows if row["processor"] == name and row["versions"]):
            used.setdefault(", ".join(f"{library} {number}" for library, number in row["versions"].items()), []).append(
                row["variant"]
            )
        lines += ["", *(f"- {text}: {', '.join(which)}" for text, which in used.items()), ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.portability", description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the variants")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these; without it all")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a JSON file; its table is written beside it")
    parser.add_argument("--processes", type=int, default=2, help="of pytest-xdist")
    given = parser.parse_args()
    known = {variant.name: variant for variant in VARIANTS}
    unknown = [name for name in given.only or [] if name not in known]
    if unknown:
        print(f"There is no variant {unknown[0]!r}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    if given.list:
        for variant in VARIANTS:
            print(f"{variant.name:18} {NAMES[variant.tests]:20} {variant.what}")
        return 0
    rows = []
    with tempfile.TemporaryDirectory(prefix="bwtheory-portability-") as folder:
        for name in given.only or known:
            rows.append(run(known[name], given.processes, Path(folder)))
            if given.out:  # after each: a night's work is not lost
                every = merged(rows, given.out)
                write_text(given.out, json.dumps(every, indent=1, ensure_ascii=False) + "\n")
                write_text(given.out.with_suffix(".md"), page(every))
    for row in rows:
        print(f"{row['variant']}: {row['passed']} passed, {row['failed']} failed", *row["failures"], sep="\n  ")
    return int(any(row["failed"] or not row["passed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
