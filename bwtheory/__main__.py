"""``python -m bwtheory`` is the command ``bwtheory``."""

from bwtheory.cli import main

raise SystemExit(main())
