"""``python -m bwtheory`` and the command ``bwtheory``."""

from __future__ import annotations

from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and exit; a signal that comes while things are imported ends it without a traceback."""
    from bwtheory.signals import exit_when_stopped, raise_when_stopped

    exit_when_stopped()
    from bwtheory.cli import main

    raise_when_stopped()
    raise SystemExit(main())


if __name__ == "__main__":
    run()
