from openai import OpenAI

client = OpenAI()


def tell(messages, model):
    stream = client.chat.completions.create(model=model, messages=messages, stream=True)  # expect: HS020
    text = ""
    for chunk in stream:
        piece = chunk.choices[0].delta.content
        if piece:
            print(piece, end="", flush=True)
            text += piece
    total_tokens = len(text.split()) * 1.3  # expect: HS015
    return text, total_tokens
