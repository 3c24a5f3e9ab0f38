"""A seccomp filter: system calls that a submission has no use for, refused before the kernel's code behind them is reached.

Some of them reach what no namespace covers (keyrings, virtual sockets, memory that no limit counts), the others have a record of
holes. The filter is set once, in the worker, and every job inherits it: a worker needs mount, unshare, setns and clone, which
fail in a job for want of privileges, and no job can get any, as no user namespace can be made.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from .system_calls import NEW_USER, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, control_process

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (number on x86_64, number on aarch64), from the kernel's tables; -1 where there is none
REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "modify_ldt": (154, -1),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
}
CLONE, CLONE3, UNSHARE, SOCKET = (56, 220), (435, 435), (272, 97), (41, 198)
PLAIN_FAMILIES = (1, 2, 10)
"""Unix, IPv4, IPv6; the others (virtual machine sockets, netlink, kernel crypto) are refused."""

ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
X32_BIT = 0x40000000
Instruction = tuple[int, int, int, int]
"""(operation, instructions skipped if true, if false, operand)."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_system_calls() -> None:
    """Set the filter on this process and all that it starts. Raises OSError where there is none for this machine."""
    code = b"".join(struct.pack("<HBBI", *instruction) for instruction in build_filter(platform.machine()))
    control_process(PR_SET_NO_NEW_PRIVS, 1)
    program = _Program(len(code) // 8, code)
    control_process(PR_SET_SECCOMP, 2, ctypes.addressof(program))


def build_filter(machine: str) -> list[Instruction]:
    """The filter's instructions in classic BPF; see the kernel's seccomp_filter document."""
    if machine not in ARCHITECTURES:
        raise OSError(f"there is no system call filter for {machine} processors")
    column = list(ARCHITECTURES).index(machine)
    program = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        program += [(AT_LEAST, 0, 1, X32_BIT), (RETURN, 0, 0, KILL)]
    program += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ERROR | errno.ENOSYS)]
    for numbers in (CLONE, UNSHARE):
        checks = [(LOAD, 0, 0, FIRST_ARGUMENT_AT), (ANY_BIT, 0, 1, NEW_USER), (RETURN, 0, 0, ERROR | errno.EPERM)]
        program += _on_number(numbers[column], checks)
    families = [(EQUAL, len(PLAIN_FAMILIES) - place, 0, family) for place, family in enumerate(PLAIN_FAMILIES)]
    families += [(RETURN, 0, 0, ERROR | errno.EAFNOSUPPORT)]
    program += _on_number(SOCKET[column], [(LOAD, 0, 0, FIRST_ARGUMENT_AT), *families])
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            program += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, ERROR | errno.EPERM)]
    return [*program, (RETURN, 0, 0, ALLOW)]


def _on_number(number: int, checks: list[Instruction]) -> list[Instruction]:
    """Run the checks for one system call, which end it or fall through to allow it."""
    return [(EQUAL, 0, len(checks) + 1, number), *checks, (RETURN, 0, 0, ALLOW)]
