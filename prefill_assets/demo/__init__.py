"""A model organism of our own: a small transformer that learns to exploit, and the experiment on it."""
