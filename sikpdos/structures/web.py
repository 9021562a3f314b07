"""Asking databases politely: time-outs, retries with back-off, answers kept on disk so that a run can resume."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from sikpdos import __version__
from sikpdos.common import files
from sikpdos.common.errors import SikpdosError

RETRY_STATUS = {429, 500, 502, 503, 504}
LONGEST_WAIT_S = 60.0


class PatientSession(requests.Session):
    """A session that tries again after lost connections, time-outs, rate limits and server errors.

    Waits 1, 2, 4... seconds, or what Retry-After asks for. Raises SikpdosError when it gives up, and for
    any other status but 200 and 400. Certificates are checked, as requests does by default.
    """

    def __init__(self, retries: int = 4, timeout_s: float = 30.0):
        super().__init__()
        self.retries = retries
        self.timeout_s = timeout_s
        self.headers["User-Agent"] = f"sikpdos/{__version__}"

    def request(self, method: str, url: str, **options) -> requests.Response:
        host = urlsplit(url).netloc.rpartition("@")[2]
        for attempt in range(self.retries + 1):
            wait_s = 2.0**attempt
            try:
                response = super().request(method, url, **{**options, "timeout": self.timeout_s})
            except requests.TooManyRedirects as error:
                raise SikpdosError(f"{host}: redirected too often") from error
            except requests.exceptions.SSLError as error:
                raise SikpdosError(f"{host}: its certificate cannot be trusted") from error
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                cause = _cause(error, self.timeout_s)
            except requests.RequestException as error:
                raise SikpdosError(f"{host}: {type(error).__name__}") from error
            else:
                if response.status_code not in RETRY_STATUS:
                    return _accepted(response, host)
                cause = "too many requests (HTTP 429)" if response.status_code == 429 else _status(response)
                wait_s = _retry_after_s(response, wait_s)
            if attempt < self.retries:
                time.sleep(min(wait_s, LONGEST_WAIT_S))
        raise SikpdosError(f"{host}: {cause}, asked {self.retries + 1} times")


def _status(response: requests.Response) -> str:
    return f"HTTP {response.status_code} {response.reason or ''}".strip()


def _cause(error: Exception, timeout_s: float) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer was cut short"
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
    host = urlsplit(response.url).netloc
    try:
        data = response.json()
    except ValueError:
        kind = "HTML" if response.text.lstrip()[:1] == "<" else "no JSON, or half of it,"
        raise SikpdosError(f"{host}: sent {kind} instead of JSON") from None
    if response.status_code != 200:
        raise SikpdosError(f"{host}: {_status(response)}: {json.dumps(data)[:200]}")
    return data


@dataclass(frozen=True)
class Kept:
    """Answers kept in a folder, one JSON file each, so that a second run does not ask again."""

    folder: Path | None  # None: nothing is kept

    def get(self, question: str, ask: Callable[[], object]) -> object:
        """The kept answer to a question, or what `ask` returns, which is then kept."""
        if self.folder is None:
            return ask()
        path = self.folder / f"{hashlib.sha256(question.encode()).hexdigest()[:24]}.json"
        if path.exists():
            try:
                return json.loads(files.read_bytes(path))["answer"]
            except (ValueError, KeyError, TypeError) as error:
                raise SikpdosError(f"{path}: damaged answer from an earlier run: delete it") from error
        answer = ask()
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.output(path) as stream:
            stream.write(json.dumps({"question": question, "answer": answer}).encode())
        return answer
