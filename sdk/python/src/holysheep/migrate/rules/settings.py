"""HS006, HS012, HS013, HS016, HS021: where address and key come from, and where they go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import libcst as cst

from ..clients import AZURE
from ..findings import Edit, Finding
from ..imports import add_module
from ..module import argument, has_double_star, string
from .look import Look, called, leaf

# fmt: off
NO_KEYS = {
    "", "-", "x", "xx", "xxx", "unused", "empty", "none", "null", "na", "n/a", "dummy", "fake", "test", "local", "vllm", "placeholder", "no-key", "nokey",
    "no_key", "not-needed", "not_needed", "not-used", "sk-no-key-required", "token-abc123", "sk-xxx", "anything", "whatever", "ignored",
}
# fmt: on
LOCAL = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+"
    r"|[\w-]+|.*\.(local|internal|lan)"
)
BESIDE = re.compile(r"fall_?back|backup|secondary|on_?prem|local|vllm", re.IGNORECASE)
KEY = re.compile(r"(^|_)(api_?key|apikey|secret_?key|access_?key|auth_?token)$", re.IGNORECASE)
ENVIRONMENT = re.compile(r"API_?KEY$|SECRET|TOKEN$", re.IGNORECASE)
PRINTERS = {"print", "pprint", "debug", "info", "warning", "warn", "error", "critical", "exception", "log", "write", "echo", "secho"}
LEGACY = ("ChatCompletion", "Completion", "Embedding", "Moderation", "Edit", "Image", "Audio", "File", "FineTune", "error", "api_base", "api_requestor", "util")
READS = {"os.environ.get", "os.getenv", "environ.get", "getenv"}


def os_not_imported(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    for node in look.module.all(cst.Name):
        above = look.module.parent(node)
        if (
            node.value == "os"
            and isinstance(above, cst.Attribute)
            and above.value is node
            and above.attr.value in {"environ", "getenv", "path"}
            and look.module.is_unbound(node)
        ):
            edits = add_module(look.module, "os") if not look.module.source.notebook else None
            yield look.found("HS006", node, "`os` is used and nothing imports it: a NameError when this runs", edits or ())
            return


def key_falls_back(look: Look) -> Iterator[Finding]:
    for call in look.clients.constructions:
        names = look.module.names(call.func)
        if names & AZURE or any(name.startswith("holysheep.") for name in names) or has_double_star(call):
            continue
        if any(argument(call, other) is not None for other in ("admin_api_key", "workload_identity", "provider")):
            continue
        elsewhere = _is_elsewhere(look, argument(call, "base_url"))
        key = argument(call, "api_key")
        if key is None:
            if elsewhere:
                yield look.found("HS012", call, "no `api_key`: the openai package sends OPENAI_API_KEY to this server")
            continue
        read = look.clients.single_value(key)
        variable = _plain_read(look, read)
        if variable is None or not isinstance(read, cst.Call):
            continue
        if variable == "OPENAI_API_KEY":
            if elsewhere:
                yield look.found("HS012", read, "sends the key of your OpenAI account to another server; give the gateway's key a variable of its own")
            continue
        if read is not key and _is_checked(look, key):
            continue
        edits = [look.module.replace(read, _subscript(look, read))] if read is key else []
        yield look.found("HS012", read, f"where {variable} is not set this is None, and the openai package sends OPENAI_API_KEY instead", edits)


def local_vllm_client(look: Look) -> Iterator[Finding]:
    plain = [call for call in look.clients.constructions if not look.module.names(call.func) & AZURE]
    for call in plain:
        address, key = argument(call, "base_url"), argument(call, "api_key")
        url, text = look.clients.single_value(address) if address is not None else None, look.clients.single_value(key) if key is not None else None
        is_local = _is_local(look, url)
        is_placeholder = isinstance(text, cst.SimpleString) and (string(text) or "").lower() in NO_KEYS
        if not is_local and not (is_placeholder and string(url) is not None):
            continue
        message = "the address of a local vLLM is written into the code" if is_local else "a placeholder for a key is written into the code"
        beside = len(plain) > 1 or BESIDE.search(_bound_to(look, call)) is not None
        edits = [] if beside or look.module.source.notebook else _from_environment(look, [(url, "HOLYSHEEP_BASE_URL"), (text, "HOLYSHEEP_API_KEY")])
        yield look.found("HS013", call, message, edits)


def key_shown(look: Look) -> Iterator[Finding]:
    if not look.clients.uses_openai:
        return
    for call in look.module.all(cst.Call):
        above = look.module.parent(call)
        raised = isinstance(above, cst.Raise)
        if called(look.module, call) not in PRINTERS and not raised:
            continue
        shown = next((node for given in call.args for node in _keys_in(look, given.value)), None)
        if shown is not None:
            verb = "puts into an exception" if raised else "shows"
            yield look.found("HS016", call, f"{verb} `{look.module.code(shown)}`: a part of a key is enough to end in a log for ever")


def openai_before_1(look: Look) -> Iterator[Finding]:
    if not look.module.imports_any("openai"):
        return
    legacy = {f"openai.{name}" for name in LEGACY}
    for node in look.module.all(cst.Attribute):
        if look.module.names(node) & legacy and look.module.names(node.value) == {"openai"}:
            what = "is read by nothing since openai 1.0: requests go to api.openai.com" if node.attr.value == "api_base" else "is gone since openai 1.0"
            yield look.found("HS021", node, f"`{look.module.code(node)}` {what}")
    for source in look.module.all(cst.ImportFrom):
        if source.module is not None and look.module.code(source.module) == "openai.error":
            yield look.found("HS021", source, "`openai.error` is gone since openai 1.0: the exceptions are in `openai` itself")


def _is_elsewhere(look: Look, node: cst.BaseExpression | None) -> bool:
    if node is None:
        return False
    value = look.clients.single_value(node)
    text = string(value)
    if text is not None:
        return not (urlsplit(text).hostname or "").endswith("openai.com")
    return not (isinstance(value, cst.Call) and "OPENAI_BASE_URL" in look.module.code(value))


def _plain_read(look: Look, node: cst.BaseExpression | None) -> str | None:
    """The variable of `os.environ.get("X")` or `os.getenv("X")`; None when there is a default, or it is something else."""
    if not isinstance(node, cst.Call) or len(node.args) != 1 or node.args[0].star != "":
        return None
    text = re.sub(r"\s", "", look.module.code(node.func))
    if not (look.module.names(node.func) & READS or text in READS):
        return None
    return string(node.args[0].value)


def _subscript(look: Look, read: cst.Call) -> str:
    inner = look.module.code(read.args[0].value)
    function = read.func
    if isinstance(function, cst.Attribute) and function.attr.value == "get":
        return f"{look.module.code(function.value)}[{inner}]"
    if isinstance(function, cst.Attribute):
        return f"{look.module.code(function.value)}.environ[{inner}]"
    return look.module.code(read) if "os" not in look.module.imported else f"{look.module.imported['os']}.environ[{inner}]"


def _is_checked(look: Look, key: cst.BaseExpression) -> bool:
    """Whether some `if not key:` or `assert key` stands in the file: then None does not get through."""
    text = look.module.code(key)
    tests = [node.test for node in look.module.all(cst.If)] + [node.test for node in look.module.all(cst.Assert)]
    return any(text in look.module.code(test) for test in tests)


def _is_local(look: Look, node: cst.BaseExpression | None) -> bool:
    if isinstance(node, cst.FormattedString):
        return re.search(r"://(localhost|127\.0\.0\.1)|:8000/v1", look.module.code(node)) is not None
    text = string(node)
    if text is None or "://" not in text:
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return LOCAL.fullmatch(host) is not None or port == 8000 or "vllm" in host


def _bound_to(look: Look, call: cst.Call) -> str:
    for above in look.module.parents(call):
        if isinstance(above, cst.Assign):
            return leaf(above.targets[0].target)
        if isinstance(above, (cst.AnnAssign, cst.NamedExpr)):
            return leaf(above.target)
        if isinstance(above, cst.FunctionDef):
            return above.name.value
    return ""


def _from_environment(look: Look, values: list[tuple[cst.BaseExpression | None, str]]) -> list[Edit]:
    literals = [(node, name) for node, name in values if isinstance(node, cst.SimpleString) and string(node) is not None]
    imported = add_module(look.module, "os")
    if imported is None or not literals:
        return []
    return [*imported, *(look.module.replace(node, f'os.environ.get("{name}", {look.module.code(node)})') for node, name in literals)]


def _keys_in(look: Look, root: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The parts of an expression whose text is a key or a piece of one."""
    kinds = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)
    for node in sorted((node for kind in kinds for node in look.module.own(root, kind)), key=look.module.start):
        assert isinstance(node, cst.BaseExpression)
        if _is_key(look, node) and not _is_hidden(look, node, root):
            yield node
            return


def _is_key(look: Look, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Call):
        variable = string(node.args[0].value) if node.args else None
        return variable is not None and ENVIRONMENT.search(variable) is not None and bool(look.module.names(node.func) & READS)
    if isinstance(node, cst.Name) and isinstance(look.module.parent(node), (cst.Attribute, cst.Arg)):
        above = look.module.parent(node)
        if (isinstance(above, cst.Attribute) and above.attr is node) or (isinstance(above, cst.Arg) and above.keyword is node):
            return False
    name = leaf(node)
    if isinstance(node, cst.Subscript):
        return ENVIRONMENT.search(name) is not None and leaf(node.value) == "environ"
    return KEY.search(name) is not None


def _is_hidden(look: Look, node: cst.BaseExpression, root: cst.BaseExpression) -> bool:
    """Whether the text of the key does not come out: `bool(key)`, `len(key)`, `key is None`, `"set" if key else "not set"`, `mask(key)`."""
    at: cst.CSTNode = node
    for above in look.module.parents(node):
        if (
            isinstance(above, cst.Call)
            and at is not above.func
            and look.module.is_inside(above, root)
            and called(look.module, above) not in {"str", "repr", "format", "join"}
        ):
            return True
        if isinstance(above, (cst.Comparison, cst.UnaryOperation)):
            return True
        if isinstance(above, cst.IfExp) and above.test is at:
            return True
        if above is root or at is root:
            return False
        at = above
    return False
