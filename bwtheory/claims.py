"""The ledger's model: a claim, the check that decides it, and the verdict computed from the two.

A *check* is one function of a statement's parameters that says whether the statement with those parameters is true.
``verify/claims.toml`` holds, for every claim, the parameters as printed, those of the corrected or sharper
statement if there is one, and those of wrong versions (negative controls) that the same function must reject.  The
verdict is computed; the file only says which one is expected.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

from bwtheory import proof_record


class Verdict(StrEnum):
    """What became of a printed statement."""

    FAILS = "fails"
    HOLDS_CORRECTED = "holds-corrected"
    LOOSE = "loose"
    NOT_REPRODUCED = "not-reproduced"
    HOLDS = "holds"
    REPRODUCED = "reproduced"
    READING = "reading"
    TRANSCRIPTION = "transcription"
    OPEN = "open"
    UNDECIDABLE = "undecidable"
    INCONSISTENT = "inconsistent"

    @property
    def meaning(self) -> str:
        """One line for readers of the ledger."""
        return _MEANING[self]


_MEANING = {
    Verdict.FAILS: "false as printed, with a counterexample",
    Verdict.HOLDS_CORRECTED: "false as printed; a corrected statement is true",
    Verdict.LOOSE: "true, and a sharper statement is proved or certified",
    Verdict.NOT_REPRODUCED: "an experiment whose printed number we do not obtain",
    Verdict.HOLDS: "true as printed",
    Verdict.REPRODUCED: "an experiment whose printed number we obtain",
    Verdict.READING: "false only in a reading that the text does not force; not counted as an error of the paper",
    Verdict.TRANSCRIPTION: "one document compared with another (paper, code, README): the entry says whether they agree",
    Verdict.OPEN: "not decided yet; the entry says what is missing",
    Verdict.UNDECIDABLE: "rests on data that are not published",
    Verdict.INCONSISTENT: "the correction proposed here is itself rejected by its check: a defect of the ledger",
}


class Evidence(StrEnum):
    """What kind of computation stands behind a verdict."""

    EXACT = "exact"
    CERTIFIED = "certified"
    NUMERIC = "numeric"
    EMPIRICAL = "empirical"


@dataclass(frozen=True)
class Result:
    """Answer of a check: whether the statement holds (None: undecided), and the numbers that show it."""

    holds: bool | None
    numbers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.holds is not None:  # NumPy and SymPy have truth values of their own
            object.__setattr__(self, "holds", bool(self.holds))


@dataclass(frozen=True)
class Control:
    """A version of a statement with a known answer: False for the usual negative control, True for a positive one."""

    change: str
    parameters: Mapping[str, Any]
    holds: bool = False


@dataclass(frozen=True)
class Claim:
    """One printed statement, as claims.toml holds it.

    ``printed`` and ``corrected`` are parameters of the check; ``statement`` and ``correction`` are their texts.

    reading : what the text may mean instead, for a statement that is false only as it is read here
    documents : "agree" or "differ", for a claim that compares one document with another
    unpublished : the data that nobody outside has, for a claim that rests on them
    rests_on : ids of the claims that its proof uses
    theorem : names of the theorems of proofs/Statements.v that say what the verdict says
    matters, weight : what it changes for the reader, for an error of substance, and its rank among these, 1 the first
    """

    id: str
    where: str
    statement: str
    scope: str
    expected: Verdict
    evidence: Evidence
    printed: Mapping[str, Any]
    controls: tuple[Control, ...]
    reason: str
    silent_on: str = ""
    tolerance: str = ""
    correction: str = ""
    corrected: Mapping[str, Any] | None = None
    missing: str = ""
    reading: str = ""
    documents: str = ""
    unpublished: str = ""
    matters: str = ""
    weight: int = 0
    rests_on: tuple[str, ...] = ()
    theorem: tuple[str, ...] = ()

    @property
    def is_beyond(self) -> bool:
        """Whether it is a statement of this project, which the paper does not make."""
        return self.where.startswith("Beyond the paper")

    @property
    def summary(self) -> str:
        """Why, or for an open claim what is missing; its first sentence stands alone."""
        return self.missing or self.reason

    @property
    def _untried(self) -> list[str]:
        """Printed parameters that neither the correction nor a control changes; names of results are no statements."""
        versions = [self.corrected or self.printed, *(control.parameters for control in self.controls)]
        names = (name for name in self.printed if name not in ("experiment", "figure"))
        return [name for name in names if all(version.get(name) == self.printed[name] for version in versions)]

    @property
    def _is_refuted(self) -> bool:
        """Whether its check is expected to say no, with no corrected statement to which it says yes."""
        refuted = self.expected in (Verdict.FAILS, Verdict.READING) or self.documents == "differ"
        return refuted and self.corrected is None

    @classmethod
    def from_toml(cls, row: Mapping[str, Any]) -> Claim:
        """Build a claim from its table; ValueError if the table breaks the ledger's rules."""
        row = {key: " ".join(value.split()) if isinstance(value, str) else value for key, value in row.items()}
        corrected = row.get("corrected")
        base = {**row["printed"], **(corrected or {})}
        controls = tuple(
            Control(
                c["change"],
                {**base, **{k: v for k, v in c.items() if k not in ("change", "holds")}},
                c.get("holds", False),
            )
            for c in row.pop("controls", ())
        )
        row |= {"expected": Verdict(row["expected"]), "evidence": Evidence(row["evidence"])}
        row["rests_on"] = tuple(row.get("rests_on", ()))
        theorem = row.get("theorem", ())
        row["theorem"] = (theorem,) if isinstance(theorem, str) else tuple(theorem)
        if corrected is not None:
            row["corrected"] = base
        claim = cls(**row, controls=controls)
        claim._obey_the_rules()
        return claim

    def _obey_the_rules(self) -> None:
        rules = [
            (any(not c.holds for c in self.controls) or self._is_refuted, "needs a negative control"),
            (
                all(c.parameters not in (self.printed, self.corrected) for c in self.controls),
                "has a control that changes nothing",
            ),
            (not self._untried, f"prints {', '.join(self._untried)}, which no control varies"),
            (
                any(c.holds for c in self.controls) or not self._is_refuted,
                "is expected to fail, so it needs a positive control: a version on which its check says yes",
            ),
            (
                (self.corrected is None) == (not self.correction),
                "gives a correction without parameters, or the reverse",
            ),
            (
                self.expected not in (Verdict.LOOSE, Verdict.HOLDS_CORRECTED) or self.corrected is not None,
                "needs the corrected statement",
            ),
            (
                self.evidence is not Evidence.NUMERIC or self.tolerance,
                "rests on floating point and states no tolerance",
            ),
            (
                self.expected not in (Verdict.OPEN, Verdict.UNDECIDABLE) or self.missing,
                "is not decided and does not say what is missing",
            ),
            (bool(self.matters) == (self.weight > 0), "has a weight without saying what it changes, or the reverse"),
            (self.documents in ("", "agree", "differ"), "compares documents that neither agree nor differ"),
            (
                [self.expected is v for v in (Verdict.READING, Verdict.TRANSCRIPTION, Verdict.UNDECIDABLE)]
                == [bool(text) for text in (self.reading, self.documents, self.unpublished)],
                "has a verdict that does not go with its fields reading, documents and unpublished",
            ),
        ]
        for obeyed, sentence in rules:
            if not obeyed:
                raise ValueError(f"Claim {self.id!r} {sentence}.")


@dataclass(frozen=True)
class Check:
    """A function of a statement's parameters, and the claims that it decides.  Its docstring is the derivation."""

    function: Callable[..., Result]
    ids: tuple[str, ...]

    def __call__(self, **parameters: Any) -> Result:
        return self.function(**parameters)

    @property
    def derivation(self) -> str:
        """The check's docstring."""
        return textwrap.dedent("    " + (self.function.__doc__ or "")).strip()


def check(*ids: str) -> Callable[[Callable[..., Result]], Check]:
    """Declare a function to be the check of the claims with these ids."""
    return lambda function: Check(function, ids)


@dataclass(frozen=True)
class Judgement:
    """A claim after its check has run on every version of the statement."""

    claim: Claim
    derivation: str
    printed: Result
    corrected: Result | None
    control_results: tuple[Result, ...]
    lemmas: tuple[Judgement, ...] = ()
    recorded: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_proved(self) -> bool:
        """Whether all theorems of the claim are in the record of proofs/, and the files are those of the record."""
        return bool(self.claim.theorem) and self.recorded.keys() >= set(self.claim.theorem)

    @property
    def evidence(self) -> str:
        """What stands behind the verdict, in Markdown: Coq's proof, and the check's computation."""
        claim = self.claim
        computed = f"{claim.evidence}, tolerance {claim.tolerance}" if claim.tolerance else str(claim.evidence)
        if not claim.theorem:
            return computed
        if not self.is_proved:
            return f"{computed} (no record here that Coq proved {', '.join(claim.theorem)})"
        return f"proved ({self.theorems}); {computed}"

    @property
    def theorems(self) -> str:
        """Links to the theorems that Coq has proved of it, in Markdown; KeyError for one that is not in the record."""
        statements = f"proofs/{proof_record.STATEMENTS}"
        return ", ".join(proof_record.link(name, self.recorded[name], statements) for name in self.claim.theorem)

    @property
    def verdict(self) -> Verdict:
        """Computed from which of the printed and the corrected statement holds; never read from the file."""
        if self.printed.holds is None:
            return Verdict.UNDECIDABLE if self.claim.unpublished else Verdict.OPEN
        if self.claim.documents:
            return Verdict.TRANSCRIPTION
        if self.claim.evidence is Evidence.EMPIRICAL:
            return Verdict.REPRODUCED if self.printed.holds else Verdict.NOT_REPRODUCED
        if self.corrected is not None and not self.corrected.holds:
            return Verdict.INCONSISTENT
        if self.claim.reading and not self.printed.holds:
            return Verdict.READING
        if self.corrected is None:
            return Verdict.HOLDS if self.printed.holds else Verdict.FAILS
        return Verdict.LOOSE if self.printed.holds else Verdict.HOLDS_CORRECTED

    @property
    def caught(self) -> int:
        """How many controls the check answered correctly."""
        return sum(r.holds is c.holds for c, r in zip(self.claim.controls, self.control_results))

    @property
    def sound(self) -> bool:
        """Whether verdict and documents are as expected, every control was answered correctly, and all lemmas are sound."""
        as_said = not self.claim.documents or self.printed.holds is (self.claim.documents == "agree")
        answered = self.caught == len(self.claim.controls)
        return self.verdict is self.claim.expected and as_said and answered and not self.broken_lemmas

    @property
    def broken_lemmas(self) -> list[str]:
        """Ids of the lemmas, and of theirs, that are not sound."""
        return [name for lemma in self.lemmas if not lemma.sound for name in (lemma.broken_lemmas or [lemma.claim.id])]

    def as_json(self) -> dict[str, Any]:
        """A plain dictionary for ``--json``."""
        return {
            **asdict(self.claim),
            "verdict": self.verdict,
            "proved": self.is_proved,
            "sound": self.sound,
            "numbers": dict(self.printed.numbers),
            "corrected_numbers": dict(self.corrected.numbers) if self.corrected else {},
            "controls_caught": self.caught,
            "broken_lemmas": self.broken_lemmas,
        }


def judge(
    claim: Claim, decide: Check, lemmas: tuple[Judgement, ...] = (), recorded: Mapping[str, int] | None = None
) -> Judgement:
    """Run a check on the printed statement, the corrected one and every control; the lemmas are judged already."""
    return Judgement(
        claim,
        decide.derivation,
        decide(**claim.printed),
        decide(**claim.corrected) if claim.corrected is not None else None,
        tuple(decide(**control.parameters) for control in claim.controls),
        lemmas,
        recorded or {},
    )


@dataclass(frozen=True)
class Ledger:
    """All claims with the check of each, in the order of claims.toml."""

    claims: tuple[Claim, ...]
    checks: Mapping[str, Check]
    recorded: Mapping[str, int] = field(default_factory=dict)
    _judged: dict[str, Judgement] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        names = {claim.id: claim.rests_on for claim in self.claims}
        for claim in self.claims:
            if unknown := set(claim.rests_on) - names.keys():
                raise ValueError(f"Claim {claim.id!r} rests on {', '.join(sorted(unknown))}, which is no claim.")
        try:
            tuple(TopologicalSorter(names).static_order())
        except CycleError as error:
            raise ValueError(f"Claims rest on each other in a circle: {', '.join(error.args[1])}.") from None

    def judge(self, identifier: str) -> Judgement:
        """Judge the claim of this id, and first those that it rests on, each once; KeyError if there is none."""
        claim = next((c for c in self.claims if c.id == identifier), None)
        if claim is None:
            raise KeyError(identifier)
        if identifier not in self._judged:
            lemmas = tuple(self.judge(name) for name in claim.rests_on)
            self._judged[identifier] = judge(claim, self.checks[identifier], lemmas, self.recorded)
        return self._judged[identifier]


def find_checkout(start: Path | None = None) -> Path:
    """The closest folder at or above ``start`` (default: here) that holds verify/claims.toml.

    Raises FileNotFoundError with one sentence outside of a checkout.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "verify" / "claims.toml").is_file():
            return folder
    raise FileNotFoundError(
        f"{here} is not inside a bwtheory checkout: no verify/claims.toml here or above. Clone the repository and run it there."
    )


def find_evidence() -> Path:
    """The folder of verify/, figures/ and results/: of the checkout around the current folder, else the installed package's."""
    try:
        return find_checkout()
    except FileNotFoundError:
        return find_checkout(Path(__file__).parent)


def import_evidence(folder: Path, name: str) -> ModuleType:
    """The package ``name``, verify or figures, that lies in ``folder``; as ``bwtheory.<name>``, off the search path."""
    full, path = f"bwtheory.{name}", folder / name
    loaded = sys.modules.get(full)
    if loaded is not None and loaded.__path__[0] == str(path):
        return loaded
    for stale in [module for module in sys.modules if module == full or module.startswith(f"{full}.")]:
        del sys.modules[stale]
    spec = importlib.util.spec_from_file_location(full, path / "__init__.py", submodule_search_locations=[str(path)])
    assert spec and spec.loader
    module = sys.modules[full] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def load_ledger(folder: Path) -> Ledger:
    """Read verify/claims.toml in this folder, see ``find_evidence``, and import the checks beside it.

    Raises
    ------
    ValueError
        If an id occurs twice, a claim has no check or several, or a check names no claim.
    """
    rows = tomllib.loads((folder / "verify" / "claims.toml").read_text(encoding="utf-8"))["claim"]
    claims = tuple(Claim.from_toml(row) for row in rows)
    package = import_evidence(folder, "verify").__name__
    modules = [importlib.import_module(f"{package}.{path.stem}") for path in sorted((folder / "verify").glob("test_*.py"))]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Check)]
    return Ledger(claims, _pair(claims, found), proof_record.recorded_lines(folder / "proofs"))


def _pair(claims: Iterable[Claim], found: Iterable[Check]) -> dict[str, Check]:
    wanted = [claim.id for claim in claims]
    offered = [(identifier, one) for one in found for identifier in one.ids]
    names = [identifier for identifier, _ in offered]
    problems = [
        ("two claims with the id", {i for i in wanted if wanted.count(i) > 1}),
        ("no check for the claim", set(wanted) - set(names)),
        ("no claim for the check of", set(names) - set(wanted)),
        ("more than one check for the claim", {i for i in names if names.count(i) > 1}),
    ]
    for sentence, which in problems:
        if which:
            raise ValueError(f"The ledger is broken: {sentence} {', '.join(sorted(which))}.")
    return dict(offered)
