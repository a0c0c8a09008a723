"""One side of a hybrid client: where it is, what the models are called there, how patient to be; and which of its failures are its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from ..client import HolySheep, HolySheepClient
from ..errors import SettingsError

__all__ = ["Side", "falls_back"]

Timeout = float | openai.Timeout | httpx2.Timeout
# A bare server asks for no key, and the openai package insists on one.
NO_KEY = "none"


@dataclass(frozen=True, kw_only=True)
class Side:
    """Made by `Side.gateway(…)` or `Side.server(…)`.

    `model` is what to ask for on this side: one name for all, or a mapping from the names that callers use (others stay as they are);
    None leaves them all. `timeout` is for one try, in seconds or by phase (`openai.Timeout`); None leaves the client's.
    """

    client_options: Mapping[str, Any] = field(repr=False)
    model: str | Mapping[str, str] | None = None
    timeout: Timeout | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def gateway(
        cls,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        model: str | Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        body: Mapping[str, Any] | None = None,
        env_file: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Side:
        """A Bellwether gateway; address and key come from `HOLYSHEEP_BASE_URL` and `HOLYSHEEP_API_KEY` where they are not given.

        `body` holds members to add to each request for this side; `options` go to the client.
        """
        made = {"base_url": base_url, "api_key": api_key, "env_file": env_file, **options}
        return cls(client_options=made, model=model, timeout=timeout, body=body or {})

    @classmethod
    def server(
        cls,
        base_url: str,
        api_key: str | None = None,
        *,
        model: str | Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Side:
        """Anything else that speaks OpenAI's API, such as a bare vLLM. It is sent the key that is given here, and never the gateway's."""
        if not base_url:
            raise SettingsError("Side.server needs a base_url, such as http://gpu-1:8000/v1.")
        made = {"base_url": base_url, "api_key": api_key or NO_KEY, "key_check": "off", **options}
        return cls(client_options=made, model=model, timeout=timeout, body=body or {})

    def client(self) -> HolySheep:
        """A synchronous client for this side. It does not repeat: the other side is the second try, and a timeout is to mean what it says."""
        return HolySheep(**{"max_retries": 0, **self._options()})

    def async_client(self) -> HolySheepClient:
        """The asynchronous twin."""
        return HolySheepClient(**{"max_retries": 0, **self._options()})

    def _options(self) -> dict[str, Any]:
        return dict(self.client_options) if self.timeout is None else {**self.client_options, "timeout": self.timeout}

    def parameters(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the caller asked, as this side wants it."""
        sent = dict(asked)
        if isinstance(self.model, str):
            sent["model"] = self.model
        elif self.model is not None:
            sent["model"] = self.model.get(str(asked.get("model")), asked.get("model"))
        if self.body:
            sent["extra_body"] = {**self.body, **(asked.get("extra_body") or {})}
        return sent


def falls_back(error: BaseException) -> bool:
    """Whether another side may do better: no connection, no answer in time, 429 or 5xx. A request that was refused is refused everywhere."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code >= 500
    if isinstance(error, openai.APIConnectionError):
        return True
    # An error in the band of a stream, before anything was said: it has a code where it has one, and no status.
    if type(error) is openai.APIError:
        code = str(error.code or "")
        if code.isdigit():
            return code == "429" or code >= "500"
        return error.type != "invalid_request_error"
    return False
