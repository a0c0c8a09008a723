"""A stream with asyncio: text as it comes, then what it cost.

python stream.py [MODEL]
"""

import asyncio
import sys

from holysheep import HolySheepClient


async def main() -> None:
    async with HolySheepClient() as client:
        stream = await client.chat.completions.create(
            model=sys.argv[1] if len(sys.argv) > 1 else "demo",
            messages=[{"role": "user", "content": "Tell a short story about a sheep."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices:
                    print(chunk.choices[0].delta.content or "", end="", flush=True)
                if chunk.usage:
                    print(f"\n-- {chunk.x_source}: {chunk.usage.prompt_tokens} tokens in, {chunk.usage.completion_tokens} out", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
