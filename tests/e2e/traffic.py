"""Callers that count: a steady rate of requests over kept-alive connections, and streams that never pause. Raw sockets, because an
SDK is too slow for a thousand requests a second, and because each one lost must be seen: nothing here is tried again."""
import json
import selectors
import socket
import threading
import time


class Lost(Exception):
    pass


def request_of(key, body):
    text = json.dumps(body)
    return (f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(text)}\r\n\r\n{text}").encode()


class Caller(threading.Thread):
    """One connection, kept alive for as long as the server allows, one request every `pause` seconds."""

    def __init__(self, address, request, pause, expected):
        super().__init__(daemon=True)
        self.address, self.request, self.pause, self.expected = address, request, pause, expected
        self.asked = self.answered = self.connections = 0
        self.lost = []
        self.over = threading.Event()
        self.connection = None

    def run(self):
        due = time.monotonic()
        while not self.over.wait(max(0, due - time.monotonic())):
            due += self.pause
            try:
                self.asked += 1
                self.ask()
                self.answered += 1
            except (OSError, Lost) as trouble:
                self.lost.append(f"{time.strftime('%X')} {type(trouble).__name__}: {trouble}")
                self.hang_up()
        self.hang_up()

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self):
        if self.connection and ended(self.connection):
            self.hang_up()  # closed while nothing was under way: every client sees that and opens another
        if not self.connection:
            self.connection = socket.create_connection(self.address, timeout=30)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
        self.connection.sendall(self.request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.more(data)
        head = data[:end].decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        while len(data) < end + 4 + length:
            data += self.more(data)
        if not head.startswith("http/1.1 200 "):
            raise Lost(data[:300])
        said = json.loads(data[end + 4:])["choices"][0]["message"]["content"]
        if said != self.expected:
            raise Lost(f"another answer: {said!r}")
        if "connection: close" in head:
            self.hang_up()

    def more(self, before):
        got = self.connection.recv(65536)
        if not got:
            raise Lost(f"closed after {len(before)} bytes of the answer")
        return got


def ended(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(30)


class Streams(threading.Thread):
    """`count` streams at once, each followed by the next on a new connection; every one must say exactly what is expected."""

    def __init__(self, address, request, count, expected):
        super().__init__(daemon=True)
        self.address, self.request, self.count, self.expected = address, request, count, expected
        self.begun = self.complete = 0
        self.lost = []
        self.over = threading.Event()
        self.selector = selectors.DefaultSelector()

    def run(self):
        for i in range(self.count):
            self.begin()
            if i % 10 == 9:
                self.look(0.02)
        while self.selector.get_map():
            self.look(0.2)

    def look(self, patience):
        for key, _ in self.selector.select(patience):
            self.read(key)

    def begin(self):
        self.begun += 1
        try:
            connection = socket.create_connection(self.address, timeout=30)
            connection.sendall(self.request)
        except OSError as trouble:
            self.lost.append(f"{time.strftime('%X')} cannot begin: {trouble}")
            return
        self.selector.register(connection, selectors.EVENT_READ, bytearray())

    def read(self, key):
        try:
            got = key.fileobj.recv(65536)
        except OSError as trouble:
            got = b""
            key.data.extend(f" {trouble}".encode())
        key.data.extend(got)
        if got and not key.data.endswith(b"\r\n0\r\n\r\n"):
            return
        self.selector.unregister(key.fileobj)
        key.fileobj.close()
        said = text_of_stream(bytes(key.data))
        if said == self.expected:
            self.complete += 1
        else:
            self.lost.append(f"{time.strftime('%X')} stream: {bytes(key.data)[:120]!r} … {bytes(key.data)[-300:]!r}")
        if not self.over.is_set():
            self.begin()


def text_of_stream(data):
    """The text, if the stream was complete: a chunked body to its end, a finish_reason, [DONE]."""
    head, _, body = data.partition(b"\r\n\r\n")
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return None
        if len(body) < length + 2:
            return None
        content, body = content + body[:length], body[length + 2:]
    events = [line[6:] for line in content.decode().splitlines() if line.startswith("data: ")]
    if not head.startswith(b"HTTP/1.1 200") or not events or events[-1] != "[DONE]":
        return None
    chunks = [json.loads(event) for event in events[:-1]]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    if not any(choice.get("finish_reason") for choice in choices) or len({chunk["id"] for chunk in chunks}) != 1:
        return None
    return "".join(choice["delta"].get("content") or "" for choice in choices)


class Traffic:
    """Both kinds at once, from `with` to its end; then `lost` tells every one that was not answered in full."""

    def __init__(self, address, key, rate, streams, expected, expected_stream, model="m", slow_model="slow"):
        messages = [{"role": "user", "content": "hello"}]
        whole = request_of(key, {"model": model, "messages": messages})
        connections = max(4, min(32, rate // 25))
        self.callers = [Caller(address, whole, connections / rate, expected) for _ in range(connections)]
        # A few that pause, as an SDK's pool does: a drain must not close under their next request.
        self.callers += [Caller(address, whole, pause, expected) for pause in (0.3, 0.9, 2.1)]
        self.streams = Streams(address, request_of(key, {"model": slow_model, "messages": messages, "stream": True}), streams, expected_stream)

    def __enter__(self):
        self.began = time.monotonic()
        for thread in [*self.callers, self.streams]:
            thread.start()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        for thread in [*self.callers, self.streams]:
            thread.over.set()
        for thread in [*self.callers, self.streams]:
            thread.join(60)

    @property
    def lost(self):
        return [trouble for thread in [*self.callers, self.streams] for trouble in thread.lost]

    def report(self):
        asked, answered = sum(c.asked for c in self.callers), sum(c.answered for c in self.callers)
        return (f"{asked} requests, {answered} answered ({answered / self.seconds:.0f}/s on {sum(c.connections for c in self.callers)} connections); "
                f"{self.streams.begun} streams, {self.streams.complete} complete; {len(self.lost)} lost; {self.seconds:.1f} s")
