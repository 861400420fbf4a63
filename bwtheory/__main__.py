"""``python -m bwtheory`` and the command ``bwtheory``."""

from __future__ import annotations

import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and exit; the current folder is no place for modules, see ``bwtheory.cli``."""
    if not sys.flags.safe_path and sys.path and __name__ == "__main__":
        del sys.path[0]  # `python -m` puts the current folder before everything: a signal.py there would be imported
    try:
        from bwtheory.cli import main

        status = main()
    except KeyboardInterrupt:  # in the first tenth of a second
        status = 130
    raise SystemExit(status)


if __name__ == "__main__":
    run()
