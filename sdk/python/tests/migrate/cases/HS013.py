#: fixed
from openai import OpenAI
openai_api_key = "EMPTY"
openai_api_base = "http://localhost:8000/v1"
client = OpenAI(
    api_key=openai_api_key,
    base_url=openai_api_base,
)
#: fixed
import os
from openai import AsyncOpenAI
client = AsyncOpenAI(base_url='http://vllm:8000/v1', api_key='dummy')
#: fixed
from openai import OpenAI
client = OpenAI(base_url="http://10.0.0.7:9000/v1", api_key="hs_x")
#: found
from openai import OpenAI
client = OpenAI(base_url=f"http://{host}:8000/v1", api_key=key)
#: found
from openai import OpenAI
fallback = OpenAI(base_url="http://localhost:8000/v1", api_key="EMPTY")
#: found
from openai import OpenAI
os = "linux"
client = OpenAI(base_url="http://localhost:8000/v1", api_key="EMPTY")
#: clean
import os
from openai import OpenAI
client = OpenAI(base_url=os.environ.get("URL", "http://localhost:8000/v1"), api_key=os.environ.get("KEY", "unused"))
#: clean
from openai import OpenAI
client = OpenAI(base_url="https://gateway.example/v1", api_key="hs_0123")
#: clean
from openai import OpenAI
client = OpenAI(api_key="test")
