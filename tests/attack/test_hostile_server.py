"""Servers that send too much, too slowly, in circles, or somewhere else: bounded, told in one line."""

from __future__ import annotations

import gzip
import threading
import time

import pytest
from support.server import item, ok, optimade, page


def numbered(make):
    """Answers with a page that names the next one, without end."""
    count = iter(range(10**9))
    return lambda path: make(f"/v1/structures?p={next(count)}")


@pytest.mark.parametrize(
    ("answer", "limits", "words"),
    [
        (lambda: numbered(lambda url: page(following=url)), {}, "an empty page with a next one"),
        (lambda: numbered(lambda url: page(item("a"), following=url)), {"pages": 5}, "more than 5 pages"),
        (lambda: (200, {}, b" " * 3000), {"answer_bytes": 1000}, "more than 0.001 MB"),
        (lambda: (200, {}, gzip.compress(b" " * 10**7)), {"answer_bytes": 10**5}, "when unpacked"),
        (lambda: (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 10**7)), {"answer_bytes": 10**5}, "unpacked"),
        (lambda: numbered(lambda url: page(item("a"), following=url)), {"total_bytes": 4000}, "an answer of more than"),
        (lambda: (200, {}, b"[" * 100_000), {}, "deeply"),
        (lambda: (302, {"Location": "http://localhost:9/x"}, b""), {}, "redirected to another host (localhost:9)"),
        (lambda: (302, {"Location": "/v1/structures"}, b""), {}, "redirected too often"),
        (lambda: (400, {}, b'{"errors": "\\u001b[31mred\\u0007"}'), {}, "[31mred"),
        (lambda: ok({"data": [item("a", species_at_sites=["Si"] * 27_000)], "links": {}}), {}, "more than 5000"),
    ],
)
def test_whatever_a_server_sends_is_bounded(serve, answer, limits, words):
    got = optimade(serve(answer()), limits=limits)
    (told,) = [*got.failures, *got.left_out]
    assert words in told
    assert told.isprintable()


def test_redirections_on_the_same_host_are_followed(serve):
    server = serve((302, {"Location": "/v1/other"}, b""), page(item("a")))
    assert [e.structure_id for e in optimade(server).entries] == ["127.0.0.1-a"]
    assert server.asked[1] == "/v1/other"


def test_a_dripping_server_is_left(serve):
    """One byte at a time keeps every single wait short; the whole is limited."""
    release = threading.Event()

    server = serve(page())
    handler = server.server.RequestHandlerClass

    def drip(self):
        self.send_response(200)
        self.end_headers()
        while not release.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()

    handler.do_GET = drip
    started = time.monotonic()
    got = optimade(server, limits={"total_s": 0.5})
    release.set()
    assert "not done within 0.5 s" in got.failures[0]
    assert time.monotonic() - started < 5


def test_waits_that_a_server_asks_for_are_short(serve):
    server = serve((503, {"Retry-After": "1e308"}, b""), page(item("a")))
    got = optimade(server, retries=1, limits={"total_s": 0.5})
    assert "not done within 0.5 s" in got.failures[0]


def test_pages_in_a_circle_end(serve):
    server = serve(page(item("a"), following="/v1/structures?p=2"), page(item("b"), following="/v1/structures?p=2"))
    assert "circles" in optimade(server).failures[0]


def test_a_silent_server_times_out(serve):
    release = threading.Event()

    def late(path):
        release.wait(20)
        return page()

    server = serve(late)
    got = optimade(server, timeout_s=0.3)
    release.set()
    assert "no answer within 0.3 s" in got.failures[0]


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/b", "..", "a\x00b", "", 7, None, "x" * 300, "-rf"])
def test_ids_that_are_no_file_names(serve, tmp_path, cli, name):
    got = optimade(serve(page(item(name), item("good"))), tmp_path)
    assert [e.structure_id for e in got.entries] == ["127.0.0.1-good"]
    assert "not a usable id" in got.failures[0]
