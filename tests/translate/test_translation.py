"""What a translation does with data and models."""

import numpy as np
import pytest
from translations import COUNTS, K, cmf, cmf_implicit, implicit_mf, sparse

import fastmf
from fastmf import Ratings, translate


def test_fit_is_the_model_fitted_to_what_prepare_makes():
    translation = translate.from_irspack(n_components=K, alpha0=0.4, train_epochs=3, random_seed=1, n_threads=1)
    matrix, seen = sparse(COUNTS), []
    by_hand = translation.model()
    rows, weights = translation.prepare(matrix)
    by_hand.fit(rows, weights=weights)
    fit = translation.fit(matrix, callback=lambda number, record: seen.append(number))
    np.testing.assert_array_equal(fit.user_factors, by_hand.user_factors)
    assert seen == [1, 2, 3]
    assert fit.get_params() == {**fastmf.WALS().get_params(), **translation.params}


def test_prepare_keeps_all_but_the_values():
    ratings = Ratings.from_arrays(["a", "a", "b"], [5, 9, 9], [1.0, 3.0, 2.0], timestamps=[7, 8, 9])
    rows, weights = translate.from_irspack(alpha0=1.0).prepare(ratings)
    np.testing.assert_allclose(rows.data, [1 / 2, 3 / 4, 2 / 3], rtol=1e-6)
    np.testing.assert_allclose(weights, [2, 4, 3], rtol=1e-6)
    assert rows.data.dtype == weights.dtype == np.float32
    assert rows.users == ratings.users
    assert rows.items == ratings.items
    for name in ("indptr", "indices", "timestamps"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(ratings, name))
    assert ratings.data[0] == 1.0
    same, none = translate.from_implicit().prepare(ratings)
    assert same is ratings
    assert none is None


@pytest.mark.parametrize(
    ("translation", "taken", "changed"),
    [
        (translate.from_implicit(), [-1, 0, 2], None),
        (translate.from_spark(), [-1, 0, 2], None),
        (translate.from_spark(implicitPrefs=True, regParam=0), [-1, 2], [0, 2]),
        (translate.from_hu_koren_volinsky(K, 1.0), [1, 2], [0, 2]),
        (implicit_mf(), [1, 1], [1, 2]),
        (implicit_mf(use_ratings=True, weight=0.1), [0, 2], [-1, 2]),
        (cmf(), [-1, 0, 2], None),
        (cmf_implicit(alpha=0.1), [0, 2], [-1, 2]),
        (translate.from_irspack(alpha0=1.0, loss_type="ORIGINAL"), [0, 2], None),
        (translate.from_irspack(alpha0=0.5, loss_type="ORIGINAL"), [], [0, 2]),
    ],
)
def test_values_that_wals_reads_alike_are_taken_as_they_are(translation, taken, changed):
    if taken:
        assert translation.entries(taken) is None
    if changed:
        assert translation.entries(changed) is not None


def test_what_it_says():
    text = repr(translate.from_irspack(init_std=0.5))
    assert text.startswith("Translation('irspack.IALSRecommender', params={'factors': 20,")
    assert text.endswith("scale=0.5, notes=('init_std=0.5 is left out: WALS starts from users of length 0.1',))")
    assert cmf().notes[0].startswith("cmfrec keeps the mean")
    assert cmf(method="lbfgs").notes[1].startswith("method='lbfgs' becomes")
    assert cmf(use_cg=False).notes == cmf().notes[:1]
