"""Block-diagonal matrices: levels of functions that are orthogonal to each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bwtheory.gram.structure import Bounds, Bracket, Extremes, GramStructure, Matrix
from bwtheory.gram.toeplitz import BandedToeplitz


@dataclass(frozen=True, eq=False)
class BlockDiagonal(GramStructure):
    """Blocks of any structure along the diagonal."""

    blocks: tuple[GramStructure, ...]

    def __post_init__(self) -> None:
        if not self.blocks:
            raise ValueError("A block-diagonal matrix needs at least one block.")

    @property
    def size(self) -> int:
        """Number of rows."""
        return sum(block.size for block in self.blocks)

    def to_dense(self) -> Matrix:
        """The (size, size) matrix."""
        from scipy.linalg import block_diag

        return block_diag(*(block.to_dense() for block in self.blocks))  # type: ignore[no-any-return]

    def extremes(self) -> Extremes:
        """The least and the largest of the blocks' eigenvalues."""
        each = [block.extremes() for block in self._deciding]
        return Extremes(
            min(one.smallest for one in each), max(one.largest for one in each), sum(one.iterations for one in each)
        )

    def enclose(self) -> Bounds:
        """The least and the largest of the blocks' bounds."""
        each = [block.enclose() for block in self._deciding]
        return Bounds(
            _least(one.smallest for one in each), _largest(one.largest for one in each), sum(one.iterations for one in each)
        )

    @property
    def _deciding(self) -> list[GramStructure]:
        """Without sections of one Toeplitz matrix but the largest, which by interlacing has the extremes of all of them."""
        kept: dict[object, GramStructure] = {}
        for block in sorted(self.blocks, key=lambda block: block.size):
            kept[block.coefficients if isinstance(block, BandedToeplitz) else id(block)] = block
        return list(kept.values())


def _least(brackets: Iterable[Bracket]) -> Bracket:
    lower, *others = brackets
    for one in others:
        lower = Bracket(lower.lower.min(one.lower), lower.upper.min(one.upper))
    return lower


def _largest(brackets: Iterable[Bracket]) -> Bracket:
    upper, *others = brackets
    for one in others:
        upper = Bracket(upper.lower.max(one.lower), upper.upper.max(one.upper))
    return upper
