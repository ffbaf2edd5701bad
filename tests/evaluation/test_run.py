import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.evaluation import evaluation
from stand_in import GivenFactors
from tolerances import tolerance

from fastmf._errors import NotFittedError
from fastmf.data import IdMap, Ratings
from fastmf.evaluation import METRICS, evaluate, mae, rmse, run, split_by_time, split_users
from fastmf.models import WALS, MostPopular

CUTOFFS = (1, 3, 10)


def case(seed=0, n_users=30, n_items=25, factors=3, dtype=np.float32, train_density=0.2, test_density=0.2):
    """A model of small whole numbers, so that scores are exact and ties are many; training and test entries overlap."""
    rng = np.random.default_rng(seed)
    train = sp.csr_array((rng.random((n_users, n_items)) < train_density) * rng.integers(1, 6, (n_users, n_items)))
    test = sp.csr_array((rng.random((n_users, n_items)) < test_density) * rng.integers(1, 6, (n_users, n_items)))
    model = GivenFactors().fit(
        train,
        rng.integers(-2, 3, (n_users, factors)).astype(dtype),
        rng.integers(-2, 3, (n_items, factors)).astype(dtype),
        user_bias=rng.integers(-2, 3, n_users).astype(dtype),
        item_bias=rng.integers(-2, 3, n_items).astype(dtype),
        mean=3,
    )
    return model, train, test


def scores_of(model):
    offsets = model.mean + model.user_bias[:, None] + model.item_bias
    return offsets + model.user_factors.astype(float) @ model.item_factors.T.astype(float)


def judged(model, relevant, seen, train, cutoffs=CUTOFFS, vectors=None):
    active = int((train.toarray() != 0).any(axis=1).sum())
    counts = (train.toarray() != 0).sum(axis=0)
    vectors = model.item_factors.astype(float) if vectors is None else vectors
    return evaluation(scores_of(model), relevant, seen, counts, active, vectors, cutoffs)


def agree(report, expected, rtol):
    users, figures, per_user = expected
    np.testing.assert_array_equal(report.user_ids, users)
    ranking = {name: value for name, value in report.items() if name not in ("rmse", "mae")}
    assert ranking.keys() == figures.keys()
    np.testing.assert_allclose([ranking[name] for name in figures], list(figures.values()), rtol=rtol, atol=rtol)
    for name, values in per_user.items():
        np.testing.assert_allclose(report.per_user(name), values, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_evaluate_agrees_with_the_definitions(exclude_seen, dtype):
    model, train, test = case(dtype=dtype)
    seen = (train.toarray() != 0) & exclude_seen
    report = evaluate(model, test, k=CUTOFFS, exclude_seen=exclude_seen)
    agree(report, judged(model, test.toarray() != 0, seen, train), tolerance(dtype, 100))
    errors = (test.toarray() - scores_of(model))[test.toarray() != 0]
    np.testing.assert_allclose([report["rmse"], report["mae"]], [np.sqrt((errors**2).mean()), np.abs(errors).mean()])


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.floats(0.0, 0.8), st.floats(0.3, 1.0))
@settings(max_examples=100, deadline=None)
def test_evaluate_agrees_with_the_definitions_on_any_data(seed, n_users, n_items, train_density, test_density):
    model, train, test = case(seed, n_users, n_items, 2, np.float32, train_density, test_density)
    seen = train.toarray() != 0
    relevant = test.toarray() != 0
    if not (relevant & ~seen).any() or not seen.any():
        return
    agree(evaluate(model, test, k=(1, 4, 20)), judged(model, relevant, seen, train, (1, 4, 20)), 1e-5)


def test_blocks_of_users_change_nothing(monkeypatch):
    model, _, test = case()
    whole = evaluate(model, test, k=CUTOFFS)
    monkeypatch.setattr(run, "USERS_AT_ONCE", 7)
    monkeypatch.setattr("fastmf.evaluation.predictions.CHUNK", 11)
    parts = evaluate(model, test, k=CUTOFFS)
    assert {name: parts[name] for name in parts if name not in ("rmse", "mae")} == {
        name: whole[name] for name in whole if name not in ("rmse", "mae")
    }
    assert parts["rmse"] == pytest.approx(whole["rmse"], rel=1e-14)
    assert parts["mae"] == pytest.approx(whole["mae"], rel=1e-14)


@pytest.mark.parametrize("threads", [2, 4])
def test_figures_are_bit_identical_for_any_number_of_threads(threads):
    model, _, test = case(n_users=200)
    assert dict(evaluate(model, test, num_threads=threads)) == dict(evaluate(model, test, num_threads=1))


def test_train_replaces_the_rows_the_model_was_fitted_to():
    model, train, test = case()
    other = sp.csr_array(train.toarray()[:, ::-1])
    report = evaluate(model, test, train=other, k=CUTOFFS)
    agree(report, judged(model, test.toarray() != 0, other.toarray() != 0, other), 1e-5)


def test_relevant_from_keeps_low_values_out_of_ranking_but_not_out_of_rmse():
    model, train, test = case()
    report = evaluate(model, test, k=CUTOFFS, relevant_from=4)
    agree(report, judged(model, test.toarray() >= 4, train.toarray() != 0, train), 1e-5)
    assert report["rmse"] == rmse(model, test)
    assert f"relevant: the {(test.data >= 4).sum()} test entries with a value of 4 or more" in report.notes


def test_item_vectors_are_what_diversity_compares():
    model, train, test = case()
    vectors = np.random.default_rng(1).random((train.shape[1], 6))
    report = evaluate(model, test, k=CUTOFFS, item_vectors=vectors)
    expected = judged(model, test.toarray() != 0, train.toarray() != 0, train, vectors=vectors)
    agree(report, expected, 1e-5)


def test_only_the_metrics_asked_for_are_computed():
    model, _, test = case()
    report = evaluate(model, test, k=(2, 5), metrics=["coverage", "ndcg"])
    assert list(report) == ["ndcg@2", "ndcg@5", "coverage@2", "coverage@5"]
    assert list(evaluate(model, test, metrics="rmse")) == ["rmse"]
    assert list(evaluate(model, test, metrics=["auc"])) == ["auc"]
    assert evaluate(model, test, metrics=["auc"])["auc"] == evaluate(model, test, k=(2, 5))["auc"]
    assert dict(report).items() <= dict(evaluate(model, test, k=(2, 5))).items()


def test_folded_in_users_take_the_place_of_the_models_own():
    """Of other number and ids than the users of the fit; popularity stays that of the training entries."""
    _, train, _ = case(n_users=50)
    model = WALS(factors=3, iterations=3, random_state=0, dtype="float64").fit(train)
    _, fold_in, test = case(seed=1)
    strangers = GivenFactors().fit(fold_in, model.fold_in_users(fold_in), model.item_factors)
    seen = fold_in.toarray() != 0
    report = evaluate(model, test, fold_in=fold_in, k=CUTOFFS)
    agree(report, judged(strangers, test.toarray() != 0, seen, train), 1e-9)
    names = IdMap([f"new{n}" for n in range(30)])
    rows = Ratings(fold_in.indptr, fold_in.indices, fold_in.data, shape=fold_in.shape, users=names)
    by_id = Ratings.from_sparse(test).select(test.indices % 2 == 0)
    by_id = Ratings(by_id.indptr, by_id.indices, by_id.data, shape=by_id.shape, users=names).rows([7, 3, 5])
    named = evaluate(model, by_id, fold_in=rows, k=CUTOFFS)
    assert named.user_ids.tolist() == ["new3", "new5", "new7"]


def test_the_training_rows_folded_in_are_judged_as_the_training_users():
    _, train, test = case()
    model = WALS(factors=3, iterations=3, random_state=0, dtype="float64").fit(train)
    stored, again = evaluate(model, test), evaluate(model, test, fold_in=train)
    np.testing.assert_allclose(list(again.values()), list(stored.values()), rtol=1e-6)
    popular = MostPopular().fit(train)
    assert dict(evaluate(popular, test, fold_in=train)) == dict(evaluate(popular, test))
    assert model.user_factors.shape == (30, 3)


def test_seen_test_entries_are_left_out_and_counted():
    model, train, test = case()
    overlap = int(((train.toarray() != 0) & (test.toarray() != 0)).sum())
    assert f"{overlap} test entries are seen ones and count in no ranking metric" in evaluate(model, test).notes


def test_ids_are_translated_and_unknown_ones_counted():
    model, train, test = case()
    rng = np.random.default_rng(0)
    users, items = (
        np.array([f"{letter}{n:02}" for n in rng.permutation(99)[:size]])
        for letter, size in zip("ui", test.shape, strict=True)
    )
    named = GivenFactors().fit(
        Ratings(train.indptr, train.indices, train.data, shape=train.shape, users=IdMap(users), items=IdMap(items)),
        model.user_factors,
        model.item_factors,
        user_bias=model.user_bias,
        item_bias=model.item_bias,
        mean=3,
    )
    rows, columns = test.nonzero()
    order = rng.permutation(len(rows))
    same = Ratings.from_arrays(
        np.concatenate([users[rows][order], ["a", "a", "z", users[5]]]),
        np.concatenate([items[columns][order], items[:3], ["new"]]),
        np.concatenate([test.data[order], [1, 2, 3, 4]]),
    )
    translated, plain = evaluate(named, same, k=CUTOFFS), evaluate(model, test, k=CUTOFFS)
    assert dict(translated) == dict(plain)
    assert translated.user_ids.tolist() == [users[n] for n in plain.user_ids]
    assert translated.notes[0] == (
        f"left out: 4 of {test.nnz + 4} test entries, for 2 users and 1 items the model does not know"
    )
    assert rmse(named, same) == rmse(model, test)


def test_users_without_an_entry_to_learn_from_are_counted():
    ratings = Ratings.from_arrays([0, 0, 1, 1, 2, 2], [0, 1, 0, 2, 1, 2], timestamps=[1, 2, 3, 6, 5, 4])
    train, test = split_by_time(ratings, test=0.5)
    note = "1 of 2 users have no entry to learn from, and are judged all the same"
    model = MostPopular().fit(train)
    assert note in evaluate(model, test).notes
    assert note in evaluate(model, test, metrics="ndcg", exclude_seen=False).notes
    assert not any("to learn from" in each for each in evaluate(model, train, exclude_seen=False).notes)
    train, (fold_in, held_out) = split_users(ratings, 0.5, random_state=0)
    wals = WALS(factors=2, iterations=2, random_state=0).fit(train)
    assert not any("to learn from" in each for each in evaluate(wals, held_out, fold_in=fold_in).notes)


def test_without_ids_on_one_side_numbers_count():
    model, train, test = case()
    ids = {"users": IdMap(range(100, 130)), "items": IdMap(range(25))}
    with_ids = [Ratings(m.indptr, m.indices, m.data, shape=m.shape, **ids) for m in (train, test)]
    named = GivenFactors().fit(with_ids[0], model.user_factors, model.item_factors, item_bias=model.item_bias)
    figures = dict(evaluate(named, with_ids[1], metrics=["map", "auc"]))
    assert figures == dict(evaluate(named, test, metrics=["map", "auc"]))
    assert figures == dict(evaluate(model, with_ids[1], metrics=["map", "auc"]))


def test_a_model_whose_scores_are_no_ratings_has_no_rmse():
    _, train, test = case()
    model = MostPopular().fit(train)
    report = evaluate(model, test)
    assert "rmse" not in report
    assert "mae" not in report
    assert "diversity@5" not in report
    assert any("MostPopular rank items and do not estimate ratings" in note for note in report.notes)
    assert any("diversity is left out" in note for note in report.notes)
    for error in (rmse, mae):
        with pytest.raises(ValueError, match=f"{error.__name__} needs a model that predicts ratings"):
            error(model, test)


def test_no_figure_is_ever_nan_where_lists_are_short_or_empty():
    """The only allowed item of user 0 is relevant: no pair for AUC, lists of one item; k is beyond the catalogue."""
    train = sp.csr_array(np.array([[1, 1, 0], [0, 1, 1]]))
    test = sp.csr_array(np.array([[0, 0, 1], [1, 0, 0]]))
    model = GivenFactors().fit(train, np.zeros((2, 2), np.float32), np.zeros((3, 2), np.float32))
    report = evaluate(model, test, k=(1, 50, 2**31 - 1))  # a list of 2^31 places would not fit in memory
    assert np.isfinite(list(report.values())).all()
    assert report["recall@50"] == 1
    assert report["auc"] == 0.5
    assert report["diversity@50"] == 0


def test_arguments_are_left_as_they_were():
    model, _, test = case()
    before = test.copy()
    evaluate(model, test)
    assert (test != before).nnz == 0
    assert model._fitted.seen_indices.flags.writeable is False


def test_metrics_have_a_definition_each():
    model, _, test = case()
    assert {name.partition("@")[0] for name in evaluate(model, test)} == set(METRICS)
    assert all(metric.name == name and metric.definition for name, metric in METRICS.items())


MODEL, TRAIN, TEST = case()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "a model"}, TypeError, "model must be a fitted model of fastmf, got 'a model'"),
        ({"model": MostPopular()}, NotFittedError, "call fit first"),
        ({"test": TEST.toarray()}, TypeError, "test must be fastmf.Ratings or a SciPy sparse matrix"),
        ({"test": TEST[:20]}, ValueError, r"test must have the shape of the model, \(30, 25\), .* got \(20, 25\)$"),
        ({"test": TEST.T}, ValueError, r"got \(25, 30\); it looks transposed, pass test.T"),
        ({"test": sp.csr_array((30, 25))}, ValueError, "test must have at least one entry, got none"),
        (
            {"test": Ratings.from_arrays([1], [1])},
            ValueError,
            r"shape of the model, .* or ids the model knows, got \(1, 1\)",
        ),
        ({"test": TRAIN}, ValueError, "at least one relevant entry, got none .*are seen ones"),
        ({"train": TRAIN.T}, ValueError, "train must have the shape of the model.*transposed"),
        ({"train": 3}, TypeError, "train must be fastmf.Ratings"),
        ({"fold_in": TRAIN}, ValueError, "fold_in needs a model that folds users in.*GivenFactors does not"),
        ({"fold_in": TRAIN.T}, ValueError, "fold_in must have 25 columns"),
        ({"k": 0}, ValueError, "k must be an integer in .*, got 0"),
        ({"k": (5, -1)}, ValueError, "k must be an integer in .*, got -1"),
        ({"k": 2.5}, TypeError, "k must be an integer in .*, got 2.5"),
        ({"k": True}, TypeError, "k must be an integer"),
        ({"k": "5"}, TypeError, "k must be an integer"),
        ({"k": ()}, ValueError, "k must be an integer >= 1 or several, got none"),
        ({"exclude_seen": 1}, TypeError, "exclude_seen must be True or False, got 1"),
        ({"metrics": "ndgc"}, ValueError, "metrics must be among precision, .*, got 'ndgc'"),
        ({"metrics": ["ndcg@10"]}, ValueError, "cut-offs are given by k, got 'ndcg@10'"),
        ({"metrics": 5}, TypeError, "metrics must be None, a name or a sequence of names, got 5"),
        ({"metrics": []}, ValueError, "metrics must name at least one metric"),
        ({"relevant_from": np.nan}, ValueError, "relevant_from must be a finite number"),
        ({"relevant_from": 99}, ValueError, "at least one relevant entry, got none"),
        ({"relevant_from": "4"}, TypeError, "relevant_from must be a finite number"),
        ({"item_vectors": np.ones((3, 2))}, ValueError, r"item_vectors must be numbers of shape \(25, dimensions\)"),
        ({"item_vectors": np.full((25, 2), np.nan)}, ValueError, "item_vectors must hold finite numbers"),
        ({"num_threads": 0}, ValueError, "num_threads must be None or an integer in .*, got 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    arguments = {"model": MODEL, "test": TEST, **arguments}
    with pytest.raises(error, match=message):
        evaluate(arguments.pop("model"), arguments.pop("test"), **arguments)


def test_a_transposed_test_with_ids_is_recognised():
    model = MostPopular().fit(Ratings.from_arrays(["ann", "bob"], ["x", "y"]))
    with pytest.raises(ValueError, match="its rows hold ids of the model's items: it looks transposed"):
        evaluate(model, Ratings.from_arrays(["x", "y"], ["ann", "bob"]))
    with pytest.raises(ValueError, match=r"users and items the model knows, got none in 1 entries$"):
        evaluate(model, Ratings.from_arrays(["zoe"], ["x"]))


@pytest.mark.parametrize("error", [rmse, mae])
def test_errors_of_ratings_refuse_what_evaluate_refuses(error):
    with pytest.raises(TypeError, match="model must be a fitted model"):
        error(None, TEST)
    with pytest.raises(ValueError, match="transposed"):
        error(MODEL, TEST.T)
    with pytest.raises(ValueError, match="at least one entry, got none"):
        error(MODEL, sp.csr_array((30, 25)))
