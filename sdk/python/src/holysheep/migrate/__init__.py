"""`holysheep migrate`: finds and fixes in Python code what breaks or bites when it moves to the gateway.

Needs libcst (the extra `migrate`) and nothing else of this package; the code that is looked at is parsed and never imported.
"""

from __future__ import annotations

from .catalogue import PATTERNS as PATTERNS
from .cli import main as main
