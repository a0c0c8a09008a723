"""Many questions within bounds, with a bar; Ctrl-C and the same command go on where it stopped.

python batch.py [MODEL [FILE]]
"""

import asyncio
import sys

from holysheep import BatchError, HolySheepClient
from holysheep.types import Model

QUESTIONS = [f"What comes after {number} sheep?" for number in range(20)]


async def main() -> int:
    model = Model(sys.argv[1] if len(sys.argv) > 1 else "demo")
    async with HolySheepClient() as client:
        # Nothing is sent here: each create() is a call that waits.
        tasks = [client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}]) for question in QUESTIONS]
        try:
            results = await client.batch.chat.completions.create(
                tasks,
                requests_per_minute=1200,
                concurrency=8,
                progress=True,
                resume=sys.argv[2] if len(sys.argv) > 2 else None,
            )
        except BatchError as error:
            print(error, file=sys.stderr)
            return 6
        for question, result in zip(QUESTIONS, results, strict=True):
            print(question, "→", result.choices[0].message.content)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
