"""One parsed file: its tree, where each node lies, and what each name means. Rules read it and change nothing."""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

import libcst as cst
from libcst.metadata import (
    ByteSpanPositionProvider,
    MetadataWrapper,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

from .findings import Edit, Finding
from .source import Source

Node = TypeVar("Node", bound=cst.CSTNode)
IGNORE = re.compile(r"#\s*holysheep:\s*ignore(-file)?\s*(?:\[([^\]]*)\])?", re.IGNORECASE)
FUNCTIONS = (cst.FunctionDef, cst.Lambda)


class _Order(cst.CSTVisitor):
    """Numbers the nodes in the order of the text, so that `inside` is two comparisons."""

    def __init__(self) -> None:
        self.enter: dict[cst.CSTNode, int] = {}
        self.leave: dict[cst.CSTNode, int] = {}
        self.parent: dict[cst.CSTNode, cst.CSTNode] = {}
        self.by_type: dict[type[cst.CSTNode], list[cst.CSTNode]] = defaultdict(list)
        self._stack: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.enter[node] = len(self.enter)
        if self._stack:
            self.parent[node] = self._stack[-1]
        self.by_type[type(node)].append(node)
        self._stack.append(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        self._stack.pop()
        self.leave[original_node] = len(self.enter)


class Module:
    """A file that was parsed. Throws libcst.ParserSyntaxError when it is no Python; RecursionError when it is nested too deep."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data = source.text.encode("utf-8")
        wrapper = MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True)
        self.tree = wrapper.module
        # Positions come from writing the tree out again: where that gives another text, they could not be trusted for edits.
        self.faithful = self.tree.code == source.text
        self._spans = wrapper.resolve(ByteSpanPositionProvider)
        self._scopes = wrapper.resolve(ScopeProvider)
        self._order = _Order()
        self.tree.visit(self._order)
        self._line_starts = [0, *(match.end() for match in re.finditer(rb"\r\n|\r|\n", self.data))]
        self.stars = {dotted(node.module) for node in self.all(cst.ImportFrom) if isinstance(node.names, cst.ImportStar) and node.module is not None}
        self.imported = self._imported()
        self.ignored, self.ignored_in_file = self._ignores()

    # Where things are.

    def all(self, kind: type[Node]) -> list[Node]:
        """All nodes of one type, in the order of the text."""
        return self._order.by_type.get(kind, [])  # type: ignore[return-value]

    def within(self, root: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
        """The nodes of one type inside `root` (itself included), those in nested functions too."""
        nodes = self.all(kind)
        at = bisect.bisect_left(nodes, self._order.enter[root], key=self._order.enter.__getitem__)
        end = self._order.leave[root]
        for node in nodes[at:]:
            if self._order.enter[node] >= end:
                return
            yield node

    def own(self, root: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
        """As `within`, without nested functions, lambdas and classes: what runs when `root` runs."""
        home = root if isinstance(root, (*FUNCTIONS, cst.ClassDef)) else self.home(root)
        for node in self.within(root, kind):
            if self.home(node) is home or node is root:
                yield node

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._order.parent.get(node)

    def parents(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """From the next one outwards to the module."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def enclosing(self, node: cst.CSTNode, kinds: tuple[type[cst.CSTNode], ...]) -> cst.CSTNode | None:
        return next((above for above in self.parents(node) if isinstance(above, kinds)), None)

    def function(self, node: cst.CSTNode) -> cst.CSTNode:
        """The function or lambda around a node, else the module."""
        return self.enclosing(node, FUNCTIONS) or self.tree

    def home(self, node: cst.CSTNode) -> cst.CSTNode:
        """The function, lambda or class around a node, else the module."""
        return self.enclosing(node, (*FUNCTIONS, cst.ClassDef)) or self.tree

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement that a node is part of."""
        return node if isinstance(node, cst.BaseStatement) else self.enclosing(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement)) or node

    def is_inside(self, node: cst.CSTNode, root: cst.CSTNode) -> bool:
        return self._order.enter[root] <= self._order.enter[node] < self._order.leave[root]

    def start(self, node: cst.CSTNode) -> int:
        return int(self._spans[node].start)

    def end(self, node: cst.CSTNode) -> int:
        return int(self._spans[node].start + self._spans[node].length)

    def code(self, node: cst.CSTNode) -> str:
        """The node's text as it stands in the file, without the parentheses around it."""
        return self.data[self.start(node) : self.end(node)].decode("utf-8")

    def replace(self, node: cst.CSTNode, text: str) -> Edit:
        return Edit(self.start(node), self.end(node), text)

    def insert(self, at: int, text: str) -> Edit:
        return Edit(at, at, text)

    def gap_before(self, node: cst.CSTNode) -> str:
        """What separates one more element from those before: a line end and the indent where `node` stands alone on its line, else a space."""
        start = self.start(node)
        indent = self.data[self.line_start(start) : start]
        return " " if indent.strip() or start == 0 else self.tree.default_newline + indent.decode("utf-8")

    def line_of(self, offset: int) -> int:
        """From 1."""
        return bisect.bisect_right(self._line_starts, offset)

    def line_start(self, offset: int) -> int:
        return self._line_starts[self.line_of(offset) - 1]

    def column_of(self, offset: int) -> int:
        return len(self.data[self.line_start(offset) : offset].decode("utf-8")) + 1

    def finding(self, id: str, node: cst.CSTNode, message: str, advice: str, edits: tuple[Edit, ...] = ()) -> Finding:
        start, end = self.start(node), self.end(node)
        if isinstance(node, (cst.BaseCompoundStatement, cst.ExceptHandler, cst.ExceptStarHandler)):
            # A loop or a handler is shown by its head: the whole of it would be a page.
            body = node.body
            end = max(start, min(end, self.start(body)))
        text = self.data[start:end].rstrip()
        end = start + len(text)
        return Finding(
            id, message, advice, start, end, self.line_of(start), self.column_of(start), self.line_of(end), self.column_of(end), edits if self.faithful else ()
        )

    # What things mean.

    def scope(self, node: cst.CSTNode) -> Scope | None:
        for at in (node, *self.parents(node)):
            found = self._scopes.get(at)
            if found is not None:
                return found
        return None

    def names(self, node: cst.CSTNode) -> frozenset[str]:
        """The dotted names that an expression stands for, as imports give them: {"openai.OpenAI"} for `oai.OpenAI`. Empty for what is local."""
        scope = self.scope(node)
        if scope is None or not isinstance(node, (cst.Name, cst.Attribute)):
            return frozenset()
        found = {name.name for name in scope.get_qualified_names_for(node) if name.source is QualifiedNameSource.IMPORT}
        if not found and isinstance(node, cst.Name) and not list(scope[node.value]):
            found = {f"{star}.{node.value}" for star in self.stars}
        return frozenset(found)

    def is_unbound(self, node: cst.Name) -> bool:
        """Whether nothing in this file gives the name a meaning: no import, no assignment, no builtin."""
        scope = self.scope(node)
        return scope is not None and not self.stars and not list(scope[node.value])

    def _imported(self) -> dict[str, str]:
        """The module's own imports, at its top level: dotted name → the name it is bound to."""
        found: dict[str, str] = {}
        for statement in self.top_imports():
            if isinstance(statement.names, cst.ImportStar):
                continue
            base = dotted(statement.module) + "." if isinstance(statement, cst.ImportFrom) and statement.module is not None and not statement.relative else ""
            if isinstance(statement, cst.ImportFrom) and not base:
                continue
            for alias in statement.names:
                name = dotted(alias.name)
                bound = alias.evaluated_alias or (name if base else name.split(".", maxsplit=1)[0])
                if alias.evaluated_alias is None and not base and "." in name:
                    name = name.split(".", maxsplit=1)[0]
                found.setdefault(base + name, bound)
        return found

    def top_imports(self) -> Iterator[cst.Import | cst.ImportFrom]:
        """The imports that stand in the module itself, not under an if, a try or a function."""
        for line in self.tree.body:
            if isinstance(line, cst.SimpleStatementLine):
                for small in line.body:
                    if isinstance(small, (cst.Import, cst.ImportFrom)):
                        yield small

    def imports_any(self, *packages: str) -> bool:
        """Whether one of these packages is imported anywhere in the file."""
        for node in self.all(cst.Import):
            if any(dotted(alias.name).split(".")[0] in packages for alias in node.names):
                return True
        return any(node.module is not None and not node.relative and dotted(node.module).split(".")[0] in packages for node in self.all(cst.ImportFrom))

    def _ignores(self) -> tuple[dict[int, frozenset[str]], frozenset[str]]:
        lines: dict[int, frozenset[str]] = {}
        whole: frozenset[str] = frozenset()
        for comment in self.all(cst.Comment):
            match = IGNORE.search(comment.value)
            if match is None:
                continue
            ids = frozenset(word.strip().upper() for word in match[2].split(",")) if match[2] else frozenset({"*"})
            offset = self.start(comment)
            line = self.line_of(offset)
            if match[1]:
                whole |= ids
                continue
            own_line = not self.data[self.line_start(offset) : offset].strip()
            for at in (line, line + 1) if own_line else (line,):
                lines[at] = lines.get(at, frozenset()) | ids
        return lines, whole

    def is_ignored(self, finding: Finding) -> bool:
        """Whether a comment `# holysheep: ignore[ID]` stands on the finding's lines, or alone on the line above."""
        ids = self.ignored_in_file.union(*(self.ignored.get(line, frozenset()) for line in range(finding.line, finding.end_line + 1)))
        return "*" in ids or finding.id in ids


def dotted(node: cst.CSTNode | None) -> str:
    """`a.b.c` of names and attributes; empty for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr.value}" if base else ""
    return ""


def argument(call: cst.Call, keyword: str) -> cst.BaseExpression | None:
    """The value of a keyword argument."""
    return next((given.value for given in call.args if given.keyword is not None and given.keyword.value == keyword), None)


def has_double_star(call: cst.Call) -> bool:
    """Whether `**kwargs` may bring arguments that the text does not show."""
    return any(given.star == "**" for given in call.args)


def string(node: cst.CSTNode | None) -> str | None:
    """The value of a string literal (joined ones too); None for bytes, f-strings and everything else."""
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        try:
            value = node.evaluated_value
        except (SyntaxError, ValueError):
            return None
        return value if isinstance(value, str) else None
    return None
