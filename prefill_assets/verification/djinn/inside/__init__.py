"""What runs inside the sandbox, with djinn's interpreter: standard library, psutil and djinn.

Of this package it sees this folder and `child/system_calls.py`, which lie to each other there as they do here.
"""
