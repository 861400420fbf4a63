"""The record of the Coq proofs in proofs/: which theorems Coq accepted, on what they rest, and the files they were in.

``python -m bwtheory.proof_record`` needs Coq and the compiled files, and writes proofs/record.json and the links of the two
documents to the theorems; `make proofs` calls it.  The ledger only compares the files with the record, which needs no Coq.
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
STATEMENTS = "Statements.v"
DOCUMENTS = ("docs/proved.md", "proofs/README.md")  # their links to theorems are kept up to date
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


def stated(folder: Path) -> dict[str, int]:
    """The theorems of Statements.v in its order, each with the line where it begins."""
    text = (folder / STATEMENTS).read_text(encoding="utf-8")
    names = re.findall(r"\bTheorem\s+(\w+)", without_comments(text))
    lines = {match[1]: text.count("\n", 0, match.start()) + 1 for match in re.finditer(r"^Theorem\s+(\w+)", text, re.MULTILINE)}
    return {name: lines[name] for name in names}


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


def recorded_lines(folder: Path) -> Mapping[str, int]:
    """The theorems of the record, each with its line in Statements.v."""
    names = recorded(folder)
    return {name: line for name, line in stated(folder).items() if name in names} if names else {}


def link(name: str, line: int, statements: str) -> str:
    """A theorem's name in Markdown, with a link to its line in the file of the statements."""
    return f"[`{name}`]({statements}#L{line})"


def linked(text: str, folder: Path) -> str:
    """The Markdown text with every link to a theorem set to the theorem's line; ValueError for a name that is no theorem."""
    lines = stated(folder)

    def renewed(match: re.Match[str]) -> str:
        if match[1] not in lines:
            raise ValueError(f"{match[0]} links to a theorem that Statements.v does not have.")
        return link(match[1], lines[match[1]], match[2])

    return re.sub(rf"\[`(\w+)`\]\(([^()\s#]*{re.escape(STATEMENTS)})(?:#L\d+)?\)", renewed, text)


def make_record(folder: Path) -> str:
    """Ask Coq about every theorem and return the text of record.json; ValueError if anything is not as it has to be."""
    check_sources(folder)
    names = audited(folder)
    if missing := sorted(stated(folder).keys() - set(names)):
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
    parser = argparse.ArgumentParser(prog="python -m bwtheory.proof_record", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("proofs"), help="the folder of the proofs, compiled")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the record is out of date")
    options = parser.parse_args(arguments)
    try:
        text = make_record(options.folder)
        wanted = {options.folder / RECORD: text}
        for name in DOCUMENTS:
            path = options.folder.parent / name
            wanted[path] = linked(path.read_text(encoding="utf-8"), options.folder)
        for path, content in wanted.items():
            if not options.check:
                write_text(path, content)
            elif not path.exists() or path.read_text(encoding="utf-8") != content:
                raise ValueError(f"{path} is not what Coq and Statements.v say now; run make proofs and commit it.")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Coq accepts {len(json.loads(text)['theorems'])} theorems; they rest on the allowed axioms only.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
