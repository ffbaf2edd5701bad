"""Hogwild: races on item rows cost next to nothing."""

import numpy as np
import pytest

import fastmf
from fastmf.models import _sgd_fit


@pytest.mark.parametrize(
    "options", [{"regularization": 0.08}, {"optimizer": "sgd", "learning_rate": 0.02}], ids=["adagrad", "sgd"]
)
def test_hogwild_ends_where_blocked_does(options, monkeypatch):
    """RMSE on held-out ratings within 0.0015 of blocked SGD's, in the mean of five seeds, with four racing threads."""
    monkeypatch.setattr(_sgd_fit, "RECORDS_A_THREAD", 1)
    train, test = fastmf.split_random(fastmf.synthetic("ml-100k"), test=0.1, random_state=0)

    def error(parallel, threads, seed):
        model = fastmf.BiasedMF(factors=32, epochs=15, parallel=parallel, num_threads=threads, random_state=seed)
        return fastmf.rmse(model.set_params(**options).fit(train), test)

    blocked, hogwild = (
        np.mean([error(parallel, threads, seed) for seed in range(5)])
        for parallel, threads in (("blocked", 1), ("hogwild", 4))
    )
    assert blocked < 0.85 * np.std(test.data)
    assert hogwild == pytest.approx(blocked, abs=0.0015)
