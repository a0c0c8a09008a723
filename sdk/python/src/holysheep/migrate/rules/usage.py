"""HS001, HS002, HS015: counting and pricing of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ..clients import Request
from ..findings import Finding
from ..module import argument, has_double_star, string
from .look import Look, called, leaf

COUNT = r"(input|output|prompt|completion|generated)[ _]tokens?\s*(\\s[*+]|:|=|\s)+\((\?P<\w+>)?(\\d|\[0-9\])"
LINE = re.compile(COUNT, re.IGNORECASE)
BOTH = re.compile(r"input[ _]tokens.*output[ _]tokens", re.IGNORECASE | re.DOTALL)
INPUT = re.compile(r"(^|_)(input|prompt)_?tokens?($|_)|tokens?_(in|input)$", re.IGNORECASE)
OUTPUT = re.compile(r"(output|completion|generated|generation|reasoning)_?tokens?|tokens?_(out|output)$", re.IGNORECASE)
MONEY = re.compile(r"cost|price|bill|charge|spend|savings?|usd|dollars?|(^|_)rate", re.IGNORECASE)
INPUT_ONLY_MEANT = re.compile(r"input|prompt", re.IGNORECASE)
GUESS_TARGET = re.compile(r"tokens?(_|$)|(^|_)usage", re.IGNORECASE)


def vllm_log_regex(look: Look) -> Iterator[Finding]:
    for kind in (cst.SimpleString, cst.ConcatenatedString):
        for node in look.module.all(kind):
            if isinstance(look.module.parent(node), cst.ConcatenatedString):
                continue
            text = string(node)
            if text is None or len(text) > 1000 or LINE.search(text) is None or "total" in text.lower():
                continue
            if BOTH.search(text) or look.mentions("vllm"):
                yield look.found("HS001", node, "no version of vLLM prints a line that this matches: the audit finds nothing and says zero")


def input_only_cost(look: Look) -> Iterator[Finding]:
    if not any(look.mentions(word) for word in ("vllm", "openai", "deepseek", "holysheep", "llm", "gpt")):
        return
    for node in look.module.all(cst.BinaryOperation):
        if isinstance(look.module.parent(node), cst.BinaryOperation) or not _multiplies(look, node):
            continue
        names = _leaves(look, node)
        if not any(INPUT.search(name) for name in names) or any(OUTPUT.search(name) for name in names):
            continue
        target = _target(look, node)
        if not any(MONEY.search(name) for name in [*names, target]) or INPUT_ONLY_MEANT.search(target) or "cache" in target.lower():
            continue
        words = [*names, *(string(text) or "" for text in look.module.own(node, cst.SimpleString))]
        if any(MONEY.search(word) and INPUT_ONLY_MEANT.search(word) for word in words):
            continue  # a price that is called the input's: whoever wrote this knows that there is another
        home = look.module.function(node)
        others = (other for other in look.module.own(home, cst.BinaryOperation) if other is not node)
        if any(OUTPUT.search(name) for other in others if _multiplies(look, other) for name in _leaves(look, other)):
            continue
        yield look.found("HS002", node, "prices input tokens alone; output tokens are billed too, mostly at a higher price")


def usage_ignored(look: Look) -> Iterator[Finding]:
    for home in {look.module.function(request.call): None for request in look.clients.requests}:
        requests = look.requests_in(home)
        reads = [node for node in look.module.own(home, cst.Attribute) if node.attr.value == "usage"]
        if not reads:
            yield from _guesses(look, home)
        for request in requests:
            if reads and _is_stream(request) and "completions" in request.end and not _asks_for_usage(look, request):
                yield look.found("HS015", request.call, "reads `.usage` of a stream that was not asked for it: it is None in every chunk")


def _guesses(look: Look, home: cst.CSTNode) -> Iterator[Finding]:
    for assign in look.module.own(home, cst.Assign):
        name = leaf(assign.targets[0].target)
        if not GUESS_TARGET.search(name) or "max" in name.lower():
            continue
        for call in look.module.own(assign.value, cst.Call):
            if called(look.module, call) == "len" and call.args and _is_text(look, call.args[0].value):
                yield look.found("HS015", assign, f"guesses `{name}` from a length, though the answer carries the counts that are billed")
                break


def _is_text(look: Look, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Call):
        return called(look.module, node) in {"split", "encode"}
    return leaf(node) in {"content", "text", "prompt", "answer", "reply", "output", "completion", "response_text"}


def _is_stream(request: Request) -> bool:
    value = argument(request.call, "stream")
    return isinstance(value, cst.Name) and value.value == "True"


def _asks_for_usage(look: Look, request: Request) -> bool:
    value = argument(request.call, "stream_options")
    if value is None:
        return has_double_star(request.call)
    return not isinstance(value, cst.Dict) or "include_usage" in look.module.code(value)


def _multiplies(look: Look, node: cst.BinaryOperation) -> bool:
    return any(isinstance(one.operator, cst.Multiply) for one in look.module.own(node, cst.BinaryOperation))


def _leaves(look: Look, node: cst.CSTNode) -> list[str]:
    names = [name.value for name in look.module.own(node, cst.Name)]
    return names + [name for one in look.module.own(node, cst.Subscript) if (name := leaf(one))]


def _target(look: Look, node: cst.CSTNode) -> str:
    """What the value becomes: the name it is assigned to, or the function that returns it."""
    for above in look.module.parents(node):
        if isinstance(above, (cst.Assign, cst.AugAssign, cst.AnnAssign)):
            return leaf(above.targets[0].target if isinstance(above, cst.Assign) else above.target)
        if isinstance(above, cst.DictElement):
            return str(string(above.key) or "")
        if isinstance(above, cst.FunctionDef):
            return above.name.value
        if isinstance(above, (cst.BaseStatement, cst.Call)) and not isinstance(above, cst.SimpleStatementLine):
            return ""
    return ""
