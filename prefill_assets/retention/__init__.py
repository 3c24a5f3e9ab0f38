"""What is kept of an experiment, and how it is removed for good."""
