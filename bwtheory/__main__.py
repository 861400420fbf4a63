"""``python -m bwtheory`` and the command ``bwtheory``."""

from __future__ import annotations

import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and exit; a signal that comes while things are imported ends it without a traceback."""
    if not sys.flags.safe_path and sys.path and __name__ == "__main__":
        del sys.path[0]  # `python -m` puts the current folder before everything: a signal.py there would be imported
    from bwtheory.signals import exit_when_stopped, raise_when_stopped, status_of_stop

    exit_when_stopped()
    from bwtheory.cli import main

    try:
        raise_when_stopped()
        status = main()
        exit_when_stopped()  # nothing is left to do but to end
    except KeyboardInterrupt as stop:  # before the first word is read, or after the last
        status = status_of_stop(stop)
    raise SystemExit(status)


if __name__ == "__main__":
    run()
