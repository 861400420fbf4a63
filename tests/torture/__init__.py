"""A fuzz and fault harness: ``python -m tests.torture`` kills, damages, fills disks and types nonsense, from a seed.

Each module but ``report``, ``processes`` and ``examples`` is a kind of trouble, with ``run(seed, count, seconds) -> Report``:
it stops after ``count`` tries or when ``seconds`` are over.  docs/reliability.md has the figures and says how to read them.
"""
