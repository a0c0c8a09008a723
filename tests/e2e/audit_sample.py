"""An audit's JSON (bellwether.audit/1) of made traffic: three weeks of a Korean working day, and names as hostile as logs can hold."""
import datetime
import json
import math

HOSTILE = '<script>alert("x")</script>'


def figure(value, spread=0.0, basis="counted"):
    return {"value": round(value), "low": round(value * (1 - spread)), "high": round(value * (1 + spread)), "basis": basis}


def used(requests, spread=0.0, basis="counted"):
    return {"requests": figure(requests), "input_tokens": figure(requests * 1200, spread, basis), "cached_input_tokens": figure(requests * 400, spread, basis),
            "output_tokens": figure(requests * 350, spread, basis)}


def weight(day, hour):
    """How busy an hour of the week is: a working day in Seoul, quiet nights and weekends."""
    busy = math.exp(-((hour - 15) / 4.5) ** 2) + 0.05
    return busy * (0.25 if day >= 5 else 1.0)


def sample(days=21, requests_a_day=40_000, forecast=True, model="deepseek-ai/DeepSeek-V3"):
    begin = datetime.date(2026, 11, 2)  # A Monday.
    by_day, total = [], 0
    for i in range(days):
        day = begin + datetime.timedelta(days=i)
        requests = requests_a_day * sum(weight(day.weekday(), hour) for hour in range(24)) / 10 * (1 + 0.08 * math.sin(i * 1.7))
        total += requests
        by_day.append({"day": day.isoformat(), "begin": f"{day}T00:00:00+09:00", "end": f"{day + datetime.timedelta(days=1)}T00:00:00+09:00",
                       "covered": 0.62 if i == 9 else 1, **used(requests, 0.02, "integrated")})
    heat = [[{"input_tokens": round(weight(d, h) * 1e6 * 3), "output_tokens": round(weight(d, h) * 3e5 * 3), "requests": 900, "hours": 3} for h in range(24)] for d in range(7)]
    level = lambda p95: {"mean": p95 / 3, "p50": p95 / 4, "p90": p95 * 0.9, "p95": p95, "p99": p95 * 1.3, "peak": {**figure(p95 * 2), "at": f"{begin}T15:04:10+09:00"}, "how": "from the interval lines"}
    month = total / days * 30
    scenarios = [{"scenario": name, "quantity": quantity, "value": round(value * factor), "low": round(value * factor * 0.85), "high": round(value * factor * 1.15)}
                 for name, factor in (("flat", 1.0), ("trend", 1.1))
                 for quantity, value in (("requests", month), ("input_tokens", month * 1200), ("cached_input_tokens", month * 400), ("output_tokens", month * 350))]
    return {
        "schema": "bellwether.audit/1",
        "totals": used(total, 0.02, "integrated"),
        "window": {"begin": f"{begin}T00:00:00+09:00", "end": f"{begin + datetime.timedelta(days=days)}T00:00:00+09:00", "seconds": days * 86400, "zone": "Asia/Seoul", "zone_from": "--tz"},
        "coverage": {"share": 0.981, "missing_seconds": 34000, "idle_seconds": 0, "gaps_count": 1, "gaps": []},
        "by_model": [{"model": model, **used(total * 0.9, 0.02, "integrated")}, {"model": HOSTILE, **used(total * 0.1, 0.02, "integrated")}],
        "by_month": [], "by_day": by_day, "by_hour": [], "heat": heat,
        "concurrency": level(34), "input_tokens_per_second": level(1900), "output_tokens_per_second": level(560),
        "latency": {"first_token": {"samples": 1000, "mean": 300, "basis": "counted", "p50": {"value": 240, "low": 200, "high": 250}, "p95": {"value": 900, "low": 750, "high": 1000},
                                    "p99": {"value": 2100, "low": 2000, "high": 2500}}},
        "lengths": {},
        "sources": [{"name": "logs/vllm.log.1.gz", "format": "vLLM server log", "bytes": 5_000_000, "recognised": {"rate_lines": 180_000, "requests": 0, "samples": 0, "totals": 0, "banners": 1},
                     "repeated": 0, "begin": None, "end": None, "versions": ["0.11.2"], "models": [], "skipped": [], "same_as": None, "trouble": None, "looks_like": None},
                    {"name": f"logs/{HOSTILE}.log", "format": "unknown", "bytes": 10, "recognised": {"rate_lines": 0, "requests": 0, "samples": 0, "totals": 0, "banners": 0}, "repeated": 0,
                     "begin": None, "end": None, "versions": [], "models": [], "skipped": [], "same_as": None, "trouble": "ends in the middle of a gzip member", "looks_like": "text"}],
        "evidence": [{"quantity": "input_tokens", "from": "engine interval lines", "value": round(total * 1200), "used": True, "engines": 2}],
        "disagreements": [], "feature_requests": 1000,
        "features": [{"name": "streaming", "requests": 900, "hosted": "same", "note": ""}, {"name": "guided_decoding", "requests": 12, "hosted": "refused", "note": "JSON mode instead"}],
        "notes": ["2026-11-11 is only partly covered."],
        "forecast": {"given": forecast, "refused": None if forecast else f"the window has {days} days; a month is not forecast from under 7", "weak": False, "days_used": days, "days": 30,
                     "interval_percent": 90, "method": "log-linear over daily totals with weekends apart", "monthly": scenarios if forecast else [], "rough": []},
    }


if __name__ == "__main__":
    print(json.dumps(sample()))
