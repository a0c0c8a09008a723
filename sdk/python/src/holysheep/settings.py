"""Where a client's settings come from: the argument, else the environment, else a `.env` file that was named.

The variables of the openai package (`OPENAI_API_KEY`, `OPENAI_BASE_URL`, …) are never read: they belong to another service.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from .errors import MissingKeyError, SettingsError

__all__ = ["connections_max", "find_base_url", "find_key"]

# Where `bellwether serve` listens unless told otherwise.
BASE_URL = "http://127.0.0.1:8080/v1"
# As many as the openai package allows a client.
CONNECTIONS_MAX = 1000


def _from_file(env_file: str | os.PathLike[str] | None) -> dict[str, str | None]:
    if env_file is None:
        return {}
    try:
        from dotenv import dotenv_values
    except ModuleNotFoundError:
        raise SettingsError('Reading env_file needs python-dotenv: pip install "bellwether-holysheep[dotenv]".') from None
    if not Path(env_file).is_file():
        raise SettingsError(f"The env_file {os.fspath(env_file)!r} is not there (looked for from {os.getcwd()}).")
    return dict(dotenv_values(env_file))


def find_key(api_key: str | None, env_file: str | os.PathLike[str] | None) -> str:
    """The key from the argument, `HOLYSHEEP_API_KEY`, or the file; `MissingKeyError` says where it could have stood."""
    key = api_key if api_key is not None else os.environ.get("HOLYSHEEP_API_KEY") or _from_file(env_file).get("HOLYSHEEP_API_KEY")
    if key:
        return key
    unused = " (OPENAI_API_KEY is set, but it is another service's key and is never sent to a gateway.)" if os.environ.get("OPENAI_API_KEY") else ""
    raise MissingKeyError(f"No key. Set HOLYSHEEP_API_KEY, pass api_key='hs_…', or name a file with env_file='.env'.{unused}")


def find_base_url(base_url: object | None, env_file: str | os.PathLike[str] | None) -> str:
    """The gateway's address likewise, from `HOLYSHEEP_BASE_URL`; an address without a path gets `/v1`."""
    url = str(base_url or os.environ.get("HOLYSHEEP_BASE_URL") or _from_file(env_file).get("HOLYSHEEP_BASE_URL") or BASE_URL)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError(f"The base_url {url!r} is no address: it should look like http://127.0.0.1:8080/v1.")
    return url if parts.path.strip("/") else url.rstrip("/") + "/v1"


def connections_max() -> int:
    """How many connections one client may hold: half of the file descriptors that this process may open, 1,000 at most.

    The other half is for everything else in the process; a client that takes them all fails with EMFILE in somebody else's code.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows: sockets are not file descriptors there
        return CONNECTIONS_MAX
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else max(8, min(CONNECTIONS_MAX, soft // 2))
