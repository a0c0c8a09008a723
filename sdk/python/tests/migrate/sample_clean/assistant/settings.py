"""Everything that differs between here and production."""

import os
from dataclasses import dataclass

MODEL = os.environ.get("ASSISTANT_MODEL", "deepseek-chat")


@dataclass(frozen=True)
class Settings:
    base_url: str
    api_key: str

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(os.environ["HOLYSHEEP_BASE_URL"], os.environ["HOLYSHEEP_API_KEY"])

    def __repr__(self) -> str:
        return f"Settings({self.base_url!r}, key {'set' if self.api_key else 'missing'})"
