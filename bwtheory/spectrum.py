"""What proofs/certificates.py imports from here; everything else of it is in ``bwtheory.gram``."""

from bwtheory.gram.relu import perron_of_gram, perron_of_inverse

__all__ = ["perron_of_gram", "perron_of_inverse"]
