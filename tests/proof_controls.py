"""Wrong versions of the theorems of proofs/Statements.v, which Coq must refuse; `make proofs-controls` tries all of them.

Each control is one theorem with a wrong constant, exponent or sign, and the proof of the right one.  It is compiled alone,
on top of the compiled files.  The right version must compile the same way: else the control shows nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROOFS = Path(__file__).parent.parent / "proofs"
SECONDS = 120  # a control that takes longer has not been decided

# theorem, text, wrong text
CONTROLS = [
    ("psi_pieces", "(4 - 7 * t) / 6", "(4 - 8 * t) / 6"),
    ("psi_two_scale", "10 * hat", "9 * hat"),
    ("psi_moments", "IntR psi 0", "IntR psi 1"),
    ("equation_3", "7 * K", "6 * K"),
    ("equation_32", "24 * psi (x / 4)) /\\", "23 * psi (x / 4)) /\\"),
    ("proposition_3_2", "24 * v k", "12 * v k"),
    ("semi_orthogonality", "* psi_jk j' k' t) 0", "* psi_jk j' k' t) 1"),
    ("G_psi_entries", "then 1/6", "then 1/4"),
    ("neurons_numbered", "shift (2 ^ j - 1 + k) = k", "shift (2 ^ j - 1 + k) = j"),
    ("C1_C2_printed", "30864 / 10 ^ 6", "30865 / 10 ^ 6"),
    ("equation_46", "2 * (Rabs C1 + Rabs C2) < 1/6", "2 * (Rabs C1 + Rabs C2) < 1/15"),
    ("equation_47", "19/8", "18/8"),
    ("theorem_3_3", "kappa < 9/4", "kappa < 2"),
    ("theorem_3_3_sharp", "(9/4)", "(19/8)"),
    ("any_wavelets", "4/27", "5/27"),
    ("theorem_3_1", "INR K ^ 3", "INR K ^ 5"),
    ("theorem_3_1_quartic", "3/16", "4/16"),
    ("equal_spacing_upper", "4 * INR K ^ 2", "3 * INR K ^ 2"),
    ("equal_spacing_sharp", "3.8841", "3.8801"),
    ("equal_spacing_sharp", "INR K - 2", "INR K - 1"),
    ("ridges_orthogonal", "a1 * c2 - a2 * c1 <> 0", "a1 * c2 + a2 * c1 <> 0"),
    ("near_equal_spacing", "(1 - theta) ^ 3", "(1 - theta) ^ 2"),
    ("separated_biases", "h ^ 3 / 48", "h ^ 3 / 47"),
    ("equation_5_identity", "z + relu (- z)", "z - relu (- z)"),
    ("equation_40", "k + 3 <=", "k + 2 <="),
    ("theorem_B_1", "Cmod (A i j)", "Cmod (A i j) / 2"),
    ("equation_21", "(euclidean m v * euclidean d w)", "(2 * euclidean m v * euclidean d w)"),
    ("equation_22", "one_direction m (v k) (v l)", "v k = v l"),
    ("equation_24_29", "16 * c *", "15 * c *"),
    ("equation_25_30", "V <= 16 * c", "V <= 15 * c"),
    ("equation_25_almost_all", "k <> l", "k = l"),
    ("weight_decay", "V <= decay", "2 * V <= decay"),
    ("equation_26", "c * b k", "b k"),
    ("equation_28", "c * w k i", "w k i"),
    ("larger_input_weights", "norm2 d (w k)) <= ", "norm2 d (w k)) < "),
    ("rounding_numpy", "/ 2 ^ 50", "/ 2 ^ 51"),
    ("rounding_training", "/ 2 ^ 49", "/ 2 ^ 51"),
    ("equation_18_singular", "(2 <= J)", "(1 <= J)"),
    ("lost_factor_2", "/ 2 * v i", "/ 3 * v i"),
]


def theorem(name: str) -> tuple[str, str]:
    """The imports of Statements.v with the theorems of it that the proof uses, and one theorem with its proof."""
    text = (PROOFS / "Statements.v").read_text(encoding="utf-8")
    head = text[: text.index("Open Scope R_scope.")] + "Open Scope R_scope.\n"
    theorems = {match[1]: match[0] for match in re.finditer(r"^Theorem (\w+).*?Qed\.$", text, re.DOTALL | re.MULTILINE)}
    if name not in theorems:
        raise ValueError(f"Statements.v has no theorem {name}.")
    proof = theorems[name].partition("\nProof.")[2]
    used = [other for other in theorems if other != name and re.search(rf"(?<![\w.]){other}\b", proof)]
    return head + "".join(f"{theorems[other]}\n" for other in used), theorems[name]


def wrong(name: str, text: str, instead: str) -> str:
    """The theorem with its statement changed; ValueError if the text is not in the statement."""
    statement, end, proof = theorem(name)[1].partition("\nProof.")
    if text not in statement:
        raise ValueError(f"The statement of {name} does not say {text!r}.")
    return statement.replace(text, instead, 1) + end + proof


def compiles(head: str, source: str) -> bool:
    """Whether Coq accepts this; RuntimeError if it does not get as far as the theorem, TimeoutExpired if it takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Control.v").write_text(f"{head}\n{source}\n", encoding="utf-8")
        command = ["coqc", "-w", "none", "-Q", str(PROOFS), "BW", "Control.v"]
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    if answer.returncode and (line := re.search(r"line (\d+)", answer.stderr)) and int(line[1]) <= head.count("\n"):
        raise RuntimeError(f"Coq refuses the imports: {answer.stderr}")
    return answer.returncode == 0


def main() -> int:
    argparse.ArgumentParser(prog="python -m tests.proof_controls", description=__doc__.partition(";")[0]).parse_args()
    failures = []
    for name, text, instead in CONTROLS:
        try:
            head, right = theorem(name)
            if not compiles(head, right):
                problem = "the right version does not compile"
            elif compiles(head, wrong(name, text, instead)):
                problem = "the wrong version compiles"
            else:
                problem = ""
        except subprocess.TimeoutExpired:
            problem = f"not decided in {SECONDS} s"
        print(f"{name}: {text} -> {instead}: {problem or 'refused'}", flush=True)
        failures += [name] if problem else []
    print(f"{len(CONTROLS) - len(failures)} of {len(CONTROLS)} wrong versions are refused.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
