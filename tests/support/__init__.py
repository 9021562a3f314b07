"""What the tests of several rooms share."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def assert_one_line_failure(done, *words: str) -> None:
    """Exit code 1, one line on stderr holding `words`, nothing on stdout."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0]
    assert not done.stdout


def assert_usage_error(done, *words: str) -> None:
    """Exit code 2, an error that holds `words` on stderr, nothing on stdout."""
    assert done.returncode == 2, done.stderr
    assert "Usage: sikpdos" in done.stderr
    assert "Traceback" not in done.stderr
    assert [word for word in words if word not in done.stderr] == []
    assert not done.stdout
