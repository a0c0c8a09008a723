"""One question, one answer, and who answered it. Needs HOLYSHEEP_API_KEY; HOLYSHEEP_BASE_URL if the gateway is not on this machine.

python chat.py [MODEL]
"""

import sys

import openai

from holysheep import HolySheep, StreamCutError, UnknownModelError


def main() -> int:
    with HolySheep() as client:
        try:
            model = client.validate_model(sys.argv[1] if len(sys.argv) > 1 else "demo")
            answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Count three sheep."}])
        except UnknownModelError as error:
            print(error, file=sys.stderr)
            return 1
        except openai.APIStatusError as error:
            print(f"{error.status_code} {error.code}: {error.message} (request {error.request_id})", file=sys.stderr)
            return 1
        print(answer.choices[0].message.content)
        if answer.usage:
            print(f"-- {answer.x_source}, {answer.x_latency_ms:.1f} ms, {answer.usage.total_tokens} tokens", file=sys.stderr)

        # The same, as it comes. A stream that is cut raises; it never just ends.
        try:
            for chunk in client.chat.completions.create(model=model, messages=[{"role": "user", "content": "And three more."}], stream=True):
                print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)
            print()
        except StreamCutError as error:
            print(f"\n-- {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
