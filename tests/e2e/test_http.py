"""The wire itself: what no SDK would send, and what all of them rely on."""
import contextlib
import itertools
import json
import select
import socket
import time

import openai
import pytest

from conftest import RAISES, Gateway, Simulator, base, get, wait_until

BODY = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "x"}]})


def request(world, body=BODY, path="/v1/chat/completions", more=""):
    return (f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ncontent-type: application/json\r\n{more}"
            f"content-length: {len(body)}\r\n\r\n{body}").encode()


def read_reply(connection, head_only=False):
    """One reply with a length: status, head, body."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError(f"cut: {received!r}")
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    head = head.decode()
    fields = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head.split("\r\n")[1:] if ": " in line}
    length = 0 if head_only else int(fields.get("content-length", 0))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError("the body was cut")
        body += piece
    return int(head.split(" ")[1]), fields, body[:length].decode(), body[length:]


def still_serves(world):
    assert world.post("/v1/chat/completions", BODY)[0] == 200


GOOD = "host: x\r\nauthorization: Bearer KEY\r\n"
MALFORMED = {
    "both lengths": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "list of lengths": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length: 5, 5\r\n\r\nhello",
    "signed length": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length: +5\r\n\r\nhello",
    "hex length": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length: 0x5\r\n\r\nhello",
    "huge length": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length: 99999999999999999999999\r\n\r\nhello",
    "other coding": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding twice": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "odd coding": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "obs-fold": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}x: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "bare LF": "GET /healthz HTTP/1.1\nhost: x\n\n",
    "bare LF in a head": "GET /healthz HTTP/1.1\r\nhost: x\nx: y\r\n\r\n",
    "bare CR": "GET /healthz HTTP/1.1\r\nhost: x\rx: y\r\n\r\n",
    "NUL in a value": "GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n",
    "space before colon": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}content-length : 5\r\n\r\nhello",
    "space before the first field": "GET /healthz HTTP/1.1\r\n host: x\r\n\r\n",
    "no colon": "GET /healthz HTTP/1.1\r\nhost\r\n\r\n",
    "empty name": "GET /healthz HTTP/1.1\r\n: x\r\n\r\n",
    "bad version": "GET /healthz HTTP/3.7\r\nhost: x\r\n\r\n",
    "no version": "GET /healthz\r\n\r\n",
    "nonsense": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "x" * 50 + "\r\n\r\n",
    "HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "chunked in HTTP/1.0": f"POST /v1/chat/completions HTTP/1.0\r\n{GOOD}transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in the path": "GET /heal\0thz HTTP/1.1\r\nhost: x\r\n\r\n",
    "CONNECT": "CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "two hosts": "GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    "two keys": f"POST /v1/chat/completions HTTP/1.1\r\n{GOOD}Authorization: Bearer other\r\ncontent-length: 0\r\n\r\n",
    "no host": "GET /healthz HTTP/1.1\r\n\r\n",
}
BAD_CHUNKS = {
    "no hex": "zz\r\nhello\r\n0\r\n\r\n", "negative": "-5\r\nhello\r\n0\r\n\r\n", "prefix": "0x5\r\nhello\r\n0\r\n\r\n", "space": "5 \r\nhello\r\n0\r\n\r\n",
    "bare LF": "5\nhello\r\n0\r\n\r\n", "too long for 64 bits": "11111111111111111\r\nhello\r\n0\r\n\r\n", "no CRLF behind": "5\r\nhelloX\r\n0\r\n\r\n",
    "endless extension": "5;" + "x" * 100_000 + "\r\nhello\r\n0\r\n\r\n", "huge": "fffffffffffffff\r\nhello",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_heads_are_refused(world, name):
    with world.connect() as connection:
        connection.sendall(MALFORMED[name].replace("KEY", world.key).encode("latin-1"))
        status, fields, body, _ = read_reply(connection)
        assert 400 <= status < 500 and fields["connection"] == "close", body
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
        assert connection.recv(1) == b""
    still_serves(world)


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_malformed_chunks_are_refused(world, name):
    with world.connect() as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall((head + BAD_CHUNKS[name]).encode())
        if name == "huge":  # a size that could still come true, beyond the bound
            connection.sendall(b"x" * 1000)
            connection.shutdown(socket.SHUT_WR)
            return
        status, _, body, _ = read_reply(connection)
        assert status == 400 and json.loads(body)["error"]["code"] == "invalid_request"
    still_serves(world)


def test_oversized_heads(world):
    for head in ["GET /healthz HTTP/1.1\r\nhost: x\r\n" + "x-filler: " + "y" * 70_000 + "\r\n\r\n", "GET /" + "a" * 70_000 + " HTTP/1.1\r\nhost: x\r\n\r\n",
                 "GET /healthz HTTP/1.1\r\nhost: x\r\n" + "".join(f"x-{i}: y\r\n" for i in range(500)) + "\r\n"]:
        with world.connect() as connection:
            connection.sendall(head.encode())
            status, _, body, _ = read_reply(connection)
            assert status in (413, 431) and json.loads(body)["error"]["code"] == "request_too_large"
    still_serves(world)


def test_oversized_bodies(world):
    with world.connect() as connection:  # by its length, before a byte of it is read
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ncontent-length: 40000000\r\n\r\n".encode())
        status, _, body, _ = read_reply(connection)
        assert status == 413 and json.loads(body)["error"]["code"] == "request_too_large"
    with world.connect() as connection:  # as it comes
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(40):
                connection.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        except OSError:
            pass  # refused while we were sending
        status, _, body, _ = read_reply(connection)
        assert status == 413
    still_serves(world)


def test_a_large_body_that_fits(world):
    big = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "가" * 3_000_000}]}, ensure_ascii=False)
    assert world.post("/v1/chat/completions", big.encode())[0] == 200


def test_no_key_no_body(world):
    """Without a key nobody makes us read a large body."""
    with world.connect() as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n\r\n")
        assert read_reply(connection)[0] == 401


def read_all(connection):
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def test_keep_alive(world):
    with world.connect() as connection:
        for _ in range(3):
            connection.sendall(request(world))
            assert read_reply(connection)[0] == 200


def test_pipelining(world):
    """Requests that are sent without waiting are answered one after the other, streams among them."""
    stream = json.dumps({"model": "chat", "messages": [1], "stream": True})
    last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with world.connect() as connection:
        connection.sendall(request(world) * 20 + request(world, stream) + request(world) + last)
        received = read_all(connection)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 23 and received.count(b"data: [DONE]\n\n\r\n0\r\n\r\n") == 1
    assert received.endswith(b'{"status":"ok"}')
    refused = request(world, path="/v1/nothing")
    with world.connect() as connection:  # a refused request that is here in full is passed over
        connection.sendall(request(world) + refused + b"GET /v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n" + last)
        received = read_all(connection)
    assert [int(piece[:3]) for piece in received.split(b"HTTP/1.1 ")[1:]] == [200, 404, 404, 200]
    with world.connect() as connection:  # where it ends is not guessed at otherwise
        connection.sendall(request(world) + refused.replace(b"content-length: ", b"content-length: 99") + last)
        received = read_all(connection)
    assert [int(piece[:3]) for piece in received.split(b"HTTP/1.1 ")[1:]] == [200, 404]


@pytest.mark.parametrize("coding, expected", [("gzip", 415), ("identity, br", 415), ("Identity", 200), ("", 200)])
def test_content_encoding(world, coding, expected):
    with world.connect() as connection:
        connection.sendall(request(world, more=f"content-encoding: {coding}\r\n"))
        status, fields, body, _ = read_reply(connection)
        assert status == expected
        if expected == 415:
            error = json.loads(body)["error"]
            assert (error["type"], error["code"], fields["accept-encoding"]) == ("invalid_request_error", "unsupported_content_encoding", "identity")
        connection.sendall(request(world))
        assert read_reply(connection)[0] == 200


def test_a_refused_request_without_a_body_keeps_its_connection(world):
    with world.connect() as connection:
        for method, path, expected in [("GET", "/v1/nothing", 404), ("DELETE", "/v1/models", 405), ("GET", "/v1/models", 401), ("HEAD", "/v1/nothing", 404)]:
            connection.sendall(f"{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            status, fields, _, rest = read_reply(connection, head_only=method == "HEAD")
            assert (status, fields.get("connection"), rest) == (expected, None, b""), (method, path)
        connection.sendall(request(world, path="/v1/nothing"))
        assert read_reply(connection)[0] == 404
        connection.sendall(request(world))
        assert read_reply(connection)[0] == 200


def test_http_1_0(world):
    with world.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        status, fields, _, _ = read_reply(connection)
        assert status == 200 and fields["connection"] == "close"
        assert connection.recv(1) == b""


def test_head(world):
    with world.connect() as connection:
        connection.sendall(b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        status, fields, _, rest = read_reply(connection, head_only=True)
        assert status == 200 and int(fields["content-length"]) > 0
        assert rest == b"" or rest.startswith(b"HTTP/1.1 200")
    for path, expected in [("/v1/models", 200), ("/v1/nothing", 404), ("/v1/chat/completions", 405)]:  # the head of GET, and never a body
        with world.connect() as connection:
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\nconnection: close\r\n\r\n".encode())
            status, fields, _, rest = read_reply(connection, head_only=True)
            assert (status, rest, connection.recv(1)) == (expected, b"", b"") and int(fields["content-length"]) > 0


def test_expect_100_continue(world):
    with world.connect() as connection:
        whole = request(world, more="expect: 100-continue\r\n")
        head, _, body = whole.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_reply(connection)[0] == 200
    with world.connect() as connection:
        connection.sendall(request(world, more="expect: something\r\n"))
        assert read_reply(connection)[0] == 417
    with world.connect() as connection:  # refused before it is asked for
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
        assert read_reply(connection)[0] == 401


def test_chunked_requests(world):
    with world.connect() as connection:
        chunks = "".join(f"{len(part):x};ext=1\r\n{part}\r\n" for part in (BODY[:7], BODY[7:30], BODY[30:]))
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.key}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n".encode())
        assert read_reply(connection)[0] == 200
        connection.sendall(request(world))
        assert read_reply(connection)[0] == 200


def test_a_request_byte_by_byte(world):
    with world.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(world):
            connection.sendall(bytes([byte]))
        assert read_reply(connection)[0] == 200


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A gateway with little patience and small bounds."""
    folder = tmp_path_factory.mktemp("hasty")
    sim = Simulator(folder, "--model", "m")
    gateway = Gateway(folder, base(folder) + f'[limits]\nhead_timeout = "400ms"\nbody_timeout = "400ms"\nidle_timeout = "600ms"\nrequest_bytes = "2KiB"\nreply_bytes = "64KiB"\n'
                      f'connections = 20\nwrite_timeout = "500ms"\n[upstream.sim]\ndialect = "vllm"\nbase_url = "{sim.url}/v1"\n[model.chat]\nroute = [{{ upstream = "sim", model = "m" }}]\n'
                      '[model.big]\nroute = [{ upstream = "sim", model = "fault-big-event" }]\n')
    yield gateway
    gateway.stop()
    sim.stop()


def drip(connection, pieces, pause):
    """Sends the pieces one after the other until an answer comes; how many it sent."""
    sent = 0
    for piece in pieces:
        if select.select([connection], [], [], pause)[0]:
            break
        connection.sendall(piece)
        sent += 1
    return sent


def test_slow_heads_and_bodies(hasty):
    with hasty.connect() as connection:
        connection.sendall(b"GET /heal")
        status, _, body, _ = read_reply(connection)
        assert status == 408 and json.loads(body)["error"]["code"] == "request_timeout"
    with hasty.connect() as connection:
        connection.sendall(request(hasty)[:-5])
        assert read_reply(connection)[0] == 408
    for framing in ["content-length: 1000\r\n", "transfer-encoding: chunked\r\n"]:  # always something, and never all of it
        with hasty.connect() as connection:
            connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {hasty.key}\r\n{framing}\r\n".encode())
            began = time.monotonic()
            assert drip(connection, itertools.repeat(b" " if "length" in framing else b"1\r\n \r\n", 200), 0.05) < 100
            assert read_reply(connection)[0] == 408 and time.monotonic() - began < 5
    with hasty.connect() as connection:  # a head that comes all the time does not get more time than one that stopped
        assert drip(connection, itertools.repeat(b"\r\n", 200), 0.05) < 100
        assert read_reply(connection)[0] == 408
    with hasty.connect() as connection:  # nothing at all: closed without a word
        assert connection.recv(1) == b""
    with hasty.connect() as connection:  # idle between two requests
        connection.sendall(request(hasty))
        assert read_reply(connection)[0] == 200
        assert connection.recv(1) == b""


def test_a_slow_honest_body_is_waited_for(hasty):
    """Several times body_timeout in all, at twice the least rate."""
    body = BODY[:-2] + " " * 1900 + BODY[-2:]
    whole = request(hasty, body)
    head, rest = whole[:-len(body)], whole[-len(body):]
    with hasty.connect() as connection:
        connection.sendall(head)
        began = time.monotonic()
        drip(connection, [rest[at:at + 100] for at in range(0, len(rest), 100)], 0.05)
        assert time.monotonic() - began > 0.9
        assert read_reply(connection)[0] == 200


def test_configured_bounds(hasty):
    status, _, _ = hasty.post("/v1/chat/completions", json.dumps({"model": "chat", "messages": ["x" * 3000]}))
    assert status == 413
    status, _, body = hasty.post("/v1/chat/completions", {"model": "big", "messages": [1]})
    assert status == 502 and json.loads(body)["error"]["code"] == "upstream_error"


def test_what_the_sdk_raises_at_our_own_bounds(hasty):
    with hasty.client() as client, pytest.raises(RAISES[413]) as caught:
        client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "x" * 3000}])
    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")
    wait_until(lambda: hasty.metric("bellwether_connections_open") == 0)
    with contextlib.ExitStack() as all_places:
        for _ in range(20):
            connection = all_places.enter_context(hasty.connect())
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert read_reply(connection)[0] == 200
        with hasty.client() as client, pytest.raises(RAISES[503]) as caught:
            client.models.list()
    assert (caught.value.code, caught.value.response.headers["retry-after"]) == ("overloaded", "1")


def test_too_many_connections(hasty):
    connections = [hasty.connect() for _ in range(20)]
    try:
        for connection in connections:  # all of them are in use, not only in the kernel's queue
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert read_reply(connection)[0] == 200
        with hasty.connect() as connection:
            status, fields, body, _ = read_reply(connection)
            assert (status, fields["retry-after"], json.loads(body)["error"]["code"]) == (503, "1", "overloaded")
            id = fields["x-request-id"]
        line = hasty.log_line(lambda line: line.get("request_id") == id)
        assert (line["status"], line["failure"]) == (503, "overloaded")
        assert hasty.metric("bellwether_connections_refused_total") >= 1
    finally:
        for connection in connections:
            connection.close()


def test_a_caller_that_does_not_read_is_let_go(tmp_path):
    """write_timeout: a reply larger than the kernel's buffers to somebody who takes nothing of it."""
    sim = Simulator(tmp_path, "--model", "m")
    gateway = Gateway(tmp_path, base(tmp_path) + f'[limits]\nwrite_timeout = "500ms"\n[upstream.sim]\ndialect = "vllm"\nbase_url = "{sim.url}/v1"\n'
                                                 '[model.big]\nroute = [{ upstream = "sim", model = "fault-big-event" }]\n')
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", gateway.port))
        body = json.dumps({"model": "big", "messages": [1], "stream": True})
        for _ in range(8):
            connection.sendall(request(gateway, body))
        gateway.log_line(lambda line: line.get("caller_gone"))
    wait_until(lambda: gateway.metric("bellwether_inflight_requests") == 0)
    assert get(gateway.url + "/healthz")[0] == 200
    gateway.stop()
    sim.stop()


def test_an_event_of_a_stream_is_bounded_as_a_reply_is(hasty):
    with hasty.client() as client, pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="big", messages=[{"role": "user", "content": "a"}], stream=True))
    assert hasty.log_line(lambda line: line.get("detail") == "an event of the stream is too large")
