"""HS003, HS020: reading what came back."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..clients import Request
from ..findings import Finding
from ..module import argument
from .look import Look, called

EXTRAS = {"x_latency_ms", "x_source"}


def extra_field_unguarded(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    for node in look.module.all(cst.Attribute):
        if node.attr.value not in EXTRAS or _is_written(look, node) or _is_guarded(look, node) or _is_ours(look, node.value):
            continue
        name = node.attr.value
        yield look.found("HS003", node, f"`{name}` is there only if a gateway added it: with a bare vLLM this is an AttributeError after a paid answer")


def stream_end_unchecked(look: Look) -> Iterator[Finding]:
    for request in look.clients.requests:
        value = argument(request.call, "stream")
        if not (isinstance(value, cst.Name) and value.value == "True") or request.end[-1] == "stream" or request.end[0] == "responses":
            continue
        if request.clients and all(client.is_ours for client in request.clients):
            continue  # our streams raise when they were cut
        home = look.module.function(request.call)
        loop = _loop_over(look, request, home)
        if loop is None or _hands_chunks_on(look, loop) or "choices" not in look.module.code(loop.body):
            continue
        if any(name.value == "finish_reason" for name in look.module.within(home, cst.Name)) or "finish_reason" in look.module.code(loop):
            continue
        yield look.found("HS020", request.call, "reads the stream to its end without `finish_reason`: half an answer looks like a whole one")


def _loop_over(look: Look, request: Request, home: cst.CSTNode) -> cst.For | None:
    """The loop that reads the stream in the same function, directly or through one name."""
    for loop in look.module.own(home, cst.For):
        over: cst.BaseExpression = loop.iter
        values = [over, *look.clients.values(over)]
        if any(request is look.clients.request(value) for value in values):
            return loop
    return None


def _hands_chunks_on(look: Look, loop: cst.For) -> bool:
    # Whoever gets the whole chunks can look at their end; that is for the reader of that place.
    chunk = loop.target.value if isinstance(loop.target, cst.Name) else None
    for node in look.module.own(loop.body, cst.Yield):
        if isinstance(node.value, cst.Name) and node.value.value == chunk:
            return True
    for call in look.module.own(loop.body, cst.Call):
        if any(isinstance(given.value, cst.Name) and given.value.value == chunk for given in call.args) and called(look.module, call) != "print":
            return True
    return False


def _is_written(look: Look, node: cst.Attribute) -> bool:
    return isinstance(look.module.parent(node), (cst.AssignTarget, cst.Del))


def _is_guarded(look: Look, node: cst.Attribute) -> bool:
    name = node.attr.value
    for above in look.module.parents(node):
        if isinstance(above, (cst.If, cst.IfExp, cst.BooleanOperation)):
            tests = [above.left] if isinstance(above, cst.BooleanOperation) else [above.test]
            if any("hasattr" in look.module.code(test) and name in look.module.code(test) for test in tests):
                return True
        if isinstance(above, cst.Try) and look.module.is_inside(node, above.body):
            caught = [look.module.code(handler.type) for handler in above.handlers if handler.type is not None]
            if any("AttributeError" in text for text in caught):
                return True
        if isinstance(above, cst.FunctionDef):
            return False
    return False


def _is_ours(look: Look, node: cst.BaseExpression) -> bool:
    """Whether the answer came from a client of the holysheep package, or the file has no others."""
    if not look.module.imports_any("openai"):
        return True
    for value in [node, *look.clients.values(node)]:
        request = look.clients.request(value)
        if request is not None and request.clients:
            return all(client.is_ours for client in request.clients)
    # Not in sight where the answer is from: a file that has our clients is believed.
    return look.module.imports_any("holysheep")
