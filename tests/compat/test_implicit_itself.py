"""The stand-in beside implicit itself, where that is installed."""

import inspect
import warnings

import numpy as np
import plain_implicit as plain
import pytest

import fastmf.compat.implicit as ours

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    theirs = pytest.importorskip("implicit", minversion="0.7.3")
    pytest.importorskip("implicit.evaluation")

pytestmark = pytest.mark.filterwarnings("ignore:.*BLAS.*:RuntimeWarning")


def pair(**params):
    return (
        theirs.als.AlternatingLeastSquares(use_gpu=False, num_threads=1, **params),
        ours.als.AlternatingLeastSquares(num_threads=1, **params),
    )


@pytest.fixture(scope="module")
def split():
    return theirs.evaluation.train_test_split(plain.likes(300, 200, density=0.1), 0.8, 7)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-4), (np.float64, 1e-9)])
@pytest.mark.parametrize("params", [{}, {"alpha": 3.0}, {"factors": 64}, {"use_native": False}])
@pytest.mark.parametrize("signed", [False, True])
def test_exact_fits_from_one_seed_are_equal(dtype, tolerance, params, signed):
    matrix = plain.likes(150, 120, density=0.1, signed=signed)
    models = pair(
        **({"factors": 8, "regularization": 0.2, "iterations": 4, "random_state": 3} | params),
        use_cg=False,
        dtype=dtype,
    )
    for model in models:
        model.fit(matrix, show_progress=False)
    for name in ("user_factors", "item_factors"):
        left, right = (getattr(model, name) for model in models)
        assert left.dtype == right.dtype
        np.testing.assert_allclose(right, left, rtol=0, atol=tolerance * np.abs(left).max())


def test_conjugate_gradient_reaches_a_loss_at_least_as_low(split):
    losses = []
    for model in pair(factors=32, alpha=5.0, calculate_training_loss=True, random_state=0):
        model.fit(split[0], show_progress=False, callback=lambda _, __, loss: losses.append(loss))
    assert losses[-1] <= losses[14] * 1.001


def test_losses_of_positive_data_are_equal():
    matrix, rng = plain.likes(), np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 4)), rng.normal(size=(20, 4))
    expected = theirs.cpu.als.calculate_loss(matrix, X, Y, 0.5, num_threads=1)
    assert ours.cpu.als.calculate_loss(matrix, X, Y, 0.5, num_threads=1) == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def fitted(split):
    left, right = pair(factors=16, random_state=0)
    right.fit(split[0], show_progress=False)
    left.user_factors, left.item_factors = right.user_factors.copy(), right.item_factors.copy()
    return left, right


def same(left, right, atol=1e-5):
    """Equal lists, up to the order of scores that are equal but for rounding, and of one type."""
    assert [array.dtype for array in left] == [array.dtype for array in right]
    assert [array.shape for array in left] == [array.shape for array in right]
    np.testing.assert_allclose(right[1], left[1], atol=atol)
    apart = np.abs(np.diff(left[1])) > 2 * atol
    alone = np.ones(left[1].shape, bool)
    alone[..., 1:] &= apart
    alone[..., :-1] &= apart
    alone[..., -1] = False
    np.testing.assert_array_equal(right[0][alone], left[0][alone])


def test_lists_are_equal(fitted, split):
    train, users = split[0], np.array([7, 2, 2, 50])
    for user, rows in ((users, train[users]), (9, train[9])):
        for kwargs in (
            {},
            {"N": 3},
            {"filter_already_liked_items": False},
            {"filter_items": [1, 5, 9]},
            {"items": [4, 90, 17, 33, 150], "filter_already_liked_items": False, "N": 3},
            {"recalculate_user": True},
        ):
            same(*(model.recommend(user, rows, **kwargs) for model in fitted))
    turned = train.T.tocsr()
    for item in (users, 9):
        for kwargs in ({}, {"N": 4}, {"filter_items": [1, 2, 3]}, {"items": np.arange(60)}):
            same(*(model.similar_items(item, **kwargs) for model in fitted))
        same(
            *(model.similar_items(item, recalculate_item=True, item_users=turned[item]) for model in fitted), atol=1e-4
        )
        for kwargs in ({}, {"filter_users": [1, 2, 3]}, {"users": np.arange(60)}):
            same(*(model.similar_users(item, **kwargs) for model in fitted))


def test_recalculated_rows_and_explanations_are_equal(fitted, split):
    train = split[0]
    left, right = (model.recalculate_user(np.arange(300), train) for model in fitted)
    np.testing.assert_allclose(right, left, atol=1e-4)
    left, right = (model.explain(9, train, 11, N=4) for model in fitted)
    assert right[0] == pytest.approx(left[0], abs=1e-5)
    assert [item for item, _ in left[1]] == [item for item, _ in right[1]]
    assert [type(item) for item in (left[0], *left[1][0])] == [type(item) for item in (right[0], *right[1][0])]


@pytest.mark.parametrize("K", [1, 10, 50])
def test_metrics_are_equal(fitted, split, K):
    left, right = (library.evaluation.ranking_metrics_at_k(fitted[1], *split, K, False) for library in (theirs, ours))
    assert right == pytest.approx(left)


def test_splits_and_weights_are_equal():
    matrix = plain.likes(200, 50, signed=True)
    for seed in (0, 5):
        for left, right in zip(
            *(library.evaluation.train_test_split(matrix, 0.7, seed) for library in (theirs, ours)), strict=True
        ):
            assert (left != right).nnz == 0
            assert (type(left), left.dtype) == (type(right), right.dtype)
        sides = [
            library.evaluation.leave_k_out_split(matrix[4:], 2, 0.58, seed)[1] for library in (theirs, ours)
        ]  # which entries implicit draws depends on NumPy's global state, which users on the seed
        np.testing.assert_array_equal(*(np.diff(side.indptr) for side in sides))
    for name in ("tfidf_weight", "bm25_weight", "normalize"):
        left, right = (getattr(library.nearest_neighbours, name)(plain.likes()) for library in (theirs, ours))
        np.testing.assert_allclose(right.toarray(), left.toarray(), rtol=1e-5)
        assert (type(left), left.dtype) == (type(right), right.dtype)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
def test_topk_finds_the_same(scaled, filtered):
    rng, hidden = np.random.default_rng(0), plain.likes(250, 60)
    items, queries = (rng.normal(size=(n, 8)).astype(np.float32) for n in (60, 250))
    norms = np.linalg.norm(items, axis=1) if scaled else None
    filters = (hidden, np.array([3, 50])) if filtered else (None, None)
    left, right = (library.cpu.topk.topk(items, queries, 7, norms, *filters, 1) for library in (theirs, ours))
    np.testing.assert_array_equal(right[0], left[0])
    np.testing.assert_allclose(right[1], left[1], rtol=1e-4, atol=1e-5)
    assert [array.dtype for array in right] == [array.dtype for array in left]


def test_files_go_both_ways(fitted, split, tmp_path):
    left, right = fitted
    left.save(tmp_path / "theirs.npz")
    right.save(tmp_path / "ours.npz")
    row = split[0][5]
    for loaded in (
        ours.als.AlternatingLeastSquares.load(str(tmp_path / "theirs")),
        theirs.cpu.als.AlternatingLeastSquares.load(str(tmp_path / "ours")),
    ):
        np.testing.assert_array_equal(loaded.item_factors, right.item_factors)
        np.testing.assert_array_equal(loaded.recommend(5, row)[0], right.recommend(5, row)[0])
        assert (loaded.factors, loaded.dtype, loaded.random_state) == (16, np.float32, 0)


def signature_of(thing):
    return [
        (name, parameter.kind, parameter.default)
        for name, parameter in inspect.signature(thing).parameters.items()
        if name != "self"
    ]


def test_signatures_and_attributes_are_the_same():
    left, right = theirs.als.AlternatingLeastSquares, ours.als.AlternatingLeastSquares
    assert signature_of(left) == signature_of(right)
    for module in ("cpu.als", "cpu.matrix_factorization_base", "recommender_base", "nearest_neighbours", "utils"):
        there, here = theirs, ours
        for part in module.split("."):
            there, here = getattr(there, part), getattr(here, part)
        for name, thing in vars(there).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != there.__name__ or not hasattr(here, name):
                continue
            if inspect.isfunction(thing):
                assert signature_of(thing) == signature_of(getattr(here, name)), name
            elif module != "nearest_neighbours":
                for method, function in inspect.getmembers(
                    thing, lambda o: inspect.isfunction(o) or inspect.ismethod(o)
                ):
                    if not method.startswith("_"):
                        assert signature_of(function) == signature_of(getattr(getattr(here, name), method)), method
    made = pair()
    public = [{name for name in dir(type(model)) if not name.startswith("_")} | set(vars(model)) for model in made]
    assert public[0] - public[1] <= {"user_factors", "item_factors"}
    for name in ("factors", "regularization", "alpha", "dtype", "iterations", "cg_steps", "use_cg", "use_native"):
        assert getattr(made[0], name) == getattr(made[1], name)
