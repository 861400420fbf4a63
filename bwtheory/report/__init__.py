"""Pages and films of runs: what ``bwtheory report`` and ``bwtheory animate`` make."""
