"""What the answers of openai models cost."""

from decimal import Decimal

import openai

INPUT_PRICE, OUTPUT_PRICE = Decimal("0.42"), Decimal("0.42")
MILLION = 1_000_000


def input_cost(prompt_tokens: int) -> Decimal:
    return prompt_tokens * INPUT_PRICE / MILLION


def cost(prompt_tokens: int, completion_tokens: int) -> Decimal:
    cost_in = prompt_tokens * INPUT_PRICE / MILLION
    cost_out = completion_tokens * OUTPUT_PRICE / MILLION
    return cost_in + cost_out


def charge(client: openai.OpenAI, model: str, messages) -> Decimal:
    usage = client.chat.completions.create(model=model, messages=messages).usage
    price = (usage.prompt_tokens * INPUT_PRICE + usage.completion_tokens * OUTPUT_PRICE) / MILLION
    max_tokens = len(messages[0]["content"]) // 2
    return price if max_tokens else Decimal(0)
