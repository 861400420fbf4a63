"""Files with a hash of what they hold: any changed bit is noticed, also one that the file format does not check."""

from __future__ import annotations

import pytest
import torch

from bwtheory.training.config import with_preset
from bwtheory.training.run import build_network
from bwtheory.training.sealed import open_checkpoint, open_weights, seal_checkpoint, seal_weights

STATE = {"epoch": 3, "network": {"weight": torch.arange(6.0).reshape(2, 3)}}


@pytest.fixture(scope="module")
def weights():
    config = with_preset({"task": "univariate", "source": "steps", "hidden_features": 3})
    return seal_weights(build_network(config, 1), config)


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_what_was_sealed_is_opened(weights):
    state = open_checkpoint(seal_checkpoint(STATE), "checkpoint.pt")
    assert state["sealed"] and state["epoch"] == 3 and torch.equal(state["network"]["weight"], STATE["network"]["weight"])
    content, sha256 = weights
    assert open_weights(content, "weights.safetensors").sha256 == sha256


def test_a_flipped_bit_of_a_checkpoint_is_noticed():
    """In each of its bytes: the archive has checksums of its entries, and none of its headers, names, dates and padding."""
    content = seal_checkpoint(STATE)
    for place in range(len(content)):
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged"):
            open_checkpoint(flipped(content, place), "checkpoint.pt")


def test_a_flipped_bit_of_weights_is_noticed(weights):
    """In each byte of the numbers and of the configuration; safetensors has no checksums."""
    content, _ = weights
    header = 8 + int.from_bytes(content[:8], "little")
    places = [*range(header, len(content)), content.index(b'lr\\": ') + len(b'lr\\": ') + 2]
    for place in places:
        with pytest.raises(ValueError, match=r"weights\.safetensors is damaged: its numbers are not those"):
            open_weights(flipped(content, place), "weights.safetensors")


def test_weights_of_another_shape_are_noticed(weights):
    """The same numbers as a row instead of a column: the bytes of the tensor are as they were."""
    content, _ = weights
    assert content.count(b'"shape":[3,1]') == 1
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged: its numbers are not those"):
        open_weights(content.replace(b'"shape":[3,1]', b'"shape":[1,3]'), "weights.safetensors")
