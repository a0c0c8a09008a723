"""The gateway first, and a bare vLLM when it cannot answer: each side with its own name for the model and its own patience.

python hybrid.py [MODEL [FALLBACK_URL [FALLBACK_MODEL]]]
"""

import sys

from holysheep import BothSidesFailedError, HybridClient, Side, Timeout


def main() -> int:
    model, fallback_url, fallback_model = [*sys.argv[1:], *["demo", "http://127.0.0.1:8000/v1", "deepseek-ai/DeepSeek-V3"][len(sys.argv) - 1 :]]
    primary = Side.gateway(timeout=Timeout(30.0, connect=2.0))
    fallback = Side.server(fallback_url, model=fallback_model, timeout=Timeout(120.0, connect=2.0))
    with HybridClient(primary, fallback) as client:
        try:
            answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Who is there?"}])
        except BothSidesFailedError as error:
            print(error, file=sys.stderr)
            return 5
        print(answer.choices[0].message.content)
        print(f"-- {answer.source} in {answer.latency_ms:.0f} ms", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
