"""The rules, one function for each row of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..findings import Finding
from . import answers, asynchronous, fallback, http, models, retries, settings, usage
from .look import Look as Look

Rule = Callable[[Look], Iterator[Finding]]

RULES: dict[str, Rule] = {
    "HS001": usage.vllm_log_regex,
    "HS002": usage.input_only_cost,
    "HS003": answers.extra_field_unguarded,
    "HS004": fallback.one_way_fallback,
    "HS005": fallback.failover_on_anything,
    "HS006": settings.os_not_imported,
    "HS007": retries.retries_multiplied,
    "HS008": http.httpx_client,
    "HS009": http.httpx_for_timeouts,
    "HS010": http.except_timeout,
    "HS011": asynchronous.await_outside_function,
    "HS012": settings.key_falls_back,
    "HS013": settings.local_vllm_client,
    "HS014": models.hard_coded_model,
    "HS015": usage.usage_ignored,
    "HS016": settings.key_shown,
    "HS017": asynchronous.unbounded_concurrency,
    "HS018": models.temperature_differs,
    "HS019": retries.timeout_multiplied,
    "HS020": answers.stream_end_unchecked,
    "HS021": settings.openai_before_1,
}
