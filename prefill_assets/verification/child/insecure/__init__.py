"""The insecure verifiers, weaknesses and all: one entry of `plain_types`, or one module, for each exploit type.

Each is `verify(problem, submission_code) -> (status, feedback)`. Names of locals that submissions look for in frames
(`test_cases`, `test_input`, `expected_output`, `problem`) are part of the contract. A weakness here is the object of study.
"""
