"""The two-line change, before and after."""
from openai import OpenAI

before = OpenAI(base_url='http://localhost:8000/v1', api_key='unused')  # expect: HS013
reply = before.chat.completions.create(
    model='deepseek-ai/DeepSeek-V3',  # expect: HS014
    messages=[{'role': 'user', 'content': 'Hello'}],
    temperature=0.3,  # expect: HS018
)
print(reply.choices[0].message.content)

after = OpenAI(base_url='https://gateway.example/v1', api_key=os.environ.get('HOLYSHEEP_API_KEY'))  # expect: HS006 HS012
reply = after.chat.completions.create(model='deepseek-chat', messages=[{'role': 'user', 'content': 'Hello'}])
print(f'{reply.x_latency_ms:.1f} ms from {reply.x_source}')  # expect: HS003 HS003
