"""Cross-validation: each fold is what one would get by hand, and the spread is that of the folds."""

import numpy as np
import pytest
from all_models import matrix, ratings
from scipy import stats

import fastmf
from fastmf.evaluation import METRICS, repeated_kfold
from fastmf.evaluation.metrics import figure_of
from fastmf.evaluation.scoring import unfitted

WALS = {"factors": 4, "iterations": 2, "num_threads": 1}


def biased(**more):
    return fastmf.BiasedMF(factors=4, epochs=2, num_threads=1, **more)


def test_each_fold_is_a_fit_and_an_evaluation_by_hand():
    data = ratings()
    result = fastmf.cross_validate(biased(random_state=3), data, 4, metrics=["rmse", "ndcg@3", "mae"], random_state=1)
    by_hand = []
    for train, test in fastmf.kfold(data, 4, random_state=1):
        model = biased(random_state=3).fit(train)
        report = fastmf.evaluate(model, test, k=3)
        by_hand.append([fastmf.rmse(model, test), report["ndcg@3"], fastmf.mae(model, test)])
    assert list(result) == ["rmse", "ndcg@3", "mae"]
    assert result.folds == 4
    np.testing.assert_array_equal(np.transpose([result.values_of(name) for name in result]), by_hand)
    np.testing.assert_allclose([result[name] for name in result], np.mean(by_hand, axis=0))


def test_the_spread_is_that_of_the_folds():
    result = fastmf.cross_validate(biased(), matrix(), 5, metrics="rmse", random_state=0)
    values = result.values_of("rmse")
    error = np.std(values, ddof=1) / np.sqrt(5)
    assert result.standard_error("rmse") == pytest.approx(error)
    assert 0 < error < 1
    for level in (0.5, 0.95):
        low, high = result.confidence_interval("rmse", level)
        assert (low + high) / 2 == pytest.approx(result["rmse"])
        # a test part has a quarter of the entries of its training part
        wide = error * np.sqrt(5) * np.sqrt(1 / 5 + 1 / 4)
        assert (low, high) == pytest.approx(stats.t.interval(level, 4, values.mean(), wide), rel=0.01)
    assert not values.flags.writeable
    with pytest.raises(KeyError, match="there is no 'mae'; there is rmse"):
        result.values_of("mae")


@pytest.mark.parametrize("fitted", [False, True])
def test_the_model_given_is_not_changed(fitted):
    generator = np.random.default_rng(5)
    model = fastmf.WALS(**WALS, random_state=generator, regularization=0.3)
    if fitted:
        model.fit(matrix())
    params, state, draws = model.get_params(), model._state, generator.bit_generator.state
    fastmf.cross_validate(model, matrix(), 2, random_state=0)
    assert model.get_params() == params
    assert model._state is state
    assert generator.bit_generator.state == draws


def test_an_unfitted_copy_shares_nothing():
    weights = np.ones(20)
    model = fastmf.WALS(**WALS, unobserved_weight=weights).fit(matrix())
    again = unfitted(model, factors=7)
    assert type(again) is fastmf.WALS
    assert {**again.get_params(), "unobserved_weight": 0} == {
        **model.get_params(),
        "factors": 7,
        "unobserved_weight": 0,
    }
    assert again.unobserved_weight is not weights
    assert again._state is None


def test_one_seed_one_result_and_another_for_each_fold():
    def values(seed, **more):
        return fastmf.cross_validate(biased(**more), matrix(), 3, metrics="rmse", random_state=seed).values_of("rmse")

    np.testing.assert_array_equal(values(1), values(1))
    assert (values(1) != values(2)).all()
    train, test = fastmf.split_random(matrix(), random_state=0)
    same = fastmf.cross_validate(biased(), None, [(train, test), (train, test)], random_state=0).values_of("rmse")
    assert same[0] != same[1]  # the model's own seed is drawn for each fold
    same = fastmf.cross_validate(biased(random_state=1), None, [(train, test), (train, test)]).values_of("rmse")
    assert same[0] == same[1]


def test_folds_may_come_from_any_split():
    data = ratings()
    result = fastmf.cross_validate(biased(), data, repeated_kfold(data, 3, 2, random_state=0), random_state=0)
    assert result.folds == 6
    strangers = [fastmf.split_users(data, random_state=seed) for seed in range(3)]
    model = fastmf.WALS(**WALS, random_state=0)
    result = fastmf.cross_validate(model, None, strangers, metrics="recall@5", exclude_seen=False, relevant_from=3)
    by_hand = [
        fastmf.evaluate(model.fit(train), held_out, fold_in=fold_in, k=5, exclude_seen=False, relevant_from=3)
        for train, (fold_in, held_out) in strangers
    ]
    np.testing.assert_array_equal(result.values_of("recall@5"), [report["recall@5"] for report in by_hand])


def test_by_default_the_metrics_are_those_the_model_is_made_for():
    assert list(fastmf.cross_validate(biased(), matrix(), 2)) == ["rmse", "mae"]
    assert list(fastmf.cross_validate(fastmf.WALS(**WALS), matrix(), 2)) == ["ndcg@10", "recall@10"]


def test_as_text_and_as_plain_values():
    result = fastmf.cross_validate(biased(), matrix(), 3, metrics=["rmse"], random_state=0)
    header, _, line = str(result).splitlines()
    assert header.startswith("BiasedMF(factors=4")
    assert line.split()[:2] == ["rmse", f"{result['rmse']:.4f}"]
    assert line.split()[-3:] == [f"{value:.4f}" for value in result.values_of("rmse")]
    document = result.to_dict()
    assert document["rmse"]["values"] == result.values_of("rmse").tolist()
    assert (document["rmse"]["low"], document["rmse"]["high"]) == result.confidence_interval("rmse")
    assert len(document["fit_seconds"]) == document["folds"] == 3


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_figures_of_its_name(name):
    figure = f"{name}@7" if METRICS[name].has_cutoff else name
    assert figure_of("metric", figure) == (METRICS[name], 7 if METRICS[name].has_cutoff else None)
    for bad in (f"{name}@", f"{name}@0", f"{name}@x", f"{name}@07", name if "@" in figure else f"{name}@7"):
        with pytest.raises(ValueError, match=r"metric must be one of precision@k, .*rmse, mae, with a number >= 1"):
            figure_of("metric", bad)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": 3}, TypeError, "model must be a model of fastmf"),
        ({"folds": 1}, ValueError, "folds must be an integer >= 2"),
        ({"folds": "five"}, TypeError, "folds must be an integer >= 2 or pairs"),
        ({"folds": [3]}, TypeError, r"folds must be pairs \(train, test\), got 3 among them"),
        ({"folds": [(matrix(), matrix())]}, ValueError, "at least two pairs"),
        ({"metrics": "ndcg"}, ValueError, "metrics must be one of"),
        ({"metrics": 3}, TypeError, "metrics must be None, a name or"),
        ({"metrics": []}, ValueError, "at least one metric"),
        ({"metrics": "rmse"}, ValueError, "metrics: rmse needs a model that predicts ratings"),
        (
            {"model": fastmf.MostPopular(), "metrics": "diversity@5"},
            ValueError,
            "no diversity@5 of MostPopular",
        ),
        ({"random_state": -1}, ValueError, "random_state must be"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    given = {"model": fastmf.WALS(**WALS), "ratings": matrix(), "exclude_seen": False, **arguments}
    with pytest.raises(error, match=message):
        fastmf.cross_validate(**given)
