"""Which expressions are clients of the openai or holysheep package, and which calls send a request."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
from libcst.metadata import Assignment

from .module import Module, argument, dotted

SYNC = {"openai.OpenAI", "openai.Client", "holysheep.HolySheep", "holysheep.HybridClient"}
ASYNC = {"openai.AsyncOpenAI", "openai.AsyncClient", "holysheep.HolySheepClient", "holysheep.AsyncHolySheep", "holysheep.AsyncHybridClient"}
AZURE = {"openai.AzureOpenAI", "openai.AsyncAzureOpenAI"}
CLASSES = SYNC | ASYNC | AZURE
# The ends of the calls that send a request, longest first.
ENDS = (
    ("beta", "chat", "completions", "parse"),
    ("beta", "chat", "completions", "stream"),
    ("chat", "completions", "create"),
    ("chat", "completions", "parse"),
    ("chat", "completions", "stream"),
    ("responses", "create"),
    ("responses", "stream"),
    ("embeddings", "create"),
    ("completions", "create"),
)
WRAPPERS = {"with_raw_response", "with_streaming_response"}
# A name that is bound to a name that is bound …: real code does not go deeper, and a cycle must end.
DEPTH_MAX = 5


@dataclass(frozen=True)
class Client:
    """What is known about one client. `call` is its construction, None where only a type is known; `options` are its `.with_options` calls."""

    names: frozenset[str]
    call: cst.Call | None = None
    options: tuple[cst.Call, ...] = ()

    @property
    def is_async(self) -> bool:
        return bool(self.names & ASYNC) or "openai.AsyncAzureOpenAI" in self.names

    @property
    def is_ours(self) -> bool:
        return any(name.startswith("holysheep.") for name in self.names)

    @property
    def retries(self) -> cst.BaseExpression | None:
        """The `max_retries` in force, where one is written down."""
        for call in (*reversed(self.options), self.call):
            found = argument(call, "max_retries") if call is not None else None
            if found is not None:
                return found
        return None


@dataclass(frozen=True)
class Request:
    """A call that sends a request: `client.chat.completions.create(…)`."""

    call: cst.Call
    receiver: cst.BaseExpression
    end: tuple[str, ...]
    clients: tuple[Client, ...]  # empty when the receiver's type is not known

    @property
    def is_async(self) -> bool | None:
        return any(client.is_async for client in self.clients) if self.clients else None


class Clients:
    """The clients and requests of one module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.uses_openai = module.imports_any("openai", "holysheep")
        self._fields = self._find_fields()
        self.constructions = [call for call in module.all(cst.Call) if module.names(call.func) & CLASSES] if self.uses_openai else []
        self.requests = [found for call in module.all(cst.Call) if (found := self._request(call)) is not None] if self.uses_openai else []
        self._by_call = {request.call: request for request in self.requests}

    def request(self, node: cst.CSTNode) -> Request | None:
        """The request that a call is, or that an `await` awaits."""
        if isinstance(node, cst.Await):
            node = node.expression
        return self._by_call.get(node) if isinstance(node, cst.Call) else None

    def of(self, node: cst.BaseExpression, depth: int = 0) -> list[Client]:
        """The clients that an expression may be. Empty when that is not known."""
        if depth > DEPTH_MAX:
            return []
        if isinstance(node, cst.Await):
            return self.of(node.expression, depth + 1)
        if isinstance(node, cst.BooleanOperation):
            return self.of(node.left, depth + 1) + self.of(node.right, depth + 1)
        if isinstance(node, cst.IfExp):
            return self.of(node.body, depth + 1) + self.of(node.orelse, depth + 1)
        if isinstance(node, cst.Call):
            return self._of_call(node, depth)
        if self.module.names(node) & {"openai"}:
            return [Client(frozenset({"openai.OpenAI"}))]
        return [client for value in self.values(node) for client in self.of(value, depth + 1)] or self._of_annotation(node)

    def is_foreign(self, node: cst.BaseExpression, depth: int = 0) -> bool:
        """Whether an expression is known to be made by another package than openai: `Groq()`, `litellm`."""
        if depth > DEPTH_MAX:
            return False
        if isinstance(node, cst.Call):
            names = self.module.names(node.func)
            return bool(names) and not any(name.split(".")[0] in {"openai", "holysheep"} or name.startswith(".") for name in names)
        names = self.module.names(node)
        imported_module = any(name in self.module.imported and "." not in name and name not in {"openai", "holysheep"} for name in names)
        return imported_module or any(self.is_foreign(value, depth + 1) for value in self.values(node))

    def values(self, node: cst.BaseExpression) -> list[cst.BaseExpression]:
        """What is assigned to a name or to `self.name` anywhere in the file. Empty for what is not assigned here."""
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value in {"self", "cls"}:
            home = self.module.enclosing(node, (cst.ClassDef,))
            return self._fields.get((home, node.attr.value), [])
        if not isinstance(node, cst.Name):
            return []
        found: list[cst.BaseExpression] = []
        for assignment in self._assignments(node):
            value = self._value(assignment.node)
            if value is not None:
                found.append(value)
        return found

    def single_value(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        """The one value of a name that is assigned once; the expression itself when it is no name."""
        if not isinstance(node, (cst.Name, cst.Attribute)):
            return node
        if isinstance(node, cst.Name) and len(self._assignments(node)) != 1:
            return None
        values = self.values(node)
        return values[0] if len(values) == 1 else None

    def _assignments(self, node: cst.Name) -> list[Assignment]:
        scope = self.module.scope(node)
        return [found for found in scope[node.value] if isinstance(found, Assignment)] if scope is not None else []

    def _value(self, node: cst.CSTNode) -> cst.BaseExpression | None:
        above = self.module.parent(node)
        if isinstance(above, cst.AssignTarget):
            above = self.module.parent(above)
        if isinstance(above, cst.Element) and isinstance(node, cst.BaseExpression):
            return self._unpacked(above)
        if isinstance(above, cst.AsName):
            above = self.module.parent(above)
            return above.item if isinstance(above, cst.WithItem) else None
        if isinstance(above, (cst.Assign, cst.AnnAssign, cst.NamedExpr)):
            return above.value
        return None

    def _unpacked(self, element: cst.Element) -> cst.BaseExpression | None:
        """The value of one target of `a, b = x, y`."""
        targets = self.module.parent(element)
        target = self.module.parent(targets) if targets is not None else None
        assign = self.module.parent(target) if isinstance(target, cst.AssignTarget) else None
        if not isinstance(targets, (cst.Tuple, cst.List)) or not isinstance(assign, cst.Assign) or not isinstance(assign.value, (cst.Tuple, cst.List)):
            return None
        values = assign.value.elements
        at = list(targets.elements).index(element)
        return values[at].value if len(values) == len(targets.elements) else None

    def _find_fields(self) -> dict[tuple[cst.CSTNode | None, str], list[cst.BaseExpression]]:
        fields: dict[tuple[cst.CSTNode | None, str], list[cst.BaseExpression]] = {}
        targets: list[tuple[cst.CSTNode, cst.BaseExpression | None]] = [
            (target.target, assign.value) for assign in self.module.all(cst.Assign) for target in assign.targets
        ]
        targets += [(assign.target, assign.value) for assign in self.module.all(cst.AnnAssign)]
        targets += [(element.value, self._unpacked(element)) for element in self.module.all(cst.Element) if isinstance(element.value, cst.Attribute)]
        for target, value in targets:
            if value is None:
                continue
            name = target.attr.value if isinstance(target, cst.Attribute) and dotted(target.value) in {"self", "cls"} else None
            if isinstance(target, cst.Name) and isinstance(self.module.home(target), cst.ClassDef):
                name = target.value
            if name is not None:
                fields.setdefault((self.module.enclosing(target, (cst.ClassDef,)), name), []).append(value)
        return fields

    def _of_call(self, call: cst.Call, depth: int) -> list[Client]:
        names = self.module.names(call.func) & CLASSES
        if names:
            return [Client(names, call)]
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in {"with_options", "copy"}:
            known = [Client(base.names, base.call, (*base.options, call)) for base in self.of(call.func.value, depth + 1)]
            # Nothing but these packages' clients has `with_options`, so its options count even where the client is not in sight.
            return known or ([Client(frozenset(), None, (call,))] if call.func.attr.value == "with_options" else [])
        for assignment in self._assignments(call.func) if isinstance(call.func, cst.Name) else []:
            made = assignment.node
            if isinstance(made, cst.FunctionDef):
                returned = [node.value for node in self.module.own(made, cst.Return) if node.value is not None]
                return [client for value in returned for client in self.of(value, depth + 1)] or self._annotated(made.returns)
        return []

    def _of_annotation(self, node: cst.BaseExpression) -> list[Client]:
        if not isinstance(node, cst.Name):
            return []
        for assignment in self._assignments(node):
            made = assignment.node
            if isinstance(made, cst.Param):
                return self._annotated(made.annotation)
            above = self.module.parent(made)
            if isinstance(above, cst.AnnAssign):
                return self._annotated(above.annotation)
        return []

    def _annotated(self, annotation: cst.Annotation | None) -> list[Client]:
        if annotation is None:
            return []
        nodes = [*self.module.within(annotation, cst.Name), *self.module.within(annotation, cst.Attribute)]
        names = frozenset().union(*(self.module.names(node) for node in nodes)) & CLASSES
        return [Client(frozenset(names))] if names else []

    def _request(self, call: cst.Call) -> Request | None:
        words: list[str] = []
        links: list[cst.BaseExpression] = []
        at: cst.BaseExpression = call.func
        while isinstance(at, cst.Attribute):
            if at.attr.value not in WRAPPERS:
                words.insert(0, at.attr.value)
                links.insert(0, at.value)
            at = at.value
        for end in ENDS:
            if tuple(words[-len(end) :]) == end and len(words) >= len(end):
                receiver = links[-len(end)]
                if dotted(receiver).endswith(".batch") or self.is_foreign(receiver):
                    return None
                return Request(call, receiver, end, tuple(self.of(receiver)))
        return None
