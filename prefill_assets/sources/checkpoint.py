"""Checkpoints on disk: which there are, whether their weights are whole and safe, and what tells one from another."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError

_FOLDER = re.compile(r"checkpoint-(\d+)")
_PICKLES = ("*model*.bin", "*model*.pt", "*model*.pth", "consolidated*.pth", "*.ckpt", "*.pkl")
_FINGERPRINT_EDGE_BYTES, _FINGERPRINT_TENSOR_BYTES = 1 << 20, 1 << 12
QUIET_SECONDS = 20
"""A training job that still writes a checkpoint does so more often than this."""


def list_checkpoints(folder: Path) -> dict[int, Path]:
    """`checkpoint-N` folders by step. Raises InputError where the folder is missing or holds none."""
    if not folder.is_dir():
        raise InputError("no such checkpoint folder", path=folder, remedy="mend checkpoint_dir in config.yaml")
    found = {int(match[1]): path for path in folder.iterdir() if path.is_dir() and (match := _FOLDER.fullmatch(path.name))}
    if not found:
        raise InputError("holds no checkpoint-N folder", path=folder, remedy="mend checkpoint_dir in config.yaml")
    return dict(sorted(found.items()))


def find_checkpoint(folder: Path | None, step: int) -> Path:
    """The folder of one checkpoint, with whole safetensors weights. Raises InputError."""
    if folder is None:
        raise InputError(
            f"checkpoint {step} is to be evaluated but the config names no checkpoint_dir", remedy="set checkpoint_dir"
        )
    path = list_checkpoints(folder).get(step)
    if path is None:
        raise InputError(
            f"no folder checkpoint-{step}", path=folder, remedy="mend checkpoints in config.yaml, or copy the checkpoint there"
        )
    list_weight_files(path)
    return path


def list_weight_files(checkpoint: Path) -> list[Path]:
    """The safetensors files of a checkpoint. Raises InputError where there are none, not all, or only pickles."""
    index = checkpoint / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not an index of shards: {error}", path=index, remedy="save the checkpoint again") from error
        files = [checkpoint / name for name in names]
        for file in files:
            if not file.is_file():
                raise InputError(
                    "a shard named in model.safetensors.index.json is missing",
                    path=file,
                    remedy="copy it, or save the checkpoint again",
                )
    else:
        files = [path for name in ("model.safetensors", "adapter_model.safetensors") if (path := checkpoint / name).is_file()]
    if not files:
        if any(next(checkpoint.glob(pattern), None) for pattern in _PICKLES):
            raise InputError(
                "has pickle weights only, which can run code when they are loaded",
                path=checkpoint,
                remedy="save it with safetensors (save_pretrained does)",
            )
        raise InputError(
            "has no weights", path=checkpoint, remedy="expected model.safetensors, its shards, or adapter_model.safetensors"
        )
    for file in files:
        _read_header(file)
    return files


def is_settled(checkpoint: Path, quiet_seconds: float = QUIET_SECONDS, now: float | None = None) -> bool:
    """Whether a checkpoint with whole weights has its configuration too, and nothing in it changed within `quiet_seconds`.

    `now` is in seconds since 1970, the time of asking by default. A copy may bring its times of change along (`rsync -a`); those
    of its entries on this disk are its own. Raises OSError where it is being deleted.
    """
    if not any((checkpoint / name).is_file() for name in ("config.json", "adapter_config.json")):
        return False
    states = [path.stat() for path in (checkpoint, *checkpoint.rglob("*")) if path.exists()]
    latest = max(max(state.st_mtime, state.st_ctime) for state in states)
    return latest <= (time.time() if now is None else now) - quiet_seconds


def read_tensor_shapes(checkpoint: Path) -> dict[str, list[int]]:
    """The shape of every tensor by its name, from the headers of the weight files. Raises InputError."""
    shapes = {}
    for file in list_weight_files(checkpoint):
        shapes |= {name: spec["shape"] for name, spec in _read_header(file)[1].items()}
    return shapes


def read_model_type(checkpoint: Path) -> str | None:
    """`model_type` of config.json, or None where there is no such file."""
    config = checkpoint / "config.json"
    if not config.is_file():
        return None
    try:
        return json.loads(config.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise InputError(f"not a model's configuration: {error}", path=config, remedy="save the checkpoint again") from error


def fingerprint_checkpoint(checkpoint: Path) -> str:
    """Hash of what a checkpoint answers with: weights, configuration and tokenizer (16 hex digits). Raises InputError, OSError.

    Of a weight file above 2 MiB, its size, its first and last MiB and the first 4 KiB of every tensor stand for the whole.
    """
    files = [*list_weight_files(checkpoint), *sorted(checkpoint.glob("*.json")), *sorted(checkpoint.glob("*.jinja"))]
    return _fingerprint(tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=4096)
def _fingerprint(files: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, size, _ in files:
        digest.update(f"{Path(path).name}:{size}:".encode())
        with Path(path).open("rb", buffering=0) as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead from each tensor
            for offset, count in _list_spans(Path(path), size):
                digest.update(os.pread(stream.fileno(), count, offset))
    return digest.hexdigest()[:16]


def _list_spans(file: Path, size: int) -> Iterator[tuple[int, int]]:
    """(offset, bytes) of what stands for a file. Edges alone would not do: layers are trained while embeddings are frozen."""
    if size <= 2 * _FINGERPRINT_EDGE_BYTES or file.suffix != ".safetensors":
        yield 0, size
        return
    yield 0, _FINGERPRINT_EDGE_BYTES
    start, tensors = _read_header(file)
    for begin, end in sorted(spec["data_offsets"] for spec in tensors.values()):
        yield start + begin, min(_FINGERPRINT_TENSOR_BYTES, end - begin)
    yield size - _FINGERPRINT_EDGE_BYTES, _FINGERPRINT_EDGE_BYTES


def _read_header(file: Path) -> tuple[int, dict[str, Any]]:
    """Where the tensors of a safetensors file begin, in bytes, and what its header says of each by name.

    The header also says how long the file is: a copy still being written is shorter, and raises InputError.
    """
    with file.open("rb") as stream:
        head = stream.read(8)
        header_bytes = int.from_bytes(head, "little") if len(head) == 8 else -1
        size = file.stat().st_size
        try:
            header = json.loads(stream.read(header_bytes)) if 0 < header_bytes <= size - 8 else {}
            tensors = {name: spec for name, spec in header.items() if name != "__metadata__"}
            end = max((spec["data_offsets"][1] for spec in tensors.values()), default=0) if header else -1
        except (ValueError, KeyError, TypeError, AttributeError):
            tensors, end = {}, -1
    if end < 0 or size < 8 + header_bytes + end:
        raise InputError(
            "is not a whole safetensors file", path=file, remedy="wait until it is written, or save the checkpoint again"
        )
    return 8 + header_bytes, tensors
