"""Whether a submission is so plain that running it changes nothing in its process beyond its own namespace.

Found by the names and instructions of the compiled code, before it runs: plain are most answers to a problem. Whatever could
reach a module, a builtin, a file, a thread or a frame is not plain. Code that sets out to get past this can: see the decision.
"""

from __future__ import annotations

import dis
import types
from typing import Any

from .preloaded_names import PRELOADED_NAMES


def _list_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLAIN_MODULES = _list_words(
    """__future__ abc bisect collections collections.abc copy dataclasses datetime enum functools heapq itertools json math
    numbers operator re string time typing"""
)
"""All of them are loaded before the fork."""
REACHING_NAMES = _list_words(
    """sys os io random randrange shuffle builtins site gc signal threading warnings logging open input exec eval globals locals
    vars getattr setattr delattr breakpoint exit quit help register seed _sys _os attrgetter methodcaller get_type_hints
    make_dataclass f_globals f_builtins f_locals f_back gi_frame cr_frame ag_frame tb_frame tb_next"""
)
PLAIN_SPECIAL_NAMES = _list_words(
    """__name__ __module__ __qualname__ __doc__ __annotations__ __init__ __post_init__ __repr__ __str__ __eq__ __ne__ __lt__
    __le__ __gt__ __ge__ __hash__ __bool__ __len__ __getitem__ __setitem__ __delitem__ __contains__ __iter__ __next__ __call__
    __add__ __sub__ __mul__ __neg__ __slots__ __enter__ __exit__ __future__"""
)
MOST_PARTS = 200
IS_HEAP_TYPE, IS_IMMUTABLE_TYPE = 1 << 9, 1 << 8
NUMBERS = dis.opmap
IMPORT, IMPORT_FROM, EXTENDED_ARG, CACHE = (NUMBERS[name] for name in ("IMPORT_NAME", "IMPORT_FROM", "EXTENDED_ARG", "CACHE"))
STORE_FAST, LOAD_NAME, LOAD_GLOBAL = (NUMBERS[name] for name in ("STORE_FAST", "LOAD_NAME", "LOAD_GLOBAL"))
STORES = frozenset((NUMBERS["STORE_NAME"], NUMBERS["STORE_GLOBAL"]))
ATTRIBUTE_CHANGES = frozenset((NUMBERS["STORE_ATTR"], NUMBERS["DELETE_ATTR"]))


def is_plain(code: types.CodeType) -> bool:
    """Where code changes attributes, it may not also name what is imported or preloaded: that may be what it changes."""
    parts, shared, used = [code], SHARED_NAMES, set()
    for part in parts:
        parts += [constant for constant in part.co_consts if type(constant) is types.CodeType]
        names, operations = part.co_names, part.co_code[::2]
        if len(parts) > MOST_PARTS or not REACHING_NAMES.isdisjoint(names):
            return False
        for name in names:
            if name[:2] == "__" and name[-2:] == "__" and name not in PLAIN_SPECIAL_NAMES:
                return False
        if IMPORT in operations:
            bound = _find_imported_names(part)
            if bound is None:
                return False
            shared = shared | bound
        if not ATTRIBUTE_CHANGES.isdisjoint(operations):
            used |= _find_used_names(part)
    return shared.isdisjoint(used)


def _find_imported_names(part: types.CodeType) -> set[str] | None:
    """The names that imports bind, or None where there is an import that is not plain."""
    bound: set[str] = set()
    before = None
    for operation, argument in _list_instructions(part):
        if operation == IMPORT and part.co_names[argument] not in PLAIN_MODULES:
            return None
        if before in (IMPORT, IMPORT_FROM):
            if operation in STORES:
                bound.add(part.co_names[argument])
            elif operation == STORE_FAST:
                bound.add(part.co_varnames[argument])
            elif operation != IMPORT_FROM:
                return None
        before = operation
    return bound


def _find_used_names(part: types.CodeType) -> set[str]:
    """Locals, and the globals that it loads."""
    used = {*part.co_varnames, *part.co_freevars, *part.co_cellvars}
    for operation, argument in _list_instructions(part):
        if operation == LOAD_NAME:
            used.add(part.co_names[argument])
        elif operation == LOAD_GLOBAL:
            used.add(part.co_names[argument >> 1])
    return used


def _list_instructions(part: types.CodeType) -> list[tuple[int, int]]:
    instructions, high, code = [], 0, part.co_code
    for place in range(0, len(code), 2):
        operation, argument = code[place], high << 8 | code[place + 1]
        high = argument if operation == EXTENDED_ARG else 0
        if operation not in (EXTENDED_ARG, CACHE):
            instructions.append((operation, argument))
    return instructions


def _can_be_changed(value: Any) -> bool:
    if isinstance(value, type):
        return bool(value.__flags__ & IS_HEAP_TYPE) and not value.__flags__ & IS_IMMUTABLE_TYPE
    return isinstance(value, types.ModuleType | types.FunctionType)


OWN_CLASSES = frozenset(("ListNode", "TreeNode", "list_node", "tree_node"))
"""Preloaded for the secure mode alone."""
SHARED_NAMES = frozenset(name for name, value in PRELOADED_NAMES.items() if _can_be_changed(value)) - OWN_CLASSES
