"""Upstreams that no simulator plays: what travels to them and back, odd framings, TLS names and sessions, names that move."""
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import openai
import pytest

from conftest import PATIENCE, Gateway, Simulator, base, make_authority

MESSAGES = [{"role": "user", "content": "hello"}]
ANSWER = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]})


def reply(body=ANSWER, status="200 OK", more="", length=True):
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{f'content-length: {len(body)}' if length else 'connection: close'}\r\n{more}\r\n{body}".encode()


class Upstream:
    """Answers every request with the same bytes (in several pieces, each sent by itself; None: silence until the other side ends) and closes. With a TLS context it notes each handshake: (name asked for, session reused)."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls, self.asked, self.handshakes, self.name = answer, tls, [], [], None
        if tls:
            tls.sni_callback = lambda _socket, name, _context: setattr(self, "name", name)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            try:
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                    self.handshakes.append((self.name, connection.session_reused))
                self.answer_one(connection)
            except OSError:
                pass
            connection.close()

    def answer_one(self, connection):
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536) or b"\r\n\r\n"
        head, _, body = received.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.asked.append(head.decode().split("\r\n"))
        for piece in self.answer if isinstance(self.answer, list) else [self.answer]:
            if piece is None:
                connection.recv(1)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(piece)
            if isinstance(self.answer, list):
                time.sleep(0.05)
        if self.tls:
            connection.unwrap()

    def close(self):
        self.listener.close()


@pytest.fixture
def upstream():
    made = []

    def make(answer, tls=None):
        made.append(Upstream(answer, tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


def before(folder, url, env=None, more=""):
    return Gateway(folder, base(folder, top="lanes = 1\n") + f'[upstream.u]\nbase_url = "{url}"\n{more}[model.m]\nroute = ["u"]\n', env=env)


def test_what_travels_to_an_upstream_and_back(tmp_path, upstream):
    one = upstream(reply(more="set-cookie: a=b\r\nset-cookie: c=d\r\nserver: uvicorn\r\nvia: 1.1 inner\r\nx-internal-host: gpu-7\r\nopenai-organization: org\r\n"
                              "x-request-id: theirs\r\nstrict-transport-security: max-age=1\r\nalt-svc: h3\r\n"))
    gateway = before(tmp_path, f"http://127.0.0.1:{one.port}/v1", {"UPSTREAM_KEY": "up-secret-1"}, 'api_key = { env = "UPSTREAM_KEY" }\n')
    status, headers, _ = gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES},
                                      {"cookie": "s=1", "x-forwarded-for": "10.1.1.1", "openai-organization": "mine", "x-stainless-lang": "python", "tracestate": "a=1"})
    assert status == 200
    assert {name.lower() for name in headers} == {"date", "content-type", "content-length", "x-request-id", "x-bellwether-upstream", "x-bellwether-attempts", "connection"}
    assert headers["x-request-id"].startswith("req_")
    sent = dict(line.split(": ", 1) for line in one.asked[0][1:])
    assert set(sent) == {"host", "authorization", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "x-request-id", "tracestate"}
    assert sent["authorization"] == "Bearer up-secret-1" and gateway.key not in str(one.asked)
    assert sent["x-request-id"].startswith(headers["x-request-id"]) and sent["accept-encoding"] == "identity"
    gateway.stop()
    told = gateway.said() + (tmp_path / "gateway.out").read_text()
    assert "up-secret-1" not in told and gateway.key not in told


CHUNKED = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{len(ANSWER):x};x=y\r\n{ANSWER}\r\n0\r\nx-trailer: z\r\n\r\n".encode()


@pytest.mark.parametrize("answer", [reply(), reply(length=False), reply(length=False).replace(b"HTTP/1.1", b"HTTP/1.0"), CHUNKED,
                                    b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + reply(), reply("\n\n  " + ANSWER),
                                    [b"HTTP/1.1 100 Co", b"ntinue\r\n\r\n", reply()], [b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 10", b"2 Processing\r\n\r\n" + reply()[:9], reply()[9:]]],
                         ids=["length", "until close", "HTTP 1.0", "chunked with trailer", "after a 103", "white space before the body", "a 100 in pieces", "a 103 and a 102 in pieces"])
def test_replies_in_every_framing(tmp_path, upstream, answer):
    gateway = before(tmp_path, f"http://127.0.0.1:{upstream(answer).port}/v1")
    with gateway.client() as client:
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "ok"
    gateway.stop()


BROKEN = {
    "both lengths": reply(more="transfer-encoding: chunked\r\n"), "two lengths": reply(more="content-length: 3\r\n"), "obs-fold": reply(more="x: a\r\n b\r\n"),
    "bare LF": reply().replace(b"\r\n", b"\n"), "a head without end": reply(more="x: " + "y" * 200_000 + "\r\n"), "no HTTP": b"\0\1\2hello\r\n\r\n", "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "redirect": reply("", "301 Moved", "location: http://elsewhere/\r\n"), "no JSON": reply("hello"), "JSON that is no object": reply("[1,2]"), "deep JSON": reply("[" * 100_000),
    "not UTF-8": reply(ANSWER.replace("ok", "ok--")).replace(b"--", b"\xff\xfe"), "half a character": reply(ANSWER.replace("ok", "ok--")).replace(b"--", b"\xec\x96"),
    "deep JSON in an object": reply('{"choices":' + "[" * 100_000 + "]" * 100_000 + "}"), "cut": reply()[:-9],
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    ones = {name: Upstream(answer) for name, answer in {**BROKEN, "good": reply()}.items()}
    gateway = Gateway(folder, base(folder) + "".join(
        f'[upstream.u{i}]\nbase_url = "http://127.0.0.1:{one.port}/v1"\n[model."{name}"]\nroute = [{{ upstream = "u{i}", model = "m" }}]\n' for i, (name, one) in enumerate(ones.items())))
    yield gateway
    gateway.stop()
    for one in ones.values():
        one.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_replies_are_a_502(broken, name, stream):
    with broken.client() as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model=name, messages=MESSAGES, stream=stream)
        assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")
        assert client.chat.completions.create(model="good", messages=MESSAGES).choices[0].message.content == "ok"


def events(*chunks, more=""):
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks)
    return f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body.encode())}\r\n{more}\r\n{body}".encode()


def chunk(delta, finish=None, **more):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}, ensure_ascii=False)


def test_events_of_several_lines_and_a_type_in_capitals(tmp_path, upstream):
    """An event that was printed prettily reaches the caller as one line: SDKs read each line by itself."""
    pretty = [json.dumps(json.loads(each), indent=1).replace("\n", "\ndata: ") for each in (chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"))]
    one = upstream(events(*pretty, "[DONE]").replace(b"text/event-stream", b"Text/Event-Stream; Charset=UTF-8"))
    gateway = before(tmp_path, f"http://127.0.0.1:{one.port}/v1")
    with gateway.client() as client:
        assert "".join(event.choices[0].delta.content or "" for event in client.chat.completions.create(model="m", messages=MESSAGES, stream=True)) == "ab"
    gateway.stop()


def test_a_stream_is_over_when_all_of_its_choices_are(tmp_path, upstream):
    def of(index, delta, finish=None):
        return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]})

    whole = events(of(0, {"content": "a"}), of(0, {}, "stop"), of(1, {"content": "b"}), of(1, {}, "stop"), "[DONE]")
    cut = events(of(0, {"content": "a"}), of(0, {}, "stop"), of(1, {"content": "b"}), more="x: y\r\n").replace(b"content-length", b"x-length").replace(b"x: y", b"connection: close")
    for answer, complete in ((whole, True), (cut, False)):
        folder = tmp_path / str(complete)
        folder.mkdir()
        gateway = before(folder, f"http://127.0.0.1:{upstream(answer).port}/v1")
        with gateway.client() as client:
            stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True, n=2)
            if complete:
                assert len(list(stream)) == 4
            else:
                with pytest.raises(openai.APIError):
                    list(stream)
        gateway.stop()


@pytest.mark.parametrize("stalled", [b"HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"],
                         ids=["a refusal", "a reply that is no stream"])
def test_a_head_is_no_sign_of_life_where_its_body_does_not_come(tmp_path, upstream, stalled):
    one, other = upstream([stalled, None]), upstream(events(chunk({"content": "a"}), chunk({}, "stop"), "[DONE]"))
    gateway = Gateway(tmp_path, base(tmp_path, top="lanes = 1\n") + f"""
[upstream.one]
base_url = "http://127.0.0.1:{one.port}/v1"
timeout = {{ first_token = "1s", idle = "60s" }}
retries = 0
[upstream.other]
base_url = "http://127.0.0.1:{other.port}/v1"
[model.m]
route = ["one", "other"]
""")
    with gateway.client(timeout=20) as client:
        assert len(list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))) == 2
    assert len(one.asked) == 1
    gateway.stop()


def test_what_nobody_counted_is_estimated(tmp_path, upstream):
    gateway = before(tmp_path, f"http://127.0.0.1:{upstream(reply()).port}/v1")
    assert gateway.post("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x" * 400}]})[0] == 200
    line = gateway.log_line(lambda line: line["endpoint"] == "/v1/chat/completions")
    assert line["usage_basis"] == "estimated" and 100 <= line["input_tokens"] <= 130 and line["output_tokens"] == 1
    gateway.stop()


def test_what_a_caller_wrote_reaches_no_log_and_decides_nothing(tmp_path, upstream):
    """vLLM shows what it could not read."""
    error = {"object": "error", "type": "BadRequestError", "code": 400,
             "message": "[{'type': 'missing', 'loc': ('body', 'messages', 0, 'role'), 'msg': 'Field required', 'input': {'content': 'the model was not found SECRET'}}]"}
    gateway = before(tmp_path, f"http://127.0.0.1:{upstream(reply(json.dumps({'error': error}), '400 Bad Request')).port}/v1", more='dialect = "vllm"\n')
    status, _, body = gateway.post("/v1/chat/completions", {"model": "m", "messages": [{"content": "the model was not found SECRET"}]})
    assert status == 400 and "SECRET" in body
    assert gateway.log_line(lambda line: line["status"] == 400)["failure"] == "upstream_refused"
    gateway.stop()
    assert "SECRET" not in gateway.said() + (tmp_path / "gateway.out").read_text()


def test_a_stream_that_stops_being_text_ends_in_an_error_that_sdks_raise(tmp_path, upstream):
    one = upstream(events(chunk({"content": "안녕"}), chunk({"content": "--"}), chunk({}, "stop"), "[DONE]").replace(b"--", b"\xff\xfe"))
    gateway = before(tmp_path, f"http://127.0.0.1:{one.port}/v1")
    with gateway.client() as client:
        stream, texts = client.chat.completions.create(model="m", messages=MESSAGES, stream=True), []
        with pytest.raises(openai.APIError):
            for event in stream:
                texts.append(event.choices[0].delta.content)
    assert texts == ["안녕"]
    gateway.stop()


def test_the_signature_of_a_gateway_before_ours_is_not_doubled(tmp_path, upstream):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    signed = {"x_latency_ms": 1.5, "x_source": "inner"}
    one = upstream(events(chunk({"content": "a"}, "stop"), chunk(None, usage=usage, **signed), "[DONE]"))
    gateway = before(tmp_path, f"http://127.0.0.1:{one.port}/v1")
    _, _, told = gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}})
    assert (told.count('"x_source"'), told.count('"x_latency_ms"'), told.count('"x_source":"u"')) == (1, 1, 1), told
    one.answer = reply(json.dumps({**signed, **json.loads(ANSWER), "usage": usage}))
    status, _, told = gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES})
    assert (status, told.count('"x_source"'), told.count('"x_latency_ms"'), told.count('"x_source":"u"')) == (200, 1, 1, 1), told
    assert json.loads(told)["choices"][0]["message"]["content"] == "ok"
    gateway.stop()


@pytest.mark.parametrize("stream", [False, True])
def test_what_an_upstream_says_of_our_key_and_its_address_reaches_no_caller(tmp_path, upstream, stream):
    key = "upkey-0123456789-abcdef-zyxw"
    one = upstream(b"")
    message = f"Key {key} (ending in {key[-12:]}) was refused by http://127.0.0.1:{one.port}/v1 at 10.0.0.5:8000; see https://example.com/errors."
    error = json.dumps({"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}})
    one.answer = events(chunk({"content": "a"}), error) if stream else reply(error, "400 Bad Request")
    gateway = before(tmp_path, f"http://127.0.0.1:{one.port}/v1", {"UPSTREAM_KEY": key}, 'api_key = { env = "UPSTREAM_KEY" }\n')
    with gateway.client() as client, pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="m", messages=MESSAGES, stream=stream))
    assert "Key … (ending in …) was refused by [address] at [address]; see https://example.com/errors." in caught.value.message
    gateway.stop()
    assert key[-12:] not in gateway.said() + (tmp_path / "gateway.out").read_text()


# ---- TLS ----

def tls_context(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_tls_says_the_name_and_takes_up_its_session_again(tmp_path, upstream, version):
    authority = make_authority(tmp_path)
    context = tls_context(authority, "good")
    context.minimum_version = context.maximum_version = version
    one = upstream(reply(more="connection: close\r\n"), context)
    gateway = before(tmp_path, f"https://localhost:{one.port}/v1", {"SSL_CERT_FILE": str(authority / "ca.pem")})
    with gateway.client() as client:
        for _ in range(3):
            assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "ok"
    gateway.stop()
    assert one.handshakes == [("localhost", False), ("localhost", True), ("localhost", True)]


# ---- Names ----

IN_A_NAMESPACE = """
set -e
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
shift
exec "$@"
"""


def with_names_of_its_own(folder, hosts, monkeypatch):
    """Every process from here on sees these files as /etc/hosts and so on; nobody else does. Needs root."""
    (folder / "hosts").write_text(hosts)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:30 attempts:1\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    wrapper = folder / "bellwether-with-names"
    import conftest
    wrapper.write_text(f'#!/bin/bash\nexec unshare -m bash -c \'{IN_A_NAMESPACE}\' _ {folder} {pathlib.Path(conftest.BINARY).resolve()} "$@"\n')
    wrapper.chmod(0o755)
    if os.geteuid() != 0 or subprocess.run([wrapper, "version"], capture_output=True).returncode != 0:
        pytest.skip("needs root and mount namespaces")
    monkeypatch.setattr(conftest, "BINARY", str(wrapper))


def test_a_name_that_moves_is_followed(tmp_path, upstream, monkeypatch):
    sim = Simulator(tmp_path, "--model", "m")
    with_names_of_its_own(tmp_path, "127.0.0.1 localhost\n127.0.0.9 model.test\n", monkeypatch)
    gateway = before(tmp_path, f"http://model.test:{sim.port}/v1")
    with gateway.client() as client:
        with pytest.raises(openai.InternalServerError) as caught:  # nobody is there
            client.chat.completions.create(model="m", messages=MESSAGES)
        assert caught.value.code == "upstream_unavailable"
        (tmp_path / "hosts").write_text("127.0.0.1 localhost\n127.0.0.1 model.test\n")
        assert client.chat.completions.create(model="m", messages=MESSAGES).x_source == "u"
    gateway.stop()
    sim.stop()


def test_a_name_server_that_is_silent_holds_nobody_else_up(tmp_path, monkeypatch):
    """One lane, one request that waits for a name for as long as we like, and others that are served meanwhile."""
    sim = Simulator(tmp_path, "--model", "m")
    try:
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.53", 53))
    except OSError:
        sim.stop()
        pytest.skip("port 53 is not ours to take")
    with silent:
        silent.settimeout(PATIENCE)
        with_names_of_its_own(tmp_path, "127.0.0.1 localhost\n", monkeypatch)
        gateway = Gateway(tmp_path, base(tmp_path, top="lanes = 1\n") + f'[upstream.slow]\nbase_url = "http://slow.test/v1"\ntimeout = {{ connect = "3s" }}\n'
                          f'[upstream.sim]\nbase_url = "{sim.url}/v1"\n[model.slow]\nroute = [{{ upstream = "slow", model = "m" }}]\n[model.m]\nroute = ["sim"]\n')
        ended = []

        def wait_for_a_name():
            with gateway.client() as client, pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(model="slow", messages=MESSAGES)
            ended.append(caught.value.code)

        waiting = threading.Thread(target=wait_for_a_name)
        waiting.start()
        assert b"slow" in silent.recv(512)  # the question is out, and stays without an answer
        with gateway.client() as client:
            for _ in range(20):
                assert client.chat.completions.create(model="m", messages=MESSAGES).x_source == "sim"
        assert ended == []
        waiting.join(PATIENCE)
        assert ended == ["upstream_timeout"]
        gateway.stop()
    sim.stop()
