import pytest

from prefill_assets.verification.child.system_call_filter import (
    ALLOW,
    ANY_BIT,
    ARCHITECTURE_AT,
    ARCHITECTURES,
    AT_LEAST,
    EQUAL,
    FIRST_ARGUMENT_AT,
    KILL,
    LOAD,
    NUMBER_AT,
    RETURN,
    build_filter,
)

NEW_USER = 0x10000000


def decide(machine, number, argument=0, architecture=None):
    """What the filter returns: classic BPF, as the kernel runs it."""
    data = {ARCHITECTURE_AT: architecture or ARCHITECTURES[machine], NUMBER_AT: number, FIRST_ARGUMENT_AT: argument}
    program, place, value = build_filter(machine), 0, 0
    tests = {EQUAL: lambda k: value == k, AT_LEAST: lambda k: value >= k, ANY_BIT: lambda k: value & k}
    while True:
        operation, if_true, if_false, operand = program[place]
        place += 1
        if operation == LOAD:
            value = data[operand]
        elif operation == RETURN:
            return operand
        else:
            place += if_true if tests[operation](operand) else if_false


@pytest.mark.parametrize(
    ("machine", "number", "argument", "is_allowed"),
    [
        ("x86_64", 0, 0, True),
        ("x86_64", 101, 0, False),
        ("x86_64", 272, NEW_USER, False),
        ("x86_64", 272, 0x20000, True),
        ("x86_64", 56, 17, True),
        ("x86_64", 56, NEW_USER | 17, False),
        ("x86_64", 435, 0, False),
        ("x86_64", 41, 1, True),
        ("x86_64", 41, 2, True),
        ("x86_64", 41, 10, True),
        ("x86_64", 41, 40, False),
        ("x86_64", 41, 16, False),
        ("x86_64", 212, 0, False),
        ("x86_64", 0x40000000, 0, False),
        ("aarch64", 117, 0, False),
        ("aarch64", 198, 40, False),
        ("aarch64", 198, 1, True),
        ("aarch64", 220, NEW_USER, False),
        ("aarch64", 63, 0, True),
    ],
)
def test_what_the_filter_decides(machine, number, argument, is_allowed):
    assert (decide(machine, number, argument) == ALLOW) is is_allowed


def test_another_architecture_ends_the_process():
    assert decide("x86_64", 0, architecture=0x40000003) == KILL


def test_a_machine_without_a_table_is_refused():
    with pytest.raises(OSError, match="no system call filter for riscv64"):
        build_filter("riscv64")
