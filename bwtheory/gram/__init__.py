"""Gram matrices (G)_ij = ∫_D φ_i φ_j dx and their extreme eigenvalues.

A structure of a Gram matrix is one class in one file, with its eigenvalue methods in floating point and in ball arithmetic
beside each other: ``relu``, ``toeplitz``, ``blocks``, ``dense``.  ``structure`` says what each of them can do, and
``spectrum`` asks them.  ``quadrature`` computes the matrices from values of the functions alone, ``wavelets`` has the exact
inner products of wavelets.
"""
