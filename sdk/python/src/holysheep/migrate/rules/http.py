"""HS008, HS009, HS010: httpx beneath openai, and time-outs."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..findings import Edit, Finding
from ..imports import add_from_openai, remove
from ..module import Module, argument, dotted
from .look import Look, is_name

SYNC = {"httpx.Client", "httpx.HTTPClient"}
ASYNC = {"httpx.AsyncClient", "httpx.AsyncHTTPClient"}
MISSING = {"httpx.HTTPClient", "httpx.AsyncHTTPClient"}
# What DefaultHttpx2Client takes with the same meaning, as long as the value is not an httpx object itself.
SAME = {"timeout", "proxy", "verify", "follow_redirects", "headers", "trust_env", "http2", "http1", "base_url", "cookies", "params", "max_redirects"}
CONFIGURATION = {"openai.Timeout", "httpx.Timeout", "httpx2.Timeout"}
NEVER_RAISED = {
    *(f"{package}.{name}" for package in ("httpx", "httpx2") for name in ("TimeoutException", "ReadTimeout", "ConnectTimeout", "WriteTimeout", "PoolTimeout")),
    *(f"requests.{name}" for name in ("Timeout", "ReadTimeout", "ConnectTimeout")),
    *(f"requests.exceptions.{name}" for name in ("Timeout", "ReadTimeout", "ConnectTimeout")),
}


def httpx_client(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    given: dict[cst.Call, bool] = {}
    for construction in look.clients.constructions:
        value = argument(construction, "http_client")
        maker = look.clients.single_value(value) if value is not None else None
        if isinstance(maker, cst.Call) and look.module.names(maker.func) & (SYNC | ASYNC):
            given[maker] = True
    for call in look.module.all(cst.Call):
        names = look.module.names(call.func)
        if call in given or names & MISSING:
            what = "`httpx.HTTPClient` does not exist" if names & MISSING else "openai 3 is built on httpx2 and does not install httpx"
            yield look.found(
                "HS008", call, f"{what}; give openai's own `DefaultHttpx2Client`", _to_httpx2(look, call, bool(names & ASYNC)) if call in given else ()
            )


def httpx_for_timeouts(look: Look) -> Iterator[Finding]:
    module = look.module
    if not module.imports_any("openai") or look.httpx_declared or module.source.path.endswith("__init__.py"):
        return
    for statement in module.all(cst.Import):
        for alias in statement.names:
            if dotted(alias.name) != "httpx" or module.function(statement) is not module.tree:
                continue
            bound = alias.evaluated_alias or "httpx"
            uses = _uses(module, bound)
            names = {_attribute(module, use) for use in uses}
            in_strings = any(f"{bound}." in text.value for text in module.all(cst.SimpleString))  # an annotation in quotes
            if names - {"Timeout"} or in_strings or any(isinstance(above, (cst.Try, cst.If)) for above in module.parents(statement)):
                continue
            what = "takes only `Timeout` from httpx" if uses else "imports httpx and does not use it"
            yield look.found("HS009", statement, f"{what}, which openai 3 does not install", _drop_httpx(module, statement, uses))
    for source in module.top_imports():
        if not isinstance(source, cst.ImportFrom) or dotted(source.module) != "httpx" or isinstance(source.names, cst.ImportStar):
            continue
        taken = {alias.evaluated_name for alias in source.names if _uses(module, alias.evaluated_alias or alias.evaluated_name)}
        if taken - {"Timeout"}:
            continue
        what = "takes only `Timeout` from httpx" if taken else "imports from httpx and does not use it"
        edits: list[Edit] = [] if taken else list(remove(module, source, "httpx") or [])
        if taken and len(source.names) == 1 and source.module is not None and source.names[0].asname is None and "openai.Timeout" not in module.imported:
            edits = [module.replace(source.module, "openai")]
        yield look.found("HS009", source, f"{what}, which openai 3 does not install", edits)


def except_timeout(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    for node in look.module.all(cst.Try):
        sends = bool(look.requests_in(node.body))
        for handler in node.handlers:
            caught = [one.value for one in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
            for one in caught:
                if one is not None:
                    yield from _caught(look, one, sends)


def _caught(look: Look, node: cst.BaseExpression, sends: bool) -> Iterator[Finding]:
    names = look.module.names(node)
    text = look.module.code(node)
    unbound = isinstance(node, cst.Name) and node.value == "Timeout" and look.module.is_unbound(node)
    if names & CONFIGURATION or unbound:
        made = add_from_openai(look.module, "APITimeoutError")
        edits: tuple[Edit, ...] = (*made[1], look.module.replace(node, made[0])) if made is not None else ()
        if names and "openai.Timeout" not in names and not sends:
            # Around calls of httpx itself the exception that was meant is httpx's own.
            edits = (look.module.replace(node.attr, "TimeoutException"),) if isinstance(node, cst.Attribute) else ()
        what = "is not defined" if unbound else "is a configuration class and no exception: TypeError when a time-out really happens"
        yield look.found("HS010", node, f"`except {text}`: `{text}` {what}", edits)
    elif names & NEVER_RAISED and sends:
        yield look.found("HS010", node, f"`except {text}` never happens here: openai turns every time-out into `openai.APITimeoutError`")


def _to_httpx2(look: Look, call: cst.Call, is_async: bool) -> list[Edit]:
    module = look.module
    if any(given.keyword is None or given.keyword.value not in SAME for given in call.args):
        return []
    inner = [node for kind in (cst.Name, cst.Attribute) for given in call.args for node in module.within(given.value, kind) if _is_httpx(module, node)]
    outermost = [node for node in inner if module.parent(node) not in inner]
    if any(module.names(node) != {"httpx.Timeout"} for node in outermost):
        return []
    made = add_from_openai(module, "DefaultAsyncHttpx2Client" if is_async else "DefaultHttpx2Client")
    timeout = add_from_openai(module, "Timeout") if outermost else None
    if made is None or (outermost and timeout is None):
        return []
    edits = [*made[1], module.replace(call.func, made[0])]
    if timeout is not None:
        edits += [*timeout[1], *(module.replace(node, timeout[0]) for node in outermost)]
    return edits


def _is_httpx(module: Module, node: cst.CSTNode) -> bool:
    return any(name == "httpx" or name.startswith("httpx.") for name in module.names(node))


def _uses(module: Module, bound: str) -> list[cst.Name]:
    return [
        node
        for node in module.all(cst.Name)
        if node.value == bound
        and not isinstance(module.parent(node), (cst.ImportAlias, cst.AsName))
        and _is_httpx(module, node)
        and not (isinstance(module.parent(node), cst.Attribute) and module.parent(node).attr is node)  # type: ignore[union-attr]
    ]


def _attribute(module: Module, use: cst.Name) -> str:
    above = module.parent(use)
    return above.attr.value if isinstance(above, cst.Attribute) else ""


def _drop_httpx(module: Module, statement: cst.Import, uses: list[cst.Name]) -> list[Edit]:
    gone = remove(module, statement, "httpx")
    if gone is None:
        return []
    if not uses:
        return list(gone)
    if any(isinstance(above, cst.Call) and is_name(above.func, "isinstance") for use in uses for above in module.parents(use)):
        return []  # which class an object has is another question than which to make
    made = add_from_openai(module, "Timeout")
    if made is None:
        return []
    return [*gone, *made[1], *(module.replace(above, made[0]) for use in uses if isinstance(above := module.parent(use), cst.Attribute))]
