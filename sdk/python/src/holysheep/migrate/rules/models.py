"""HS014, HS018: names of models, and what is sent with them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ..findings import Finding
from ..module import argument, string
from .look import Look

# `org/name` of a hub, a path on the vLLM's disk, and the informal aliases. `deepseek-chat` itself is what a gateway sells.
SERVED = re.compile(r"(?!https?:)[\w.-]+/[\w.-]+|/[\w./-]+|\.{1,2}/[\w./-]+")
ALIAS = re.compile(r"deepseek[-_]?(ai)?[-_]?(v\d[\w.-]*|r1[\w.-]*|coder[\w.-]*)", re.IGNORECASE)
PARAMETER = re.compile(r"model(_?(name|id))?$", re.IGNORECASE)


def hard_coded_model(look: Look) -> Iterator[Finding]:
    for request in look.clients.requests:
        value = argument(request.call, "model")
        text = string(value)
        if value is not None and _is_served(text):
            yield look.found("HS014", value, f"`{text}` is the name that one server was started with; others answer 400 or 404 to it")
    if not look.clients.requests:
        return
    for parameter in look.module.all(cst.Param):
        text = string(parameter.default)
        if parameter.default is not None and PARAMETER.search(parameter.name.value) and _is_served(text):
            yield look.found("HS014", parameter.default, f"`{text}` is the name that one server was started with; others answer 400 or 404 to it")


def temperature_differs(look: Look) -> Iterator[Finding]:
    for request in look.clients.requests:
        value = argument(request.call, "temperature")
        if value is None or (isinstance(value, (cst.Integer, cst.Float)) and float(value.evaluated_value) == 0):
            continue
        model = argument(request.call, "model")
        known = look.clients.single_value(model) if model is not None else None
        name = string(known) or (look.module.code(model) if model is not None else "")
        if "deepseek" in name.lower():
            given = next(arg for arg in request.call.args if arg.value is value)
            yield look.found("HS018", given, "a vLLM takes this temperature as it is, DeepSeek's own API maps it (0.3 there is 0.09 on a vLLM)")


def _is_served(text: str | None) -> bool:
    return text is not None and (SERVED.fullmatch(text) is not None or ALIAS.fullmatch(text) is not None)
