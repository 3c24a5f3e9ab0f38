"""How a worker and its owner talk: frames of 4 bytes of length, then as many bytes."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

READ_BYTES = 1 << 16


def read_frame(descriptor: int) -> bytes | None:
    """The next frame, or None at the end."""
    head = _read_exactly(descriptor, 4)
    return None if head is None else _read_exactly(descriptor, struct.unpack(">I", head)[0])


def write_frame(descriptor: int, *frames: bytes) -> None:
    """Write one frame or several."""
    view = memoryview(b"".join([struct.pack(">I", len(data)) + data for data in frames]))
    while view:
        view = view[os.write(descriptor, view) :]


def pass_on(source: int, target: int) -> int:
    """Send what a pipe holds now as one frame, and return its length: 0 for an empty pipe, and then nothing is sent.

    Where the system allows, the bytes do not pass through the memory of this process, which its next fork could search.
    """
    count = struct.unpack("i", fcntl.ioctl(source, termios.FIONREAD, bytes(4)))[0]
    if count == 0:
        return 0
    if not hasattr(os, "splice"):
        write_frame(target, os.read(source, min(count, READ_BYTES)))
        return min(count, READ_BYTES)
    os.write(target, struct.pack(">I", count))
    left = count
    while left:
        left -= os.splice(source, target, left)
    return count


def forward_frame(source: int, target: int) -> int | None:
    """Send the next frame on, if it is not empty, and return its length; None at the end.

    It must fit into the target, a pipe. As with `pass_on`, the bytes do not pass through the memory of this process.
    """
    head = _read_exactly(source, 4)
    if head is None:
        return None
    length = left = struct.unpack(">I", head)[0]
    if length == 0:
        return 0
    os.write(target, head)
    if not hasattr(os, "splice"):
        return os.write(target, _read_exactly(source, length) or b"")
    while left:
        left -= os.splice(source, target, left)
    return length


def _read_exactly(descriptor: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        chunk = os.read(descriptor, count - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)
