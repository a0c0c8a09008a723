"""HS011, HS017: coroutines."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator, Sequence

import libcst as cst
from libcst.metadata import Assignment

from ..findings import Edit, Finding
from ..imports import add_module
from ..module import Module
from .look import Look, called, leaf

COMPREHENSIONS = (cst.ListComp, cst.GeneratorExp, cst.SetComp)
NAMES = ("main", "run", "run_all")


def await_outside_function(look: Look) -> Iterator[Finding]:
    module = look.module
    if module.source.notebook or not look.clients.uses_openai:
        return
    outside = [node for node in _awaits(module) if isinstance(module.home(node), cst.Module)]
    if outside:
        first = min(outside, key=module.start)
        word = "await" if isinstance(first, cst.Await) else "async " + type(first).__name__.lower()
        yield look.found("HS011", first, f"`{word}` outside a function: SyntaxError, nothing of this file runs", _wrap(look, outside) or ())


def unbounded_concurrency(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    for call in look.module.all(cst.Call):
        names = look.module.names(call.func)
        if names & {"asyncio.gather", "anyio.gather"}:
            for given in call.args:
                if given.star == "*" and _makes_requests(look, given.value):
                    yield look.found("HS017", call, "starts all requests of the list at once, without a bound")
        elif called(look.module, call) in {"create_task", "start_soon", "ensure_future"}:
            loop = look.module.enclosing(call, (cst.For, *COMPREHENSIONS, cst.FunctionDef))
            if isinstance(loop, (cst.For, *COMPREHENSIONS)) and call.args and _is_unbounded(look, call.args[0].value):
                yield look.found("HS017", call, "starts a task for each request at once, without a bound")
        if ".batch." in look.module.code(call.func):
            yield from _batch(look, call)
    yield from _never_awaited(look)


def _awaits(module: Module) -> Iterator[cst.CSTNode]:
    yield from module.all(cst.Await)
    yield from (node for node in module.all(cst.For) if node.asynchronous is not None)
    yield from (node for node in module.all(cst.With) if node.asynchronous is not None)
    yield from (node for node in module.all(cst.CompFor) if node.asynchronous is not None)


def _batch(look: Look, call: cst.Call) -> Iterator[Finding]:
    at: cst.BaseExpression = call.func
    while isinstance(at, cst.Attribute) and at.attr.value != "batch":
        at = at.value
    if isinstance(at, cst.Attribute):
        clients = look.clients.of(at.value)
        if clients and not any(client.is_ours for client in clients):
            yield look.found("HS017", call, "clients of the openai package have no `batch`: AttributeError")


def _never_awaited(look: Look) -> Iterator[Finding]:
    """`tasks = [client.chat.completions.create(…) for …]` of an asynchronous client, whose name is never used again."""
    for assign in look.module.all(cst.Assign):
        target = assign.targets[0].target
        if not isinstance(target, cst.Name) or not isinstance(assign.value, (cst.ListComp, cst.List)):
            continue
        elements = [assign.value.elt] if isinstance(assign.value, cst.ListComp) else [element.value for element in assign.value.elements]
        requests = [request for element in elements if (request := look.clients.request(element)) is not None and not isinstance(element, cst.Await)]
        if not requests or not all(request.is_async for request in requests) or all(client.is_ours for request in requests for client in request.clients):
            continue
        home = look.module.function(assign)
        uses = [name for name in look.module.within(home, cst.Name) if name.value == target.value and name is not target]
        if not uses:
            yield look.found("HS017", assign, f"nothing awaits the requests in `{target.value}`: they are never sent")


def _makes_requests(look: Look, node: cst.BaseExpression) -> bool:
    for value in [node, *look.clients.values(node)]:
        if isinstance(value, COMPREHENSIONS) and _is_unbounded(look, value.elt):
            return True
        if isinstance(value, cst.List) and not value.elements and isinstance(node, cst.Name):
            # `tasks = []` and `tasks.append(…)` in a loop.
            home = look.module.function(node)
            for call in look.module.own(home, cst.Call):
                if look.module.code(call.func) == f"{node.value}.append" and call.args and _is_unbounded(look, call.args[0].value):
                    return True
        if isinstance(value, cst.Call) and called(look.module, value) == "map" and value.args and _sends_unbounded(look, value.args[0].value):
            return True
    return False


def _is_unbounded(look: Look, node: cst.BaseExpression) -> bool:
    """Whether an expression is the coroutine of one request, or of a function here that sends one without waiting for a turn."""
    if look.clients.request(node) is not None:
        return True
    if isinstance(node, cst.Call) and called(look.module, node) in {"create_task", "ensure_future", "wait_for"} and node.args:
        return _is_unbounded(look, node.args[0].value)
    return isinstance(node, cst.Call) and _sends_unbounded(look, node.func)


def _sends_unbounded(look: Look, function: cst.BaseExpression) -> bool:
    if isinstance(function, cst.Attribute) and leaf(function.value) == "self":
        made = [node for node in look.module.all(cst.FunctionDef) if node.name.value == function.attr.value]
    elif isinstance(function, cst.Name):
        scope = look.module.scope(function)
        found = [item.node for item in scope[function.value] if isinstance(item, Assignment)] if scope is not None else []
        made = [node for node in found if isinstance(node, cst.FunctionDef)]
    else:
        return False
    return any(node.asynchronous is not None and look.requests_in(node) and not _waits_its_turn(look, node) for node in made)


def _waits_its_turn(look: Look, node: cst.FunctionDef) -> bool:
    # Any `async with` that is not the client itself, and any `acquire`, is taken for a bound.
    for block in look.module.own(node, cst.With):
        if block.asynchronous is not None and any(not look.clients.of(item.item) and look.clients.request(item.item) is None for item in block.items):
            return True
    return any(called(look.module, call) in {"acquire", "wait"} for call in look.module.own(node, cst.Call))


def _wrap(look: Look, outside: list[cst.CSTNode]) -> list[Edit] | None:
    """The statements from the first `await` to the end of the file, moved into `async def main()`. None where that could change what they mean."""
    module = look.module
    body = list(module.tree.body)
    at = next(index for index, line in enumerate(body) if any(module.is_inside(node, line) for node in outside))
    moved = body[at:]
    name = next((name for name in NAMES if not any(node.value == name for node in module.all(cst.Name))), None)
    imported = add_module(module, "asyncio")
    if name is None or imported is None or not _can_move(module, body[:at], moved):
        return None
    newline = module.tree.default_newline
    first = module.line_start(module.start(moved[0]))
    decorators = getattr(moved[0], "decorators", ())
    if decorators:
        first = module.line_start(module.start(decorators[0]))
    edits = [*imported, module.insert(first, _blank_lines(module, first) + f"async def {name}():{newline}")]
    for line in _lines_to_indent(module, module.line_of(first)):
        edits.append(module.insert(line, module.tree.default_indent))
    end = len(module.data)
    tail = "" if module.data.endswith((b"\n", b"\r")) else newline
    edits.append(module.insert(end, f"{tail}{newline}{newline}asyncio.run({name}())" + ("" if tail else newline)))
    return edits


def _blank_lines(module: Module, at: int) -> str:
    """As many line ends as a function needs above itself, two blank lines, less those that are there."""
    above = module.data[:at].replace(b"\r\n", b"\n")
    there = len(above) - len(above.rstrip(b"\n")) - 1
    return module.tree.default_newline * max(0, 2 - there) if above.strip() else ""


def _can_move(module: Module, stay: Sequence[cst.CSTNode], moved: Sequence[cst.CSTNode]) -> bool:
    if any(isinstance(line, (cst.FunctionDef, cst.ClassDef)) for line in moved):
        return False
    for line in moved:
        if any(isinstance(node.names, cst.ImportStar) for node in module.within(line, cst.ImportFrom)) or any(True for _ in module.within(line, cst.Global)):
            return False
        if any(name.value in {"__name__", "__all__"} for name in module.within(line, cst.Name)):
            return False
    bound = {leaf(node) for line in moved for node in _targets(module, line)}
    # A function above that reads a name which would become local, or a name bound in both parts, would change its meaning.
    for line in stay:
        for name in module.within(line, cst.Name):
            if name.value in bound and (module.function(name) is not module.tree):
                return False
    stays = {leaf(node) for line in stay for node in _targets(module, line)}
    return not bound & stays


def _targets(module: Module, root: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for name in module.within(root, cst.Name):
        above = module.parent(name)
        if (
            isinstance(above, (cst.AssignTarget, cst.AsName, cst.NamedExpr, cst.AnnAssign, cst.AugAssign, cst.For))
            and getattr(above, "target", getattr(above, "name", None)) is name
        ):
            yield name
        if isinstance(above, cst.Element) and isinstance(module.parent(module.parent(above) or above), (cst.AssignTarget, cst.For)):
            yield name


def _lines_to_indent(module: Module, first: int) -> Iterator[int]:
    """The starts, in bytes, of the lines from `first` on that begin a piece of code: not the inside of a string, not a blank line."""
    inside: set[int] = set()
    text = module.source.text
    started: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in {"FSTRING_START", "TSTRING_START"}:
            started.append(token.start[0])
        elif kind in {"FSTRING_END", "TSTRING_END"}:
            inside.update(range(started.pop() + 1, token.end[0] + 1))
        elif kind == "STRING":
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    offset = 0
    for number, line in enumerate(module.data.splitlines(keepends=True) if b"\r" not in module.data.replace(b"\r\n", b"") else [], 1):
        if number >= first and number not in inside and line.strip():
            yield offset
        offset += len(line)
