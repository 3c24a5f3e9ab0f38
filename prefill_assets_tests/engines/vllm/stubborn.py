"""A server with children that ignore SIGTERM, as an engine in the middle of a kernel does: its arguments are ignored."""

import os
import signal
import time

if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        print("grandchild", os.getpid(), flush=True)
    time.sleep(600)
print("ready", flush=True)
time.sleep(600)
