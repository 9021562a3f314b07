"""Asking databases politely, and no more than so much of them: time, bytes, redirections and retries are limited.

Answers are kept on disk so that a run can resume.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.common.version import __version__
from sikpdos.structures.bounded import MOST_BYTES, gunzip, most_bytes
from sikpdos.structures.formats import documents

RETRY_STATUS = {429, 500, 502, 503, 504}
LONGEST_WAIT_S = 60.0
MOST_REDIRECTIONS = 5
_CHUNK = 1 << 16
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What a server may cost."""

    retries: int = 4  # further attempts at a request
    timeout_s: float = 30.0  # of silence
    total_s: float = 3600.0  # of all requests of a session
    answer_bytes: int = field(default_factory=most_bytes)  # of one answer, unpacked
    total_bytes: int = 20 * MOST_BYTES  # of all answers of a session
    pages: int = 1000  # of a list


class PatientSession(requests.Session):
    """A session that tries again after lost connections, time-outs, rate limits and server errors.

    Waits 1, 2, 4... seconds, or what Retry-After asks for, at most a minute. Redirections are followed on the
    same host only. Raises SikpdosError when it gives up, beyond the limits, for any other status but 200 and 400,
    and for an answer that repeats the `secret`. Certificates are checked, as requests does by default.
    """

    def __init__(self, limits: Limits = Limits()):
        super().__init__()
        self.limits = limits
        self.secret = ""
        self.headers.update({"User-Agent": f"sikpdos/{__version__}", "Accept-Encoding": "gzip"})
        self._ends = time.monotonic() + limits.total_s
        self._bytes_left = limits.total_bytes

    def request(self, method: str, url: str, **options) -> requests.Response:
        host = host_of(url)
        for attempt in range(self.limits.retries + 1):
            wait_s = 2.0**attempt
            try:
                response = self._followed(method, url, options)
            except requests.exceptions.SSLError as error:
                raise SikpdosError(f"{host}: its certificate cannot be trusted") from error
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                cause = _cause(error, self.limits.timeout_s)
            except (requests.RequestException, ValueError) as error:
                raise SikpdosError(f"{host}: {type(error).__name__}") from error
            else:
                if response.status_code not in RETRY_STATUS:
                    return _accepted(response, host)
                cause = "too many requests (HTTP 429)" if response.status_code == 429 else _status(response)
                wait_s = _retry_after_s(response, wait_s)
            if attempt < self.limits.retries:
                time.sleep(min(wait_s, LONGEST_WAIT_S, self._left_s(host)))
        raise SikpdosError(f"{host}: {cause}, asked {self.limits.retries + 1} times")

    def _left_s(self, host: str) -> float:
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise SikpdosError(f"{host}: not done within {self.limits.total_s:g} s")
        return left_s

    def _followed(self, method: str, url: str, options: dict) -> requests.Response:
        """The answer at the end of redirections."""
        host = host_of(url)
        for _ in range(MOST_REDIRECTIONS + 1):
            message = f"{host}: not done within {self.limits.total_s:g} s"
            response = within(self._left_s(host), message, self._once, method, url, options)
            if response.status_code not in (301, 302, 303, 307, 308):
                return response
            following = urljoin(url, response.headers.get("Location", ""))
            if not _same_host(url, following):
                raise SikpdosError(f"{host}: redirected to another host ({host_of(following)}): not followed")
            url, options = following, {key: value for key, value in options.items() if key != "params"}
        raise SikpdosError(f"{host}: redirected too often")

    def _once(self, method: str, url: str, options: dict) -> requests.Response:
        """One answer, read as far as the limits allow."""
        options = {**options, "timeout": self.limits.timeout_s, "allow_redirects": False, "stream": True}
        with super().request(method, url, **options) as response:
            response._content = self._body(response, host_of(url))
            return response

    def _body(self, response: requests.Response, host: str) -> bytes:
        limit = min(self.limits.answer_bytes, self._bytes_left)
        data = b""
        try:
            while len(data) <= limit and (chunk := response.raw.read(_CHUNK, decode_content=False)):
                data += chunk
        except Exception as error:  # urllib3's and http.client's own kinds
            raise requests.exceptions.ChunkedEncodingError(str(error)) from error
        self._bytes_left -= len(data)
        if len(data) > limit:
            raise SikpdosError(f"{host}: an answer of more than {limit / 1e6:g} MB")
        if data[:2] == b"\x1f\x8b":
            try:
                data = gunzip(data, limit)
            except SikpdosError as error:
                raise SikpdosError(f"{host}: {error}") from error
        if self.secret and self.secret.encode() in data:
            raise SikpdosError(f"{host}: its answer repeats the key: not used")
        return data


def within(seconds: float, message: str, function: Callable[..., T], *arguments) -> T:
    """What a function gives. Raises SikpdosError with the message where it takes longer, however slowly data drip."""
    outcome: list = []

    def work() -> None:
        try:
            outcome.append((function(*arguments), None))
        except BaseException as error:  # handed to the caller's thread
            outcome.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(min(seconds, threading.TIMEOUT_MAX))
    if not outcome:
        raise SikpdosError(message)
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


def host_of(url: str) -> str:
    """The host of an address, without a user's name and password."""
    try:
        return plain(urlsplit(url).netloc.rpartition("@")[2]) or "no host"
    except ValueError:
        return "no host"


def plain(text: object, most: int = 200) -> str:
    """A server's words for a message: no control characters, in one line, not long."""
    words = "".join(character if character.isprintable() else " " for character in str(text)[: 4 * most])
    return " ".join(words.split())[:most]


def _same_host(url: str, other: str) -> bool:
    """Whether an address is on the same host, and not in the clear where the first is not."""
    try:
        here, there = urlsplit(url), urlsplit(other)
        ports = {"https": 443, "http": 80}
        same_port = (here.port or ports.get(here.scheme)) == (there.port or ports.get(there.scheme))
    except ValueError:
        return False
    upgraded = here.port is None and there.port is None and (here.scheme, there.scheme) == ("http", "https")
    return here.hostname == there.hostname and ((here.scheme == there.scheme and same_port) or upgraded)


def _status(response: requests.Response) -> str:
    return f"HTTP {response.status_code} {plain(response.reason or '', 60)}".strip()


def _cause(error: Exception, timeout_s: float) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"no answer within {timeout_s:g} s" if "timed out" in str(error).lower() else "the answer was cut short"
    return "no connection"


def _retry_after_s(response: requests.Response, default_s: float) -> float:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):  # absent, or a date
        return default_s


def _accepted(response: requests.Response, host: str) -> requests.Response:
    if response.status_code in (401, 403):
        raise SikpdosError(f"{host}: access refused (HTTP {response.status_code}): wrong or missing key")
    if response.status_code not in (200, 400):
        raise SikpdosError(f"{host}: {_status(response)}")
    return response


def json_of(response: requests.Response) -> object:
    """The JSON of an answer. Raises SikpdosError for HTML, half a page, or an error message."""
    host = host_of(response.url)
    text = response.content.decode("utf-8", "replace")
    try:
        data = documents.parse(text)
    except SikpdosError as error:
        kind = "HTML" if text.lstrip()[:1] == "<" else "no JSON, or half of it,"
        deep = "deeply" in str(error)
        raise SikpdosError(f"{host}: {'sent ' + str(error) if deep else f'sent {kind} instead of JSON'}") from None
    if response.status_code != 200:
        raise SikpdosError(f"{host}: {_status(response)}: {plain(json.dumps(data))}")
    return data


@dataclass(frozen=True)
class Kept:
    """Answers kept in a folder, one JSON file each, so that a second run does not ask again."""

    folder: Path | None  # None: nothing is kept

    def get(self, question: str, ask: Callable[[], T]) -> T:
        """The kept answer to a question, or what `ask` returns, which is then kept."""
        if self.folder is None:
            return ask()
        path = self.folder / f"{hashlib.sha256(question.encode()).hexdigest()[:24]}.json"
        if path.exists():
            try:
                return json.loads(files.read_bytes(path))["answer"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise SikpdosError("damaged answer from an earlier run: delete it", path) from error
        answer = ask()
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.output(path) as stream:
            stream.write(json.dumps({"question": question, "answer": answer}).encode())
        return answer
