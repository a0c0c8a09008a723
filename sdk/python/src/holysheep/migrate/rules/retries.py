"""HS007, HS019: the client's own retries, forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..clients import AZURE, Client, Request
from ..findings import Edit, Finding
from ..module import argument, has_double_star
from .look import RETRYING, Look, called, is_name


def retries_multiplied(look: Look) -> Iterator[Finding]:
    loops = {loop: requests for loop in [*look.module.all(cst.For), *look.module.all(cst.While)] if (requests := _retried(look, loop))}
    inside = {request.call for requests in loops.values() for request in requests}
    places: list[tuple[cst.CSTNode, list[Request], str]] = [(loop, requests, "this loop") for loop, requests in loops.items()]
    for function in look.module.all(cst.FunctionDef):
        for decorator in function.decorators:
            maker = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
            requests = [request for request in look.requests_in(function) if request.call not in inside] if look.module.names(maker) & RETRYING else []
            if requests:
                places.append((decorator, requests, f"@{look.module.code(maker)}"))
                inside |= {request.call for request in requests}
    for node, requests, what in places:
        again = [request for request in requests if not _is_off(request)]
        if again:
            message = f"{what} retries around a client that retries by itself (`max_retries=2`): 3 attempts send up to 9 requests"
            yield look.found("HS007", node, message, _edits(look, again, inside))


def timeout_multiplied(look: Look) -> Iterator[Finding]:
    for call in look.clients.constructions:
        if argument(call, "timeout") is None or argument(call, "max_retries") is not None or has_double_star(call) or look.module.names(call.func) & AZURE:
            continue
        if is_name(argument(call, "timeout"), "None"):
            continue
        yield look.found("HS019", call, "`timeout` is that of one attempt; with the default of two retries a call may take three times as long")


def _retried(look: Look, loop: cst.BaseCompoundStatement) -> list[Request]:
    """The requests that a loop sends again after a failure. Empty for loops over items, which send each once."""
    if isinstance(loop, cst.For) and not _is_count(look, loop):
        return []
    found: list[Request] = []
    for node in look.module.own(loop.body, cst.Try):
        if look.module.enclosing(node, (cst.For, cst.While)) is not loop:
            continue
        requests = look.requests_in(node.body)
        ends = [*look.module.own(node.body, cst.Return), *look.module.own(node.body, cst.Break)]
        if node.orelse is not None:
            ends += [*look.module.own(node.orelse, cst.Return), *look.module.own(node.orelse, cst.Break)]
        counted = isinstance(loop, cst.While) and not is_name(loop.test, "True")
        if requests and (ends or counted) and any(_goes_round(look, handler) for handler in node.handlers):
            found += requests
    return found


def _is_count(look: Look, loop: cst.For) -> bool:
    over = loop.iter
    if isinstance(over, cst.Call):
        # `range(len(items))` walks items; `range(attempts)` counts tries.
        return called(look.module, over) in {"range", "count"} and "len(" not in look.module.code(over)
    # `for delay in (1, 2, 4)`: the waits between tries.
    if isinstance(over, (cst.Tuple, cst.List)):
        return bool(over.elements) and all(isinstance(one.value, (cst.Integer, cst.Float)) or is_name(one.value, "None") for one in over.elements)
    return False


def _goes_round(look: Look, handler: cst.ExceptHandler) -> bool:
    last = handler.body.body[-1] if isinstance(handler.body, cst.IndentedBlock) and handler.body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else None
    return not isinstance(small, (cst.Raise, cst.Return, cst.Break))


def _is_off(request: Request) -> bool:
    if not request.clients:
        return False
    return all(isinstance(client.retries, cst.Integer) and client.retries.value == "0" for client in request.clients)


def _edits(look: Look, requests: list[Request], inside: set[cst.Call]) -> list[Edit]:
    """`max_retries=0` where the construction is in sight; on the one call where the client serves others too."""
    edits: list[Edit] = []
    for request in requests:
        if len(request.clients) != 1:
            return []
        client = request.clients[0]
        if client.call is None or has_double_star(client.call):
            return []
        if client.retries is not None:
            return []  # somebody chose a number; that is theirs to change
        if client.options or _serves_others(look, client, inside):
            edits.append(look.module.insert(look.module.end(request.receiver), ".with_options(max_retries=0)"))
        else:
            edits.append(add_argument(look, client.call, "max_retries=0"))
    return edits


def _serves_others(look: Look, client: Client, inside: set[cst.Call]) -> bool:
    return any(other.call is client.call for request in look.clients.requests if request.call not in inside for other in request.clients)


def add_argument(look: Look, call: cst.Call, text: str) -> Edit:
    """The edit that adds one keyword argument at the end of a call, before a trailing comma."""
    if not call.args:
        at = look.module.end(call) - 1
        return look.module.insert(at, text)
    last = call.args[-1]
    at = look.module.end(last.value)
    for paren in last.value.rpar:  # parentheses around a value are not part of it
        at += len(look.module.tree.code_for_node(paren.whitespace_before).encode("utf-8")) + 1
    on_own_line = look.module.line_of(look.module.start(last)) != look.module.line_of(look.module.start(call))
    return look.module.insert(at, "," + (look.module.gap_before(last) if on_own_line else " ") + text)
