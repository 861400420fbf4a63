"""The record of the Coq proofs in proofs/: which theorems Coq accepted, on what they rest, and the files they were in.

``python -m bwtheory.proofs`` needs Coq and the compiled files, and writes proofs/record.json; `make proofs` calls it.
The ledger only compares the files with the record, which needs no Coq.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bwtheory.files import write_text

# Of Coq's real numbers and of Coquelicot; no theorem may rest on anything else.
ALLOWED = frozenset(
    {
        "ClassicalDedekindReals.sig_not_dec",
        "ClassicalDedekindReals.sig_forall_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
RECORD = "record.json"
_FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|bypass_check|(?:Guard|Positivity|Universe) Checking)\b"
)


def without_comments(text: str) -> str:
    """Coq source without its comments, which nest, and without its strings."""
    kept, depth = [], 0
    for token in re.findall(r'\(\*|\*\)|"[^"]*"|.', text, re.DOTALL):
        if token == "(*":
            depth += 1
        elif token == "*)" and depth:
            depth -= 1
        elif not depth and len(token) == 1:
            kept.append(token)
    return "".join(kept)


def check_sources(folder: Path) -> None:
    """ValueError if a .v file of this folder leaves a proof out or adds an axiom."""
    for path in sorted(folder.glob("*.v")):
        if match := _FORBIDDEN.search(without_comments(path.read_text(encoding="utf-8"))):
            raise ValueError(f"proofs/{path.name} says {match[0]!r}: a proof is left out, or an axiom is added.")


def stated(folder: Path) -> list[str]:
    """Names of the theorems in Statements.v."""
    return re.findall(r"\bTheorem\s+(\w+)", without_comments((folder / "Statements.v").read_text(encoding="utf-8")))


def audited(folder: Path) -> list[str]:
    """Names of the theorems that Audit.v asks about, in its order."""
    return re.findall(r"\bPrint Assumptions\s+(\w+)", without_comments((folder / "Audit.v").read_text(encoding="utf-8")))


def assumptions(output: str, names: list[str]) -> dict[str, list[str]]:
    """What Coq printed for Audit.v: the axioms under each theorem; ValueError if an answer is missing or an axiom is new."""
    answers: list[list[str]] = []
    for line in output.splitlines():
        if line.startswith(("Closed under the global context", "Axioms:")):
            answers.append([])
        elif answers and line and not line[0].isspace():
            answers[-1].append(line.split()[0])
    if len(answers) != len(names):
        raise ValueError(f"Audit.v asks about {len(names)} theorems, and Coq gave {len(answers)} answers.")
    for name, axioms in zip(names, answers):
        if extra := sorted(set(axioms) - ALLOWED):
            raise ValueError(f"The theorem {name} rests on {', '.join(extra)}, which is not on the list of allowed axioms.")
    return {name: sorted(axioms) for name, axioms in zip(names, answers)}


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each .v file that belongs to the build, whatever line ends the checkout uses."""
    listed = (folder / "_CoqProject").read_text(encoding="utf-8").split()
    files = sorted(name for name in listed if name.endswith(".v"))
    return {name: hashlib.sha256((folder / name).read_bytes().replace(b"\r\n", b"\n")).hexdigest() for name in files}


def recorded(folder: Path) -> Mapping[str, list[str]]:
    """The theorems of the record with their axioms; empty if there is no record or it is of other files."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record["theorems"] if record["files"] == hashes(folder) else {}
    except FileNotFoundError:
        return {}


def make_record(folder: Path) -> str:
    """Ask Coq about every theorem and return the text of record.json; ValueError if anything is not as it has to be."""
    check_sources(folder)
    names = audited(folder)
    if missing := sorted(set(stated(folder)) - set(names)):
        raise ValueError(f"Audit.v does not ask about {', '.join(missing)} of Statements.v.")
    if subprocess.run([sys.executable, "generate.py", "--check"], cwd=folder).returncode:
        raise ValueError("proofs/Generated.v is not what bwtheory/wavelet.py says.")
    answer = subprocess.run(["coqc", "-Q", ".", "BW", "Audit.v"], cwd=folder, capture_output=True, text=True)
    if answer.returncode:
        raise ValueError(f"Coq refuses proofs/Audit.v: {answer.stderr.strip()}")
    record = {"files": hashes(folder), "theorems": assumptions(answer.stdout, names)}
    return json.dumps(record, indent=1) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check the record; 1 with one sentence if a theorem, an axiom or a file is not as recorded or allowed."""
    parser = argparse.ArgumentParser(prog="python -m bwtheory.proofs", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("proofs"), help="the folder of the proofs, compiled")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the record is out of date")
    options = parser.parse_args(arguments)
    target = options.folder / RECORD
    try:
        text = make_record(options.folder)
        if options.check and (not target.exists() or target.read_text(encoding="utf-8") != text):
            raise ValueError("proofs/record.json is not what Coq says now; run make proofs and commit the record.")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not options.check:
        write_text(target, text)
    print(f"Coq accepts {len(json.loads(text)['theorems'])} theorems; they rest on the allowed axioms only.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
