"""``python -m figures [--list] [--out DIR] [NAME ...]``"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import NAMES, draw

parser = argparse.ArgumentParser(prog="python -m figures", description="Draw the theory figures as PNG, PDF and SVG.")
parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw; all without one")
parser.add_argument("--list", action="store_true", help="print the names and stop")
parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder for the files")
arguments = parser.parse_args()
if arguments.list:
    print("\n".join(NAMES))
else:
    try:
        draw(arguments.names, arguments.out)
    except ValueError as error:
        parser.error(str(error))
