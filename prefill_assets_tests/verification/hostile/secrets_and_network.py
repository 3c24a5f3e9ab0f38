"""What is ours to know, and the network."""

from prefill_assets_tests.verification.hostile.case import probe, refused

LIBC = """import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(result):
    if result < 0: raise OSError
"""
CASES = [
    probe("reads the environment", "found += sorted(set(os.environ) - {'LANG', 'PATH', 'LC_CTYPE'})"),
    probe(
        "reads the C library's environment",
        """
import ctypes
strings = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')
for place in range(100):
    if not strings[place]: break
    if not strings[place].startswith((b'LANG=', b'PATH=', b'LC_CTYPE=')): found.append(strings[place])
""",
    ),
    probe("reads the arguments", "import sys\nfound += [text for text in sys.argv + sys.orig_argv if text]"),
    refused("connects to a port of this machine", "socket.create_connection(('127.0.0.1', $PORT), 1)", imports="import socket"),
    refused("connects over IPv6", "socket.create_connection(('::1', $PORT), 1)", imports="import socket"),
    refused("sends a datagram", "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', $PORT))", imports="import socket"),
    refused("reaches the internet", "socket.create_connection(('1.1.1.1', 53), 1)", imports="import socket"),
    refused("resolves a name", "socket.getaddrinfo('example.com', 80)", imports="import socket"),
    refused("connects to an abstract socket", "socket.socket(1).connect('\\0$ABSTRACT')", imports="import socket"),
    refused(
        "opens other kinds of sockets",
        "socket.socket(40, 1)",
        "socket.socket(16, 3)",
        "socket.socket(17, 3)",
        "socket.socket(38, 5)",
        "socket.socket(2, 3, 1)",
        imports="import socket",
    ),
    probe(
        "serves itself over the loopback",
        """
import socket
try:
    server = socket.create_server(('127.0.0.1', 0))
    socket.create_connection(server.getsockname(), 1)
    found.append('loopback')
except OSError: pass
""",
    ),
    refused(
        "uses the kernel's keyrings",
        "call(libc.syscall(248, b'user', b'mark', b'x', 1, -4))",
        "call(libc.syscall(250, 0, -4, 1))",
        imports=LIBC,
    ),
    refused(
        "attaches to other processes",
        "call(libc.ptrace(0, 0, 0, 0))",
        "call(libc.ptrace(16, 1, 0, 0))",
        "call(libc.process_vm_readv(1, None, 0, None, 0, 0))",
        imports=LIBC,
    ),
    refused(
        "makes namespaces of its own",
        "call(libc.unshare(0x10000000))",
        "call(libc.unshare(0x20000))",
        "call(libc.unshare(0x40000000))",
        "call(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0))",
        "call(libc.syscall(435, b'\\0' * 88, 88))",
        imports=LIBC,
    ),
    refused(
        "uses what the kernel is attacked through",
        "call(libc.syscall(321, 0, 0, 0))",
        "call(libc.syscall(298, 0, 0, 0, 0, 0))",
        "call(libc.syscall(323, 0))",
        "call(libc.syscall(425, 1, 0))",
        imports=LIBC,
    ),
    refused(
        "takes memory that no limit counts",
        "os.memfd_create('x')",
        "call(libc.shmget(0, 1 << 30, 0o1600))",
        "call(libc.mq_open(b'/x', 0o102, 0o600, None))",
        imports=LIBC,
    ),
    refused(
        "raises its own limits and rank",
        "os.setuid(0)",
        "os.setgroups([0])",
        "os.nice(-5)",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))",
        imports="import os, resource",
        error="(OSError, ValueError)",
    ),
    refused(
        "starts other programs",
        *(f"subprocess.run(['{name}'])" for name in ("/bin/sh", "/usr/bin/env", "bwrap", "su")),
        imports="import subprocess",
    ),
]
