"""A fit that starts from a fitted model: it goes on from there, takes what goes with it, and leaves it as it is."""

import copy

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import MODELS, N_ITEMS, N_USERS, item_ids, matrix, ratings, user_ids
from small_wals import SETTINGS, implicit, same_factors
from tolerances import tolerance

import fastmf
from fastmf import IdMap, NotFittedError, Ratings
from fastmf.models._wals_fit import Factorization
from fastmf.models._wals_params import solver_of
from fastmf.models._wals_terms import terms

LEARNED = ("user_factors", "item_factors", "user_bias", "item_bias")
WITH_PASSES = {"WALS": "iterations", "WALS-explicit": "iterations", "BiasedMF": "epochs", "SVDpp": "epochs"}


@pytest.fixture(params=WITH_PASSES)
def learner(request):
    """A function of the number of passes that makes a model."""
    passes = WITH_PASSES[request.param]
    return lambda n, **more: MODELS[request.param](**{passes: n, **more})


def bits(model):
    return [getattr(model, name).tobytes() for name in LEARNED] + [model.mean]


def begun(model, initial):
    """What a fit of WALS to `ratings()` has before its first iteration."""
    p = model._checked_together()
    made = Factorization(
        terms(ratings(), None, p), p["factors"], biased=p["biased"], solver=solver_of(p), relaxation=1.0, seed=0,
        dtype=p["dtype"], num_threads=1,
    )  # fmt: skip
    made.resume(initial._state)
    return made.results()


@pytest.mark.parametrize("parameters", [*SETTINGS.values(), {"solver": "cg"}, {"solver": "subspace", "block_size": 4}])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3)])
def test_iterations_of_wals_add_up_bit_by_bit(n, m, parameters):
    def model(iterations, seed=0):
        return fastmf.WALS(
            factors=6, iterations=iterations, relaxation=1, num_threads=1, random_state=seed, **parameters
        )

    first = model(n).fit(implicit())
    assert bits(model(m, seed=5).fit(implicit(), initial=first)) == bits(model(n + m).fit(implicit()))


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd"])
def test_epochs_of_sgd_add_up_under_a_constant_rate(optimizer):
    options = {"factors": 6, "optimizer": optimizer, "schedule": "constant", "learning_rate": 0.05, "random_state": 0}
    data = fastmf.synthetic(300, 200, 9000, rank=3, noise=0.2, random_state=1)
    first = fastmf.BiasedMF(epochs=2, **options).fit(data)
    on, whole = (
        fastmf.BiasedMF(epochs=3, **options).fit(data, initial=first),
        fastmf.BiasedMF(epochs=5, **options).fit(data),
    )
    assert bits(on) == bits(whole)
    assert [r["train_loss"] for r in [*first.history, *on.history]] == [r["train_loss"] for r in whole.history]
    options |= {"dtype": "float64"}
    on = fastmf.SVDpp(epochs=3, **options).fit(data, initial=fastmf.SVDpp(epochs=2, **options).fit(data))
    whole = fastmf.SVDpp(epochs=5, **options).fit(data)
    for name in (*LEARNED, "implicit_factors"):  # p_u is what is left of x_u without the y_j, up to rounding
        np.testing.assert_allclose(getattr(on, name), getattr(whole, name), rtol=0, atol=tolerance(np.float64, 1000))


def test_a_model_from_a_file_is_as_good(learner, tmp_path):
    first = learner(2).fit(ratings())
    first.save(tmp_path / "model")
    on = learner(2).fit(ratings(), initial=first)
    for mmap in (False, True):
        read = fastmf.load(tmp_path / "model", mmap=mmap)
        assert bits(learner(2).fit(ratings(), initial=read)) == bits(on)


def test_svdpp_of_an_earlier_file_starts_without_accumulators():
    first = fastmf.SVDpp(factors=3, epochs=2, random_state=0).fit(ratings())
    old = copy.copy(first)
    old._state = copy.copy(first._state)
    object.__setattr__(old._state, "extra", {"item/implicit_factors": first.implicit_factors})
    again, without = (fastmf.SVDpp(factors=3, epochs=1, random_state=0).fit(ratings(), initial=m) for m in (first, old))
    assert bits(again) != bits(without)


def test_the_model_given_stays_as_it_is_and_may_be_the_model_itself(learner):
    first = learner(3).fit(ratings())
    before, params, state = bits(first), first.get_params(), first._state
    on = learner(2).fit(ratings(), initial=first)
    assert bits(on) != before
    assert (bits(first), first.get_params(), first._state) == (before, params, state)
    assert (len(first.history), len(on.history)) == (3, 2)
    for array in (on.user_factors, on.item_factors, on.item_bias):
        assert not any(np.shares_memory(array, getattr(first, name)) for name in LEARNED)
    again = learner(3).fit(ratings())
    kept = again._state
    again.fit(ratings(), initial=again)
    assert bits(again) == bits(learner(3).fit(ratings(), initial=first))
    assert kept.user_factors.tobytes() == before[0]


def test_none_is_a_fit_from_nothing(learner):
    assert bits(learner(2).fit(ratings(), initial=None)) == bits(learner(2).fit(ratings()))


def test_a_start_from_neighbouring_parameters_is_a_head_start():
    train = fastmf.movielens()
    first = fastmf.WALS(factors=16, regularization=0.02, random_state=0).fit(train)
    near = {"factors": 16, "regularization": 0.03, "random_state": 0}
    converged = fastmf.WALS(iterations=40, **near).fit(train).objective(train).total
    warm, cold = (
        fastmf.WALS(iterations=2, **near).fit(train, initial=first),
        fastmf.WALS(iterations=2, **near).fit(train),
    )
    far = cold.objective(train).total / converged - 1
    assert warm.objective(train).total / converged - 1 < far / 4


def test_ids_count_where_both_have_them(learner):
    named, numbered = learner(2).fit(ratings()), learner(2).fit(matrix())
    expected = bits(learner(1).fit(ratings(), initial=named))
    assert bits(learner(1).fit(ratings(), initial=numbered)) == expected
    on = learner(1).fit(matrix(), initial=named)
    assert bits(on) == expected
    assert on.user_ids is None


def other_ids(users, items):
    m = matrix()
    return Ratings(m.indptr, m.indices, m.data, shape=m.shape, users=IdMap(users), items=IdMap(items))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (matrix()[:-1], rf"as many users and items as ratings has, \(30, 20\), got \({N_USERS - 1}, {N_ITEMS}\)$"),
        (sp.csr_array(matrix().T), r"\(30, 20\), got \(20, 30\) \(this looks transposed"),
        (other_ids(user_ids()[::-1], item_ids()), "initial must have the users of ratings, in the same order, got"),
        (other_ids(user_ids(), item_ids()[::-1]), "initial must have the items of ratings, in the same order, got"),
    ],
)
def test_other_users_or_items_are_refused(learner, data, message):
    with pytest.raises(ValueError, match=message):
        learner(2).fit(ratings(), initial=learner(1).fit(data))


def test_other_factors_another_dtype_or_no_fit_are_refused(learner):
    model = learner(2).fit(ratings())
    before = bits(model)
    dtype = "float32" if learner(1).dtype == "float64" else "float64"
    for initial, error, message in (
        (learner(1, factors=5).fit(ratings()), ValueError, "initial must have the factors of this fit, 6, got 5"),
        (
            learner(1, dtype=dtype).fit(ratings()),
            ValueError,
            f"initial must have the dtype of this fit, .*, got {dtype}",
        ),
        (learner(1), NotFittedError, "initial must be a fitted .*, got one that is not fitted yet"),
        (fastmf.MostPopular().fit(ratings()), TypeError, r"initial must be None or a fitted .*, got MostPopular\(\)"),
        (model._state, TypeError, "initial must be None or a fitted "),
    ):
        with pytest.raises(error, match=message):
            model.fit(ratings(), initial=initial)
        assert bits(model) == before


def test_what_only_one_model_refuses():
    for kind in (fastmf.WALS, fastmf.BiasedMF):
        signed = kind(factors=3, random_state=0).fit(ratings())
        with pytest.raises(ValueError, match="initial must have no factors below 0 for nonnegative=True"):
            kind(factors=3, nonnegative=True).fit(ratings(), initial=signed)
        kept = kind(factors=3, nonnegative=True, random_state=0).fit(ratings())
        assert kind(factors=3, nonnegative=True).fit(ratings(), initial=kept).item_factors.min() >= 0
    likes = sp.csr_array(matrix() > 3, dtype=np.float32)
    logistic = fastmf.BiasedMF(factors=3, loss="logistic").fit(likes)
    with pytest.raises(ValueError, match="initial must be a fit whose loss has the scale of 'squared', got 'logistic'"):
        fastmf.BiasedMF(factors=3).fit(likes, initial=logistic)
    squared = fastmf.BiasedMF(factors=3).fit(matrix())
    assert fastmf.BiasedMF(factors=3, loss="absolute").fit(matrix(), initial=squared).mean == squared.mean


def test_biases_and_mean_are_taken_over_where_both_have_them():
    options = {"factors": 4, "iterations": 2, "unobserved_weight": 0, "random_state": 0}
    plain, biased = (fastmf.WALS(biased=b, **options).fit(matrix()) for b in (False, True))

    def fit(b, initial):
        return fastmf.WALS(biased=b, **options).fit(matrix(), initial=initial)

    assert fit(True, plain).mean != 0
    assert (fit(False, biased).mean, fit(False, biased).item_bias.any()) == (0, False)

    for b, start, mean in ((True, biased, biased.mean), (True, plain, matrix().data.mean()), (False, biased, 0)):
        found = begun(fastmf.WALS(biased=b, **options), start)
        assert found.get("mean", 0) == pytest.approx(mean)
        np.testing.assert_array_equal(found["user_factors"], start.user_factors)
        if b:
            np.testing.assert_array_equal(found["user_bias"], start.user_bias)


def test_users_and_items_without_entries_before_are_learned(learner):
    """The last users have the last items alone, so that nothing of what was learned reaches them."""
    m = matrix().toarray()
    m[20:, :15], m[:20, 15:] = 0, 0
    whole, part = sp.csr_array(m), sp.csr_array(np.where(np.arange(N_USERS)[:, None] < 20, m, 0))
    first = learner(3).fit(part)
    assert not first.user_factors[20:].any()
    assert not first.item_factors[15:].any()
    on = learner(3).fit(whole, initial=first)
    users, items = m.sum(1) > 0, m.sum(0) > 0
    assert on.user_factors[users].any(1).all()
    assert on.item_factors[items].any(1).all()
    cold = learner(3).fit(whole)
    assert on.objective(whole).total < 1.5 * cold.objective(whole).total


@pytest.mark.parametrize("name", ["implicit", "biased", "nonnegative", "unobserved-by-item"])
def test_wals_solves_new_users_against_the_items_it_has(name):
    m = matrix()
    part = sp.csr_array(np.where(np.arange(N_USERS)[:, None] < 20, m.toarray(), 0))
    options = {**SETTINGS[name], **({"unobserved_weight": np.linspace(0, 0.5, N_ITEMS)} if "by-item" in name else {})}
    first = fastmf.WALS(factors=6, iterations=30, random_state=0, num_threads=1, **options).fit(part)
    found = begun(first, first)["user_factors"]
    folded = first.fold_in_users(m[20:])
    np.testing.assert_allclose(found[20:], folded, rtol=0, atol=tolerance(np.float32, 1000))
    np.testing.assert_array_equal(found[:20], first.user_factors[:20])


def test_the_mean_stays_that_of_the_start():
    higher = matrix()
    higher.data += 1
    for kind in (fastmf.BiasedMF, fastmf.SVDpp):
        first = kind(factors=3, random_state=0).fit(matrix())
        assert kind(factors=3).fit(higher, initial=first).mean == first.mean


def test_the_sums_of_adagrad_go_on():
    for kind in (fastmf.BiasedMF, fastmf.SVDpp):
        first = kind(factors=3, epochs=2, random_state=0).fit(ratings())
        on = kind(factors=3, epochs=1, random_state=0).fit(ratings(), initial=first)
        once = kind(factors=3, epochs=1, random_state=0).fit(ratings())
        for side in ("user", "item"):
            before, after, alone = (m._state.extra[f"{side}/accumulators"] for m in (first, on, once))
            assert (after >= before).all()
            assert (after[alone > 1] > alone[alone > 1]).mean() > 0.9
        assert same_factors(first, kind(factors=3, epochs=2, random_state=0).fit(ratings()))
