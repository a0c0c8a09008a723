"""Is this model sold here? Asked of the gateway, with suggestions where it is not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from urllib.parse import quote

import openai
from openai.types import Model as ServedModel

from .errors import UnknownModelError

__all__ = ["suggestions_for", "validate_model", "validate_model_async"]

# More would be a list to read, not a suggestion.
SUGGESTIONS_MAX = 3


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower().rsplit("/", 1)[-1])


def suggestions_for(name: str, served: Sequence[str]) -> list[str]:
    """The nearest of the served names, best first: those that differ in case, punctuation or owner alone, then those spelt alike."""
    plain = _plain(name)
    same = [candidate for candidate in served if _plain(candidate) == plain]
    by_plain = {_plain(candidate): candidate for candidate in reversed(served)}
    alike = [by_plain[near] for near in difflib.get_close_matches(plain, list(by_plain), n=SUGGESTIONS_MAX, cutoff=0.5)]
    within = [candidate for candidate in served if plain and (plain in _plain(candidate) or _plain(candidate) in plain)]
    return list(dict.fromkeys([*same, *alike, *within]))[:SUGGESTIONS_MAX]


def _path(name: str) -> str:
    return "/models/" + quote(name, safe="")


def validate_model(client: openai.OpenAI, name: str) -> str:
    """The name of the model as `client`'s gateway sells it (an alias gives its model); raises `UnknownModelError` if it does not.

    Asks `/v1/models`, and `/v1/models/NAME` for a name that is not in that list, for an alias is not. Works with any openai client.
    """
    served = [model.id for model in client.models.list()]
    if name in served:
        return str(name)
    try:
        return client.get(_path(name), cast_to=ServedModel).id
    except openai.APIStatusError as error:
        if error.status_code not in (400, 404):
            raise
    raise UnknownModelError(name, suggestions_for(name, served), served)


async def validate_model_async(client: openai.AsyncOpenAI, name: str) -> str:
    """`validate_model` for an asynchronous client."""
    served = [model.id async for model in client.models.list()]
    if name in served:
        return str(name)
    try:
        return (await client.get(_path(name), cast_to=ServedModel)).id
    except openai.APIStatusError as error:
        if error.status_code not in (400, 404):
            raise
    raise UnknownModelError(name, suggestions_for(name, served), served)
