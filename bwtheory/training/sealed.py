"""Files of a run that carry a hash of what they hold: a changed bit is noticed, and what is read fits the network.

A checkpoint is what ``torch.save`` writes, a ZIP archive, with a comment: the SHA-256 of all before it.  ``torch.load``
reads it too.  Weights are a safetensors file whose metadata hold the configuration, and the SHA-256 of it and all tensors.
Files of the first versions have neither, and are checked for what can be checked: the archive's checksums, names, shapes,
numbers.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from bwtheory.files import parse_json
from bwtheory.nn.network import with_real_pairs
from bwtheory.training.config import TrainingConfig

_MARK = b"bwtheory sha256 "
_COMMENT = len(_MARK) + 64
_END = b"PK\x05\x06"  # of an archive: 22 bytes, the last two of which are the comment's length
_METADATA = "bwtheory"  # one entry: safetensors writes several in any order


def seal_checkpoint(state: dict[str, Any]) -> bytes:
    """The bytes of a checkpoint."""
    buffer = io.BytesIO()  # on a full disk torch.save raises a RuntimeError about its own bookkeeping
    torch.save(state, buffer)
    content = buffer.getvalue()
    if content[-22:-18] != _END or content[-2:] != b"\0\0":
        raise AssertionError("torch.save ends an archive in another way than it did.")
    content = content[:-2] + _COMMENT.to_bytes(2, "little")
    return content + _MARK + hashlib.sha256(content).hexdigest().encode()


def open_checkpoint(content: bytes, name: str) -> dict[str, Any]:
    """The state in a checkpoint's bytes; ValueError if they are not what was written, or could do anything but hold numbers."""
    changed = f"{name} is damaged: it was cut short or changed after it was written."
    mark, rest = content[-_COMMENT:-64], content[:-_COMMENT]
    sealed = mark == _MARK and rest[-2:] == _COMMENT.to_bytes(2, "little")
    if sealed and hashlib.sha256(rest).hexdigest().encode() != content[-64:]:
        raise ValueError(changed)
    if not sealed and not (content[-22:-18] == _END and content[-2:] == b"\0\0"):
        raise ValueError(changed)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if any(entry.compress_type for entry in entries) or sum(entry.file_size for entry in entries) > len(content):
                raise ValueError(f"{name} is not a checkpoint of this program: it is compressed.")
            if archive.testzip() is not None:
                raise ValueError(changed)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, OverflowError):
        raise ValueError(changed) from None
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # from bytes that torch.save did not write, its reader raises all kinds
        raise ValueError(f"{name} is not a checkpoint of this program: PyTorch does not read it as numbers only.") from None
    if not isinstance(state, dict):
        raise ValueError(f"{name} is not a checkpoint of this program: it holds a {type(state).__name__}.")
    found: dict[str, Any] = with_real_pairs(state)  # complex numbers were written by the first versions
    return found | {"sealed": sealed}


def check_checkpoint(state: dict[str, Any], name: str) -> TrainingConfig:
    """The configuration of a checkpoint; ValueError names an entry that is missing or makes no sense."""
    config = _entry(state, "config", dict, name)
    try:
        found = TrainingConfig.from_json(config)
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {error}") from None
    _entry(state, "network", dict, name)
    _entry(state, "optimizer", dict, name)
    check_number(state, "epoch", name, whole=True, smallest=0, largest=found.epochs)
    check_number(state, "seconds", name, smallest=0)
    check_number(state, "logged_bytes", name, whole=True, smallest=0)
    for text in ("sha256", "kernel", "logged_sha256"):
        if text in state:
            _entry(state, text, str, name)
    if "kept" in state:
        kept = _entry(state, "kept", dict, name)
        check_number(kept, "loss", name, within="kept", smallest=0)
        check_number(kept, "epoch", name, within="kept", whole=True, smallest=0, largest=state["epoch"])
        _entry(kept, "network", dict, name)
    return found


def check_number(
    row: Mapping[str, Any],
    field: str,
    name: str,
    within: str = "",
    *,
    whole: bool = False,
    smallest: float = -math.inf,
    largest: float = math.inf,
) -> None:
    """ValueError unless a field is there, a finite number, and neither too small nor too large."""
    label = f"{within}.{field}" if within else field
    if field not in row:
        raise ValueError(f"{name} is damaged: it has no {label!r}.")
    value = row[field]
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not abs(value) < 2.0**1023:
        kind = "a whole number" if whole else "a finite number"
        raise ValueError(f"{name} is damaged: {label} is {kind}; got {repr(value)[:60]}.")
    if not smallest <= value <= largest:
        bound = f"at least {smallest}" if value < smallest else f"at most {largest}"
        raise ValueError(f"{name} is damaged: {label} is {bound}; got {repr(value)[:60]}.")


def _entry(state: Mapping[str, Any], field: str, kind: type, name: str) -> Any:
    if not isinstance(state.get(field), kind):
        got = f"a {type(state[field]).__name__}" if field in state else "nothing"
        raise ValueError(f"{name} is damaged: its entry {field!r} is a {kind.__name__}; got {got}.")
    return state[field]


def check_network(found: Mapping[str, Any], network: nn.Module, name: str) -> None:
    """ValueError unless tensors by name are those of a network: names, shapes, types."""
    expected, trained = network.state_dict(), dict(network.named_parameters())
    for key, value in expected.items():
        if key not in found:
            raise ValueError(f"{name} holds weights of another network than its config.json describes: it has no {key}.")
        kept = found[key]
        if key not in trained and isinstance(kept, Tensor) and kept.is_floating_point():
            kept = kept.to(value.dtype)  # the first versions had c in float32 in every network
        _check_tensor(kept, value, key, name)
    for key in found:
        if key not in expected:
            raise ValueError(
                f"{name} holds weights of another network than its config.json describes: it has {str(key)[:60]!r}."
            )


def _check_tensor(found: Any, expected: Tensor, label: str, name: str) -> None:
    plain = isinstance(found, Tensor) and found.layout == torch.strided and found.device.type == "cpu"
    if not plain or found.shape != expected.shape or found.dtype != expected.dtype:
        wanted = f"{tuple(expected.shape)} in {expected.dtype}"
        got = f"{tuple(found.shape)} in {found.dtype}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ValueError(
            f"{name} holds weights of another network than its config.json describes: {label} is {wanted}; got {got}."
        )


def check_finite(found: Mapping[str, Tensor], name: str) -> None:
    """ValueError for weights that are not finite: of a file that does not say by a hash that it was written so."""
    for key, value in found.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} is damaged: {key} has values that are not finite.")


def optimizer_state(
    found: Mapping[str, Any], optimizer: torch.optim.Optimizer, name: str, steps: int, of_all: bool
) -> dict[str, Any]:
    """What an optimizer is to load: the moments that were saved, with the settings that it has.

    Parameters
    ----------
    found : the state in the checkpoint ``name``
    steps : how many the optimizer has taken; before the first it has no moments
    of_all : whether all parameters are trained; some of a module of one's own may not be

    ValueError if a moment is missing or is not of its parameter's shape and type; PyTorch would end the process at a step.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments = _entry(found, "state", dict, name)
    kept = [moments_of(group) for group in optimizer.param_groups for _ in group["params"]]
    least = (sum(p.requires_grad for p in parameters) if of_all else 1) if any(kept) and steps else 0
    if len(moments) < least:
        raise ValueError(
            f"{name} is damaged: after {steps} steps optimizer.state has moments of {least} parameters; got {len(moments)}."
        )
    for number, moment in moments.items():
        label = f"optimizer.state.{str(number)[:20]}"
        if not (isinstance(number, int) and 0 <= number < len(parameters) and isinstance(moment, dict)):
            raise ValueError(f"{name} is damaged: {label} is of no parameter of this network.")
        tensors = kept[number]
        if tensors and set(moment) != set(tensors):
            raise ValueError(f"{name} is damaged: {label} holds {_listed(tensors)}; got {sorted(map(str, moment))[:5]}.")
        if not tensors and any(value is not None for value in moment.values()):
            raise ValueError(f"{name} is damaged: {label} is of another optimizer.")
        for part in tensors:
            if part != "step":
                _check_tensor(moment[part], parameters[number].detach().cpu(), f"{label}.{part}", name)
        if "step" in tensors:
            _check_tensor(moment["step"], torch.tensor(1.0), f"{label}.step", name)
            if not 0 <= float(moment["step"]) <= 2**53:
                raise ValueError(f"{name} is damaged: {label}.step is {float(moment['step'])}.")
    return {"state": dict(moments), "param_groups": optimizer.state_dict()["param_groups"]}


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def moments_of(group: Mapping[str, Any]) -> tuple[str, ...]:
    """What an optimizer keeps of each parameter of a group: Adam its step and moments, Muon its momentum, others nothing."""
    return ("step", "exp_avg", "exp_avg_sq") if "betas" in group else ("momentum_buffer",) if "ns_steps" in group else ()


@dataclass(frozen=True)
class SavedWeights:
    """What a weights file holds; ``config`` and ``sha256`` are None in those of the first versions."""

    tensors: dict[str, Tensor]
    config: TrainingConfig | None
    sha256: str | None


def seal_weights(network: nn.Module, config: TrainingConfig) -> tuple[bytes, str]:
    """The bytes of a weights file and their hash."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    about = {"config": config.to_json()}
    sha256 = _hash_of(tensors, about)
    return save(tensors, {_METADATA: json.dumps(about | {"sha256": sha256})}), sha256


def open_weights(content: bytes, name: str) -> SavedWeights:
    """Tensors in a weights file's bytes; ValueError if they are not those that were written."""
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__") or {}
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{name} is damaged: {str(error).splitlines()[0][:200] if str(error) else 'no safetensors file'}."
        ) from None
    if not metadata:
        return SavedWeights(tensors, None, None)
    if set(metadata) != {_METADATA}:
        raise ValueError(f"{name} is damaged: its metadata are not those that were written.")
    about = parse_json(metadata[_METADATA], name)
    if not isinstance(about, dict) or set(about) != {"config", "sha256"}:
        raise ValueError(f"{name} is damaged: its metadata are not those that were written.")
    sha256 = about.pop("sha256")
    if _hash_of(tensors, about) != sha256:
        raise ValueError(f"{name} is damaged: its numbers are not those that were written.")
    return SavedWeights(tensors, TrainingConfig.from_json(about["config"]), sha256)


def _hash_of(tensors: Mapping[str, Tensor], about: dict[str, Any]) -> str:
    sha256 = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        sha256.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        sha256.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return sha256.hexdigest()


def is_sha256(value: Any) -> bool:
    """Whether a value is the hexadecimal form of such a hash."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
