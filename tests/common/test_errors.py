"""An error names its source once, whoever adds it."""

from __future__ import annotations

import pickle

import pytest

from sikpdos.common.errors import SikpdosError, naming


def test_the_source_stands_before_the_cause_once():
    assert str(SikpdosError("no data")) == "no data"
    assert str(SikpdosError("no data", "exp.msa")) == "exp.msa: no data"
    assert str(SikpdosError("no data", "-")) == "standard input: no data"


@pytest.mark.parametrize("source", [None, "inner.csv"])
def test_naming_adds_the_source_only_where_there_is_none(source):
    with pytest.raises(SikpdosError) as caught, naming("outer.csv"), naming("middle.csv"):
        raise SikpdosError("cause", source)
    assert str(caught.value) == f"{source or 'middle.csv'}: cause"


def test_the_source_survives_the_way_out_of_another_process():
    error = pickle.loads(pickle.dumps(SikpdosError("cause", "a.csv")))
    assert (str(error), error.source) == ("a.csv: cause", "a.csv")
