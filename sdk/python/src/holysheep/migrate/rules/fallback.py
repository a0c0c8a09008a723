"""HS004, HS005: switching to another upstream by hand."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..findings import Finding
from ..module import Module
from .look import FALLBACK, PRIMARY, Look, assigned, called, is_name, leaf

BROAD = {"openai.OpenAIError", "openai.APIError"}


def one_way_fallback(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    for target, value in assigned(look.module, look.module.tree):
        away = _switches_away(target, value)
        if away and look.module.enclosing(target, (cst.ExceptHandler, cst.ExceptStarHandler)) is not None and not _comes_back(look.module, target):
            statement = look.module.statement(target)
            yield look.found("HS004", statement, f"`{look.module.code(target)}` is never switched back: one failure turns the primary off for good")


def failover_on_anything(look: Look) -> Iterator[Finding]:
    for node in look.module.all(cst.Try):
        if not look.requests_in(node.body):
            continue
        for handler in node.handlers:
            if (
                _is_broad(look, handler)
                and _fails_over(look, node, handler)
                and not any(raise_.exc is None for raise_ in look.module.own(handler.body, cst.Raise))
            ):
                caught = "except " + look.module.code(handler.type) if handler.type is not None else "a bare except"
                yield look.found(
                    "HS005", handler, f"{caught} takes a caller's own mistake (400, 401) and a bug for an outage, and sends the request again elsewhere"
                )


def _switches_away(target: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    name = leaf(target)
    return bool((is_name(value, "True") and FALLBACK.search(name)) or (is_name(value, "False") and PRIMARY.search(name)))


def _comes_back(module: Module, flag: cst.BaseExpression) -> bool:
    """Whether the flag is set to anything else outside of where it starts."""
    text = module.code(flag)
    home = module.function(flag)
    scope: cst.CSTNode = module.enclosing(flag, (cst.ClassDef,)) or module.tree
    local = isinstance(flag, cst.Name) and isinstance(home, cst.FunctionDef) and not _is_outer(module, flag, home)
    loop = module.enclosing(flag, (cst.For, cst.While))
    if local:
        # A local flag lives for one call; it sticks only where a loop outlives it.
        if loop is None or not module.is_inside(loop, home):
            return True
        scope = loop
    for target, value in assigned(module, scope):
        if module.code(target) != text or _switches_away(target, value):
            continue
        where = module.function(target)
        at_start = isinstance(where, cst.FunctionDef) and where.name.value in {"__init__", "__post_init__", "setup"}
        if local or not (at_start or where is module.tree or isinstance(module.home(target), cst.ClassDef)):
            return True
    return False


def _is_outer(module: Module, name: cst.Name, home: cst.FunctionDef) -> bool:
    names = [item.name.value for outer in module.own(home, cst.Global) for item in outer.names]
    names += [item.name.value for outer in module.own(home, cst.Nonlocal) for item in outer.names]
    return name.value in names


def _is_broad(look: Look, handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    if handler.type is None:
        return True
    caught = [element.value for element in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    return any((isinstance(one, cst.Name) and one.value in {"Exception", "BaseException"}) or look.module.names(one) & BROAD for one in caught)


def _fails_over(look: Look, node: cst.Try, handler: cst.ExceptHandler) -> bool:
    body = handler.body
    if look.requests_in(body):
        return True
    if any(_switches_away(target, value) for target, value in assigned(look.module, body)):
        return True
    if any(FALLBACK.search(called(look.module, call)) or "vllm" in called(look.module, call).lower() for call in look.module.own(body, cst.Call)):
        return True
    loop = look.module.enclosing(node, (cst.For, cst.While, cst.FunctionDef))
    if isinstance(loop, cst.For) and any(True for _ in look.module.own(body, cst.Continue)):
        over = look.module.code(loop.iter).lower()
        return any(word in over for word in ("client", "provider", "upstream", "endpoint", "backend"))
    return False
