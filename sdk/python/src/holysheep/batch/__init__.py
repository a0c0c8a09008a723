"""Many calls at once, within bounds: `client.batch.chat.completions`."""

from .progress import Progress
from .results import BatchResults

__all__ = ["BatchResults", "Progress"]
