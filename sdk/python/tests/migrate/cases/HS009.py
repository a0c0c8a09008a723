#: fixed
import httpx as hx
import openai as oai
c = oai.OpenAI(timeout=hx.Timeout(5), max_retries=0)
#: fixed
import json, httpx
from openai import OpenAI
c = OpenAI(timeout=httpx.Timeout(5), max_retries=0)
#: fixed
from httpx import Timeout
from openai import OpenAI
c = OpenAI(timeout=Timeout(5), max_retries=0)
#: fixed
import httpx
import openai
#: found
import openai; import httpx
#: clean
import httpx, openai
print(httpx.get("http://x"), httpx.Timeout(3))
#: clean
import openai
try:
    import httpx
except ImportError:
    httpx = None
#: clean
import httpx
#: fixed
from httpx import Client
from openai import OpenAI
#: clean
import httpx
import openai
def f(client: "httpx.Client"): ...
#: found
import httpx
import openai
def f(value): return isinstance(value, httpx.Timeout)
