#: found
# openai
def bill(usage): return usage.prompt_tokens / 1000 * 0.01
#: found
# deepseek
report = {"monthly_cost": total_input_tokens * PRICE_PER_M / 1e6}
#: found
# llm
total_cost += row["input_tokens"] * 0.27e-6
#: clean
# llm
total_cost += row["input_tokens"] * 0.27e-6 + row["output_tokens"] * 1.1e-6
#: clean
# llm: both are priced, in two lines
cost = input_tokens * 0.27
cost += output_tokens * 1.10
#: clean
# llm: no money
fits = input_tokens * 4 < 4096
#: clean
# llm
input_cost = input_tokens * price
#: clean
# llm
fee = input_tokens * info["input_cost_per_token"]
