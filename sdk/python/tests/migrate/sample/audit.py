"""Adds up what a vLLM served last month, from its log."""
import re

RATE = 0.27  # per million


def analyze_vllm_usage(path):
    both = re.compile(r"Input tokens: (\d+).*Output tokens: (\d+)")  # expect: HS001
    only = r"Prompt tokens:\s*([0-9]+)"  # expect: HS001
    input_tokens = output_tokens = 0
    with open(path) as log:
        for line in log:
            if match := both.search(line):
                input_tokens += int(match.group(1))
                output_tokens += int(match.group(2))
    hosted_cost = input_tokens / 1_000_000 * 0.42  # expect: HS002
    own_cost = (input_tokens / 1e6) * RATE  # expect: HS002
    return {"in": input_tokens, "out": output_tokens, "savings": own_cost - hosted_cost, "regex": only}


def savings(totals):
    return totals["prompt_tokens"] * (0.27 - 0.42) / 1e6  # expect: HS002
