"""Models behind one protocol: generate continuations and score prefills."""
