#: found
from openai import OpenAI
OpenAI().chat.completions.create(model="deepseek_v3", messages=[])
#: found
from openai import OpenAI
def ask(c, model_name="/models/DeepSeek-V3"): return c.chat.completions.create(model=model_name, messages=[])
#: found
from openai import AsyncOpenAI
async def ask(c): return await c.chat.completions.create(messages=[], model=("Qwen/Qwen3-8B"))
#: clean
from openai import OpenAI
MODEL = "deepseek-ai/DeepSeek-V3"
OpenAI().chat.completions.create(model=MODEL, messages=[])
#: clean
from openai import OpenAI
OpenAI().chat.completions.create(model="deepseek-chat", messages=[])
#: clean
from openai import OpenAI
load(model="deepseek-ai/DeepSeek-V3")
