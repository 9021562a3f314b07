"""A database server on the loopback address that answers what a test wants."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pymatgen.core import Lattice, Structure

from sikpdos.structures import sources
from sikpdos.structures.sources import Query
from sikpdos.structures.web import Limits

DIAMOND = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])


class Answers:
    """A server that gives prepared answers in turn: (status, headers, body); the last one again and again."""

    def __init__(self, *answers):
        self.answers, self.asked, self.headers = list(answers), [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.headers.append(dict(self.headers))
                answer = outer.answers[0] if len(outer.answers) == 1 else outer.answers.pop(0)
                status, headers, body = answer(self.path) if callable(answer) else answer
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def handle(self):
                with contextlib.suppress(ConnectionError):  # a client that waits no longer
                    super().handle()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def ok(data, headers=()) -> tuple[int, dict, bytes]:
    return 200, {"Content-Type": "application/json", **dict(headers)}, json.dumps(data).encode()


def item(name, structure=DIAMOND, **changes) -> dict:
    """An OPTIMADE entry."""
    attributes = {
        "lattice_vectors": structure.lattice.matrix.tolist(),
        "cartesian_site_positions": structure.cart_coords.tolist(),
        "species": [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in structure.symbol_set],
        "species_at_sites": [site.specie.symbol for site in structure],
    }
    return {"id": name, "type": "structures", "attributes": attributes | changes}


def page(*items, following=None) -> tuple[int, dict, bytes]:
    return ok({"data": list(items), "links": {"next": following}, "meta": {}})


def optimade(server, folder=None, **query):
    limits = Limits(query.pop("retries", 0), query.pop("timeout_s", 30.0), **query.pop("limits", {}))
    return sources.fetch(["optimade"], Query(providers=(server.url,), limits=limits, **query), folder)
