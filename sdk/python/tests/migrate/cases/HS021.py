#: found
import openai as ai
ai.Completion.create(engine="x")
#: found
from openai.error import RateLimitError
#: clean
import openai
openai.api_key = "hs_x"
openai.base_url = "https://gateway.example/v1/"
openai.chat.completions.create(model="m", messages=[])
#: clean
import other
other.ChatCompletion.create()
#: clean
import openai
class ChatCompletion: ...
ChatCompletion()
