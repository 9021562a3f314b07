"""Settings: flag over file over default; what cannot work is told before the work."""

from __future__ import annotations

import pytest

from sikpdos.common import config
from sikpdos.common.errors import SikpdosError
from sikpdos.model import settings
from sikpdos.model.settings import Settings


def test_flag_over_file_over_default(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('epochs = 7\nseed = 3\nsigma_eV = [1, 2]\nsplit = "random"\n')
    loaded = config.load(Settings, path, {"seed": 9, "split": None})
    assert (loaded.epochs, loaded.seed, loaded.split, loaded.sigma_eV) == (7, 9, "random", (1.0, 2.0))
    assert loaded.members == Settings().members
    assert isinstance(loaded.sigma_eV[0], float)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", "unknown setting 'bogus'"),
        ("epochs = 1.5", "expected int"),
        ("epochs = true", "expected int"),
        ('channels = ["a"]', "expected int"),
        ("channels = 3", "expected tuple"),
        ("epochs = ", "not TOML"),
    ],
)
def test_bad_settings_name_the_file(tmp_path, text, words):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SikpdosError, match=words) as caught:
        config.load(Settings, path, {})
    assert "settings.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", float("nan")),
        ("weight_decay", -1.0),
        ("dropout", 1.0),
        ("mixup", 1.5),
        ("channels", (4, 4, 4, 4, 4, 4)),
        ("channels", ()),
        ("channels", (0,)),
        ("batch", 0),
        ("members", 0),
        ("sigma_eV", (2.0, 1.0)),
        ("counts", (1e3,)),
    ],
)
def test_settings_that_cannot_work(name, value):
    with pytest.raises(SikpdosError, match=f"setting '{name}' must be"):
        settings.check(Settings(**{name: value}))


def test_the_defaults_work():
    settings.check(Settings())
    settings.check(Settings(measured=True))
