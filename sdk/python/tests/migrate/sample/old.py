import openai

openai.api_base = "http://localhost:8000/v1"  # expect: HS021
openai.api_key = "EMPTY"


def ask(messages):
    try:
        return openai.ChatCompletion.create(model="some-model", messages=messages)  # expect: HS021
    except openai.error.RateLimitError:  # expect: HS021
        return None
