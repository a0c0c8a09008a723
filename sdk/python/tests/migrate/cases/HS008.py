#: fixed
import httpx, openai
c = openai.AsyncOpenAI(http_client=httpx.AsyncClient(timeout=30.0, proxy="http://p:1"))
#: fixed
import httpx as h
import openai
http = h.Client(timeout=h.Timeout(10, read=60))
c = openai.OpenAI(http_client=http, api_key="hs_x")
#: fixed
from httpx import Client
from openai import OpenAI
c = OpenAI(http_client=Client(verify=False))
#: found
import httpx
from openai import OpenAI
c = OpenAI(http_client=httpx.Client(transport=httpx.HTTPTransport(retries=1)))
#: found
import httpx
from openai import OpenAI
session = httpx.HTTPClient()
#: clean
import httpx
from openai import OpenAI
page = httpx.Client().get("http://x")
#: clean
from openai import OpenAI, DefaultHttpxClient
c = OpenAI(http_client=DefaultHttpxClient(verify=False))
#: clean
import httpx2
from openai import OpenAI
c = OpenAI(http_client=httpx2.Client())
