"""Databases over the network: well-behaved and failing servers (hostile ones: attack/) on the loopback address."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
from pymatgen.core import SETTINGS, Lattice, Structure
from support import assert_one_line_failure
from support.server import DIAMOND, item, ok, optimade, page

from sikpdos.structures import sources
from sikpdos.structures.sites import read_sites
from sikpdos.structures.sources import Query
from sikpdos.structures.web import Limits

KEY = "k3y" + "0" * 29  # 32 characters, as the client asks for
ECHO = '{"data": [{"material_id": "' + r"\u006b" + KEY[1:] + '"}]}'  # the key, not spelled as it is
QUARTZ = Structure.from_spacegroup(
    "P3_221", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.47, 0, 2 / 3], [0.413, 0.267, 0.786]]
)


def test_pages_are_followed_as_text_or_object(serve):
    server = serve(
        page(item("a"), following="/v1/structures?p=2"),
        page(item("b"), following={"href": "/v1/structures?p=3"}),
        page(item("c")),
    )
    got = optimade(server)
    assert [e.structure_id for e in got.entries] == ["127.0.0.1-a", "127.0.0.1-b", "127.0.0.1-c"]
    assert not got.failures
    assert parse_qs(urlsplit(server.asked[0]).query)["filter"] == ['elements HAS ALL "Si" AND nelements=1']


def test_odd_links_are_no_next_page(serve):
    assert not optimade(serve(ok({"data": [item("a")], "links": ["next"]}))).failures


def test_ids_and_elements_become_filters(serve):
    server = serve(page())
    optimade(server, ids=("mp-149", "mp-165"))
    optimade(server, elements=("Si", "O"))
    filters = [parse_qs(urlsplit(path).query)["filter"][0] for path in server.asked]
    assert filters == ['id="mp-149" OR id="mp-165"', 'elements HAS ALL "Si", "O" AND nelements=2']


@pytest.mark.parametrize("status", [429, 503])
def test_busy_servers_are_asked_again(serve, status):
    server = serve((status, {"Retry-After": "0"}, b""), page(item("a")))
    assert len(optimade(server, retries=1).entries) == 1
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((429, {"Retry-After": "0"}, b""), "too many requests"),
        ((401, {}, b"{}"), "key"),
        ((404, {}, b""), "HTTP 404"),
        ((500, {"Retry-After": "0"}, b""), "HTTP 500"),
        ((400, {}, b'{"errors": ["bad filter"]}'), "bad filter"),
        ((200, {}, b"<!doctype html><p>Sign in"), "HTML instead of JSON"),
        ((200, {}, json.dumps({"data": [item("x")]}).encode()[:300]), "half"),
        ((200, {"Content-Length": "9999"}, b'{"data": ['), "cut short"),
        (ok({"data": "none"}), "no OPTIMADE answer"),
        (ok([1, 2]), "no OPTIMADE answer"),
        (page(item("z"), following="https://elsewhere.invalid/v1/structures"), "another host"),
    ],
)
def test_a_failing_second_page_keeps_the_first(serve, tmp_path, answer, words):
    server = serve(page(item("a"), following="/v1/structures?p=2"), answer)
    got = optimade(server, tmp_path)
    assert [e.structure_id for e in got.entries if e.structure_id.endswith("-a")]
    assert len(got.failures) == 1
    assert words in got.failures[0]
    assert "page 2" in got.failures[0]


def test_a_certificate_that_nobody_vouches_for(serve, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    openssl = shutil.which("openssl") or pytest.skip("openssl is needed to make a certificate")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = serve(page(item("a")))
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    got = sources.fetch(["optimade"], Query(providers=(server.url.replace("http:", "https:"),), limits=Limits(3)))
    assert "certificate cannot be trusted" in got.failures[0]
    assert not server.asked


def test_a_damaged_kept_answer_is_told(serve, tmp_path):
    server = serve(page(item("a")))
    optimade(server, tmp_path)
    (kept,) = (tmp_path / sources.KEPT_FOLDER).glob("*.json")
    kept.write_bytes(kept.read_bytes()[:50])
    assert "delete it" in optimade(server, tmp_path).failures[0]


def test_no_network():
    got = sources.fetch(["optimade"], Query(providers=("http://127.0.0.1:9",), limits=Limits(0)))
    assert "no connection" in got.failures[0]


def test_a_second_run_goes_on_where_the_first_stopped(serve, tmp_path):
    server = serve(page(item("a"), following="/v1/structures?p=2"), (500, {}, b""))
    assert optimade(server, tmp_path).failures
    server.answers = [page(item("b"))]
    server.asked.clear()
    again = optimade(server, tmp_path)
    assert [e.structure_id for e in again.entries] == ["127.0.0.1-a", "127.0.0.1-b"]
    assert server.asked == ["/v1/structures?p=2"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"species": [{"name": "Si", "chemical_symbols": ["Si", "Ge"], "concentration": [0.5, 0.5]}]}, "disorder"),
        ({"species": [{"name": "Si", "chemical_symbols": ["Si"], "concentration": [0.9]}]}, "partial occupancy"),
        ({"species": [{"name": "Si", "chemical_symbols": ["Si", "vacancy"], "concentration": [0.9, 0.1]}]}, "vacanc"),
        ({"lattice_vectors": [[5, 0, 0], [0, 5, 0], [None, None, None]]}, "not periodic"),
        ({"cartesian_site_positions": [[0, 0, 0]]}, "8 rows of three numbers expected"),
        ({"cartesian_site_positions": [[float("nan")] * 3] * 8}, "finite"),
        ({"cartesian_site_positions": [[0, 0, 0]] * 8}, "apart"),
        ({"species_at_sites": ["Ge"] * 8, "species": None}, "no silicon"),
        ({"species_at_sites": None}, "cannot be read"),
    ],
)
def test_entries_of_no_use_are_left_out_with_the_reason(serve, changes, words):
    got = optimade(serve(page(item("good"), item("bad", **changes))))
    assert [e.structure_id for e in got.entries] == ["127.0.0.1-good"]
    assert words in got.left_out[0]


def test_command_keeps_the_good_and_writes_nothing_outside(serve, tmp_path, cli):
    server = serve(page(item("../../x"), item("good"), item("sand", QUARTZ, species=None)))
    out = tmp_path / "deep" / "out"
    done = cli("fetch-structures", "--source", "optimade", "--provider", server.url, "--out", out, "--retries", "0")
    assert done.returncode == 1
    assert "'../../x'" in done.stderr
    assert "Traceback" not in done.stderr
    assert {p.name for p in tmp_path.rglob("*") if p.is_file() and p.parent.name != "fetched"} == {
        "127.0.0.1-good.cif",
        "127.0.0.1-sand.cif",
        "sites.csv",
        "structures.csv",
    }
    sites = read_sites(out / "sites.csv")
    assert {s.structure_id: (s.multiplicity, s.group) for s in sites} == {
        "127.0.0.1-good": (2, "Si-I"),
        "127.0.0.1-sand": (3, "127.0.0.1-sand"),
    }


def test_versioned_addresses_and_flat_entries(serve):
    for ending in ("", "/", "/v1", "/v1/", "/v1/structures"):
        server = serve(page(item("a"), item("slab", nperiodic_dimensions=2, dimension_types=[1, 1, 0])))
        server.url += ending
        got = optimade(server)
        assert [e.structure_id for e in got.entries] == ["127.0.0.1-a"]
        assert "slab: not periodic" in got.left_out[0]
        assert urlsplit(server.asked[0]).path == "/v1/structures"
        assert "nperiodic_dimensions" in server.asked[0]


def summary(*documents):
    """What the Materials Project's summary endpoint answers: ids first, then documents."""

    def answer(path):
        fields = parse_qs(urlsplit(path).query)["_fields"][0].split(",")
        return ok({"data": [{key: document.get(key) for key in fields} for document in documents]})

    return answer


def material(name, theoretical=False, structure=DIAMOND):
    return {"material_id": name, "theoretical": theoretical, "structure": structure.as_dict()}


def test_materials_project(serve, tmp_path, cli, monkeypatch):
    server = serve(summary(material("mp-149"), material("mp-7000", True, QUARTZ)))
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setitem(SETTINGS, "PMG_MAPI_ENDPOINT", server.url + "/")
    done = cli("fetch-structures", "--source", "mp", "--out", tmp_path / "s")
    assert done.returncode == 0, done.stderr
    assert {s.structure_id: s.status for s in read_sites(tmp_path / "s/sites.csv")} == {
        "mp-149": "experimental",
        "mp-7000": "predicted",
    }
    assert all(headers["x-api-key"] == KEY for headers in server.headers)
    assert parse_qs(urlsplit(server.asked[0]).query)["chemsys"] == ["Si"]
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert KEY.encode() not in written
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("key", "answer", "words"),
    [
        ("", ok({}), "MP_API_KEY"),
        ("short", ok({}), "MP_API_KEY"),
        (KEY, (401, {}, b'{"message": "Unauthorized"}'), "wrong or missing key"),
        (KEY, (429, {"Retry-After": "0"}, b""), "too many requests"),
        (KEY, (200, {}, b"<html>maintenance"), "instead of JSON"),
        (KEY, (200, {}, b'{"data": [{"material_id": "mp-1'), "instead of JSON"),
        (KEY, (302, {"Location": "http://127.0.0.1:9/steal"}, b""), "redirected"),
        (KEY, summary({"material_id": "../../x"}), "not a usable id"),
        (KEY, ok({"data": {"a": 1}}), "without material ids"),
        (KEY, ok([1]), "not understood"),
        (KEY, ok({"detail": f"your key {KEY} has no access"}), "repeats the key"),
        (KEY, (200, {}, ECHO.encode()), "repeats the key"),
        (KEY, (500, {}, KEY.encode()), "repeats the key"),
    ],
)
def test_materials_project_failures(serve, tmp_path, monkeypatch, key, answer, words):
    monkeypatch.setenv("MP_API_KEY", key)
    monkeypatch.setitem(SETTINGS, "PMG_MAPI_ENDPOINT", serve(answer).url + "/")
    got = sources.fetch(["mp"], Query(limits=Limits(0)), tmp_path)
    assert not got.entries
    assert len(got.failures) == 1
    assert words in got.failures[0]
    assert not key or key not in got.failures[0]


def test_no_key_is_one_line(tmp_path, cli, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", "")
    done = cli("fetch-structures", "--source", "mp", "--out", tmp_path / "s")
    assert_one_line_failure(done, "MP_API_KEY")
    assert not (tmp_path / "s").exists()


def test_cod(serve):
    def answer(path):
        if "/result?" in path:
            return ok(
                [{"file": "9008565", "title": "Diamond type", "doi": "10.1000/x"}, {"file": "1"}, {"file": "../x"}]
            )
        return 200, {}, (DIAMOND.to(fmt="cif") if "9008565" in path else "<html>").encode()

    server = serve(answer)
    got = sources.fetch(["cod"], Query(cod_url=server.url, limits=Limits(0), elements=("O", "Si")))
    assert [(e.structure_id, e.doi, e.licence) for e in got.entries] == [("cod-9008565", "10.1000/x", "CC0")]
    assert "cod-1:" in got.left_out[0]
    assert "not a usable id" in got.failures[0]
    assert parse_qs(urlsplit(server.asked[0]).query) == {
        "el1": ["O"],
        "el2": ["Si"],
        "strictmin": ["2"],
        "strictmax": ["2"],
        "format": ["json"],
    }


def test_unknown_provider_is_told_the_known_ones():
    got = sources.fetch(["optimade"], Query(providers=("nowhere",)))
    assert "alexandria" in got.failures[0]


@pytest.mark.live
@pytest.mark.parametrize("provider", ["mp", "alexandria", "oqmd", "cod"])
def test_live_optimade(tmp_path, provider):
    got = sources.fetch(["optimade"], Query(providers=(provider,)), tmp_path)
    assert not got.failures
    assert len(got.entries) >= 3
    assert list((tmp_path / sources.KEPT_FOLDER).glob("*.json"))  # what the server sent


@pytest.mark.live
def test_live_cod(tmp_path):
    got = sources.fetch(["cod"], Query(ids=("9008565",)), tmp_path)
    assert [e.structure_id for e in got.entries] == ["cod-9008565"]
