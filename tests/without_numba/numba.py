"""Stands before Numba on the path of ``tests.portability``'s variant without it."""

raise ModuleNotFoundError("No module named 'numba': tests/without_numba hides it", name="numba")
