#: found
from openai import AsyncOpenAI, Timeout
c = AsyncOpenAI(timeout=Timeout(60.0, connect=5.0))
#: found
from holysheep import HolySheep
c = HolySheep(timeout=30)
#: clean
from openai import OpenAI
c = OpenAI(timeout=30, max_retries=2)
#: clean
from openai import OpenAI
c = OpenAI(timeout=None)
#: clean
from openai import OpenAI
c = OpenAI(timeout=30, **more)
