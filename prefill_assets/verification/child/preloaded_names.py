"""The names that a submission finds without an import under the secure verifier."""

from __future__ import annotations

import importlib
from collections import deque
from typing import Any

NAMES_BY_MODULE: dict[str, str] = {
    "itertools": "accumulate chain combinations count permutations product groupby islice repeat",
    "copy": "deepcopy",
    "string": "ascii_lowercase ascii_uppercase",
    "math": "floor log2 log10 sqrt comb gcd ceil inf isqrt factorial atan2 pi log prod",
    "collections": "defaultdict deque Counter OrderedDict",
    "bisect": "bisect bisect_left bisect_right insort",
    "heapq": "heappush heappop heapify merge nlargest nsmallest heapreplace",
    "functools": "reduce cache lru_cache cmp_to_key partial",
    "random": "randrange shuffle",
    "operator": "itemgetter sub xor or_ iand",
    "os.path": "commonprefix",
}
MODULES = "copy string math collections heapq functools random itertools operator re datetime io os"


class ListNode:
    """A link of a singly linked list."""

    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next


class TreeNode:
    """A node of a binary tree."""

    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right


def list_node(values: list[Any]) -> ListNode | None:
    """A linked list of the values, in their order; None for no values."""
    head = None
    for value in reversed(values):
        head = ListNode(value, head)
    return head


def tree_node(values: list[Any]) -> TreeNode | None:
    """A binary tree from its values level by level, with None for a missing child; None for no values."""
    if not values:
        return None
    root = TreeNode(values[0])
    open_places = deque((node, side) for node in [root] for side in ("left", "right"))
    for value in values[1:]:
        if not open_places:
            break
        parent, side = open_places.popleft()
        if value is not None:
            node = TreeNode(value)
            setattr(parent, side, node)
            open_places.extend([(node, "left"), (node, "right")])
    return root


def _collect() -> dict[str, Any]:
    names = {name: importlib.import_module(name) for name in MODULES.split()}
    for module, listed in NAMES_BY_MODULE.items():
        names.update({name: getattr(importlib.import_module(module), name) for name in listed.split()})
    names["bisect_module"] = importlib.import_module("bisect")
    names["re_search"] = importlib.import_module("re").search
    helpers = {"ListNode": ListNode, "TreeNode": TreeNode, "list_node": list_node, "tree_node": tree_node}
    return {**names, **helpers}


PRELOADED_NAMES = _collect()
