#: found
from openai import OpenAI
def show(reply): return {"ms": reply.x_latency_ms}
#: found
import openai as oai
client = oai.OpenAI()
source = client.chat.completions.create(model="m", messages=[]).x_source
#: clean
from openai import OpenAI
def show(reply): return reply.x_latency_ms if hasattr(reply, "x_latency_ms") else None
#: clean
from openai import OpenAI
def show(reply):
    try:
        return reply.x_latency_ms
    except AttributeError:
        return None
#: clean
from openai import OpenAI
def show(reply): return getattr(reply, "x_latency_ms", None)
#: clean
from holysheep import HolySheep
def show(reply): return reply.x_latency_ms
#: clean
from openai import OpenAI
reply.x_latency_ms = 5
