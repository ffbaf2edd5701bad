"""EarlyStopping: it ends a fit when the figure gets no better; the model is that of the best pass, bit by bit."""

import numpy as np
import pytest
from all_models import ratings

import fastmf
from fastmf.evaluation import EarlyStopping, evaluate, split_random

TRAIN, VALIDATION = split_random(ratings(), test=0.3, random_state=0)
# The numbers of factors fill their rows, so that what a fit shows of itself is what it writes over two passes later.
CASES = {
    "lists": (lambda n: fastmf.WALS(factors=16, iterations=n, random_state=0), "ndcg@5"),
    "ratings": (lambda n: fastmf.WALS(factors=16, iterations=n, unobserved_weight=0, random_state=0), "rmse"),
    "BiasedMF": (lambda n: fastmf.BiasedMF(factors=16, epochs=n, regularization=0.0, random_state=0), "rmse"),
    "BiasedMF by lists": (lambda n: fastmf.BiasedMF(factors=16, epochs=n, random_state=0), "recall@5"),
    "SVDpp": (lambda n: fastmf.SVDpp(factors=16, epochs=n, learning_rate=0.5, random_state=0), "mae"),
}
LONGEST = 12
every_case = pytest.mark.parametrize("case", CASES)


def figures_of(case, **options):
    """The figure after each pass, by fits of that many passes."""
    make, metric = CASES[case]
    reports = [
        evaluate(make(n).fit(TRAIN), VALIDATION, metrics=metric.partition("@")[0], k=5, **options)
        for n in range(1, LONGEST + 1)
    ]
    return [report[metric] for report in reports]


def best_and_last(found, metric, patience, every=1):
    """By hand: the pass to keep, and the one to end with."""
    sign = 1 if metric in ("rmse", "mae") else -1
    best, waited = None, 0
    for n in range(every, LONGEST + 1, every):
        if best is None or sign * found[n - 1] < sign * found[best - 1]:
            best, waited = n, 0
        else:
            waited += 1
        if waited == patience:
            return best, n
    return best, LONGEST


def assert_same(model, other):
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        np.testing.assert_array_equal(getattr(model, name), getattr(other, name))
    assert model.mean == other.mean
    state, same = model._fitted, other._fitted
    assert state.extra.keys() == same.extra.keys()
    for name in same.extra:
        np.testing.assert_array_equal(state.extra[name], same.extra[name])
    assert (state.seen_values is None) == (same.seen_values is None)


@every_case
@pytest.mark.parametrize(("patience", "every"), [(1, 1), (3, 1), (4, 1), (LONGEST, 1), (1, 4)])
def test_the_model_is_that_of_the_best_pass(case, patience, every):
    make, metric = CASES[case]
    found = figures_of(case)
    best, last = best_and_last(found, metric, patience, every)
    stopping = EarlyStopping(VALIDATION, metric, patience=patience, every=every)
    model = make(LONGEST).fit(TRAIN, callback=stopping)
    assert len(model.history) == last
    assert [record.get(metric) for record in model.history] == [
        found[n] if (n + 1) % every == 0 else None for n in range(last)
    ]
    assert (stopping.best_pass, stopping.best_value) == (best, found[best - 1])
    assert_same(model, make(best).fit(TRAIN))


def test_some_case_stops_and_some_best_pass_is_not_the_last():
    """Or the test above would show little."""
    outcomes = [best_and_last(figures_of(case), metric, 3) for case, (_, metric) in CASES.items()]
    assert sum(last < LONGEST for _, last in outcomes) >= 2
    assert sum(best < last - 1 for best, last in outcomes) >= 3


def test_the_metric_is_by_default_that_of_the_model():
    for case, name in (("lists", "ndcg@10"), ("ratings", "rmse")):
        model = CASES[case][0](2).fit(TRAIN, callback=EarlyStopping(VALIDATION))
        assert name in model.history[0]


def test_options_are_those_of_evaluate():
    stopping = EarlyStopping(VALIDATION, "ndcg@5", exclude_seen=False, relevant_from=4)
    model = CASES["lists"][0](1).fit(TRAIN, callback=stopping)
    report = evaluate(model, VALIDATION, metrics="ndcg", k=5, exclude_seen=False, relevant_from=4)
    assert stopping.best_value == report["ndcg@5"] != evaluate(model, VALIDATION, metrics="ndcg", k=5)["ndcg@5"]


def test_each_fit_begins_anew():
    stopping = EarlyStopping(VALIDATION, "rmse", patience=1)
    make = CASES["ratings"][0]
    first = make(LONGEST).fit(TRAIN, callback=stopping)
    again = make(LONGEST).fit(TRAIN, callback=stopping)
    assert_same(again, first)
    assert len(again.history) == len(first.history)
    unseen = EarlyStopping(VALIDATION, "rmse", every=5)
    assert_same(make(3).fit(TRAIN, callback=unseen), make(3).fit(TRAIN))
    assert unseen.best_pass is None


def test_weights_and_values_are_kept_for_new_entries():
    weights = np.linspace(0.5, 2, TRAIN.nnz)
    stopping = EarlyStopping(VALIDATION, "rmse", patience=1)
    model = CASES["ratings"][0](LONGEST).fit(TRAIN, weights=weights, callback=stopping)
    other = CASES["ratings"][0](stopping.best_pass).fit(TRAIN, weights=weights)
    new = VALIDATION.select(np.arange(VALIDATION.nnz) < 5)
    for each in (model, other):
        each.partial_fit(new, weights=np.ones(5))
    assert_same(model, other)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"metric": "ndcg"}, ValueError, "metric must"),
        ({"metric": 3}, TypeError, "metric must"),
        ({"patience": 0}, ValueError, "patience must be an integer >= 1, got 0"),
        ({"every": 1.5}, TypeError, "every must be an integer >= 1, got 1.5"),
        ({"exclude_seen": 1}, TypeError, "exclude_seen must be True or False"),
        ({"relevant_from": "4"}, TypeError, "relevant_from must be a finite number"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        EarlyStopping(VALIDATION, **arguments)


def test_a_figure_the_model_cannot_have_leaves_it_unfitted():
    model = CASES["lists"][0](2)
    with pytest.raises(ValueError, match="metric: rmse needs a model that predicts ratings"):
        model.fit(TRAIN, callback=EarlyStopping(VALIDATION, "rmse"))
    with pytest.raises(fastmf.NotFittedError):
        model.recommend(0)


@every_case
def test_a_fit_that_is_interrupted_has_its_last_whole_pass(case):
    make, metric = CASES[case]

    class Interrupted(EarlyStopping):
        def __call__(self, number, record, now):
            super().__call__(number, record, now)
            if number == 3:
                raise KeyboardInterrupt
            return False

    model = make(LONGEST)
    with pytest.raises(KeyboardInterrupt):
        model.fit(TRAIN, callback=Interrupted(VALIDATION, metric))
    assert [metric in record for record in model.history] == [True] * 3
    assert_same(model, make(3).fit(TRAIN))
