"""Model names that are accepted wherever a name is, and answers with the gateway's own fields.

`Model` is a `str`: it travels, compares and prints as the name. The three constants are the names that gateways sell DeepSeek's models by
unless their operator says otherwise; `client.validate_model(…)` asks the gateway itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai.types
import openai.types.chat

__all__ = [
    "ChatCompletion",
    "ChatCompletionChunk",
    "Completion",
    "CreateEmbeddingResponse",
    "DeepSeekCoder",
    "DeepSeekReasoner",
    "DeepSeekV3",
    "Model",
]


class Model(str):
    """The name of a model, with a label for people."""

    label: str

    def __new__(cls, name: str, label: str = "") -> Model:
        model = super().__new__(cls, name)
        model.label = label or name
        return model

    def __repr__(self) -> str:
        return f"Model({str(self)!r})"


DeepSeekV3 = Model("deepseek-chat", "DeepSeek V3")
DeepSeekReasoner = Model("deepseek-reasoner", "DeepSeek R1")
# DeepSeek folded its coder into the chat model in 2024; the name is kept for those who still ask for it.
DeepSeekCoder = Model("deepseek-coder", "DeepSeek Coder")


class ChatCompletion(openai.types.chat.ChatCompletion):
    """An answer, with what Bellwether adds; both are None behind an upstream that is not Bellwether."""

    x_latency_ms: float | None = None
    """From request read to answer complete, as the gateway saw it."""
    x_source: str | None = None
    """The upstream that answered, by its configured name."""

    if TYPE_CHECKING:
        # Set by a HybridClient, in the way of openai's _request_id: no fields, so they are not dumped.
        _side: str | None = None
        _waited_ms: float | None = None

    @property
    def source(self) -> str | None:
        """Who answered: the side of a `HybridClient` ("primary" or "fallback"), else the gateway's `x_source`."""
        return getattr(self, "_side", None) or self.x_source

    @property
    def latency_ms(self) -> float | None:
        """How long it took: what a `HybridClient` measured here, else the gateway's `x_latency_ms`."""
        waited: float | None = getattr(self, "_waited_ms", None)
        return self.x_latency_ms if waited is None else waited


class ChatCompletionChunk(openai.types.chat.ChatCompletionChunk):
    """A piece of a streamed answer; the two fields stand on the chunk with the usage, and are None on the others."""

    x_latency_ms: float | None = None
    x_source: str | None = None


class Completion(openai.types.Completion):
    """A legacy completion, with the gateway's fields."""

    x_latency_ms: float | None = None
    x_source: str | None = None


class CreateEmbeddingResponse(openai.types.CreateEmbeddingResponse):
    """Embeddings, with the gateway's fields."""

    x_latency_ms: float | None = None
    x_source: str | None = None


# What the openai package asks for → what we give: a subclass, so that nobody who knows only the first sees a difference.
OURS: dict[Any, Any] = {
    openai.types.chat.ChatCompletion: ChatCompletion,
    openai.types.chat.ChatCompletionChunk: ChatCompletionChunk,
    openai.types.Completion: Completion,
    openai.types.CreateEmbeddingResponse: CreateEmbeddingResponse,
}
