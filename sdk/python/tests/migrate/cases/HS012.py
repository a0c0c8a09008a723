#: fixed
import os
from openai import OpenAI
c = OpenAI(api_key=os.getenv("HOLYSHEEP_API_KEY"), base_url="https://gateway.example/v1")
#: fixed
from os import environ
import openai
c = openai.AsyncOpenAI(api_key=environ.get('MY_KEY'), base_url=environ["URL"])
#: found
import os, openai
key = os.environ.get("HOLYSHEEP_API_KEY")
c = openai.OpenAI(api_key=key, base_url="https://gateway.example/v1")
#: found
import openai
c = openai.OpenAI(base_url="https://gateway.example/v1")
#: found
import os, openai
c = openai.OpenAI(base_url="https://gateway.example/v1", api_key=os.environ.get("OPENAI_API_KEY"))
#: clean
import os, openai
c = openai.OpenAI(api_key=os.environ.get("OPENAI_API_KEY"))
#: clean
import os, openai
c = openai.OpenAI(api_key=os.environ.get("OPENAI_API_KEY"), base_url="https://api.openai.com/v1")
#: clean
import os, openai
c = openai.OpenAI(api_key=os.environ["HOLYSHEEP_API_KEY"], base_url="https://gateway.example/v1")
#: clean
import os, openai
c = openai.OpenAI(api_key=os.environ.get("HOLYSHEEP_API_KEY", "unused"), base_url=os.environ["URL"])
#: clean
import os, sys, openai
key = os.environ.get("HOLYSHEEP_API_KEY")
if not key:
    sys.exit("set HOLYSHEEP_API_KEY")
c = openai.OpenAI(api_key=key, base_url="https://gateway.example/v1")
#: clean
from holysheep import HolySheep
c = HolySheep(base_url="https://gateway.example/v1")
#: clean
import os, openai
c = openai.OpenAI(**settings, base_url="https://gateway.example/v1")
#: clean
import os
from groq import Groq
import openai
c = Groq(api_key=os.environ.get("GROQ_API_KEY"))
