"""What every rule is handed, and the few words that several rules share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from ..catalogue import BY_ID
from ..clients import Clients, Request
from ..findings import Edit, Finding
from ..module import Module

FALLBACK = re.compile(
    r"fall_?back|fail_?over|backup|secondary|degraded|circuit_open|on_?prem|use_local|use_vllm|primary_(down|failed|dead|broken)", re.IGNORECASE
)
PRIMARY = re.compile(r"use_(primary|api|hosted|remote)|(primary|remote|api|hosted)_(ok|healthy|alive|up|available)", re.IGNORECASE)
RETRYING = {"tenacity.retry", "backoff.on_exception", "backoff.on_predicate", "stamina.retry", "retrying.retry", "retry.retry"}


@dataclass(frozen=True)
class Look:
    """One file as the rules see it. `httpx_declared`: the project names httpx among what it depends on."""

    module: Module
    clients: Clients
    httpx_declared: bool = False

    def found(self, id: str, node: cst.CSTNode, message: str, edits: Iterable[Edit] = ()) -> Finding:
        return self.module.finding(id, node, message, BY_ID[id].advice, tuple(edits))

    def requests_in(self, root: cst.CSTNode) -> list[Request]:
        """The requests that are sent when `root` runs, nested functions aside."""
        found = (self.clients.request(call) for call in self.module.own(root, cst.Call))
        return [request for request in found if request is not None]

    def mentions(self, word: str) -> bool:
        return word in self.module.source.text.lower()


def called(module: Module, call: cst.Call) -> str:
    """The last name of what is called: `sleep` for `time.sleep(…)`."""
    if isinstance(call.func, cst.Attribute):
        return call.func.attr.value
    return call.func.value if isinstance(call.func, cst.Name) else ""


def leaf(node: cst.CSTNode | None) -> str:
    """The name that a person would read: `b` of `a.b`, of `a["b"]` and of `b`."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return node.attr.value
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        index = node.slice[0].slice.value
        if isinstance(index, cst.SimpleString) and isinstance(index.evaluated_value, str):
            return index.evaluated_value
    return ""


def assigned(module: Module, root: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """Each target and value of the assignments inside `root`, functions within it too."""
    for assign in module.within(root, cst.Assign):
        for target in assign.targets:
            yield target.target, assign.value
    for annotated in module.within(root, cst.AnnAssign):
        if annotated.value is not None:
            yield annotated.target, annotated.value


def is_name(node: cst.CSTNode | None, value: str) -> bool:
    return isinstance(node, cst.Name) and node.value == value
