"""The real djinn behind the verifier protocol: its own verdicts, kept away from this process and from each other."""
