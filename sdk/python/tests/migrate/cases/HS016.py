#: found
import openai, logging
def f(api_key): logging.info("key %s", api_key[:8])
#: found
import openai, os
print("key: " + os.getenv("HOLYSHEEP_API_KEY"))
#: found
import openai
client = openai.OpenAI()
print(f"{client.api_key!r}")
#: found
import openai
def f(api_key):
    raise ValueError(f"bad key {api_key[:8]}")
#: found
import openai
log.debug("{}".format(API_KEY))
#: clean
import openai
def f(api_key): print("key", "set" if api_key else "missing", len(api_key), bool(api_key), api_key is None)
#: clean
import openai
def f(api_key): print(mask(api_key))
#: clean
import openai
print("set HOLYSHEEP_API_KEY", key_id, api_key_name)
#: clean
import openai
client = openai.OpenAI(api_key=api_key)
print(client)
#: clean
print(api_key)
