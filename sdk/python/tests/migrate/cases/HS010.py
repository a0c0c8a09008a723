#: fixed
import openai as ai
try:
    pass
except ai.Timeout:
    pass
#: fixed
from openai import OpenAI
try:
    OpenAI().models.list()
except Timeout as error:
    print(error)
#: fixed
from openai import OpenAI as Client, Timeout as T
try:
    pass
except (KeyError, T):
    pass
#: fixed
import httpx
from openai import OpenAI
try:
    httpx.get("x")
except httpx.Timeout:
    pass
#: fixed
from openai import *
try:
    OpenAI().models.list()
except Timeout:
    pass
#: fixed
from holysheep import HolySheep
try:
    HolySheep().chat.completions.create(model="m", messages=[])
except Timeout:
    pass
#: found
import httpx
from openai import OpenAI
try:
    OpenAI().chat.completions.create(model="m", messages=[])
except httpx.TimeoutException:
    pass
#: found
from requests.exceptions import Timeout
from openai import OpenAI
try:
    OpenAI().chat.completions.create(model="m", messages=[])
except Timeout:
    pass
#: clean
import openai
try:
    pass
except openai.APITimeoutError:
    pass
#: clean
import openai
class Timeout(Exception): pass
try:
    pass
except Timeout:
    pass
#: clean
from requests import Timeout, get
import openai
try:
    get("x")
except Timeout:
    pass
#: clean
import asyncio, openai
try:
    pass
except asyncio.TimeoutError:
    pass
