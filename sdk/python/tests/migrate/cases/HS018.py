#: found
from openai import OpenAI
MODEL = "deepseek-ai/DeepSeek-V3"
OpenAI().chat.completions.create(model=MODEL, messages=[], temperature=t)
#: clean
from openai import OpenAI
OpenAI().chat.completions.create(model="deepseek-chat", messages=[], temperature=0.0)
#: clean
from openai import OpenAI
OpenAI().chat.completions.create(model="gpt-5", messages=[], temperature=0.3)
