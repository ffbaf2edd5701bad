"""Evaluation of models as people fit them: on the embedded ratings, by ids, through the public door."""

import numpy as np
import pytest

import fastmf
from fastmf.evaluation import evaluate_lists, predictions

RATINGS = fastmf.movielens()
TRAIN, TEST = fastmf.split_random(RATINGS, random_state=0)


def fitted(name):
    few = {"factors": 8, "random_state": 0}
    model = {
        "popular": lambda: fastmf.MostPopular(),
        "wals": lambda: fastmf.WALS(**few, unobserved_weight=0.1),
        "ratings": lambda: fastmf.BiasedMF(**few, epochs=4),
    }[name]()
    return model.fit(TRAIN)


@pytest.mark.parametrize("name", ["popular", "wals", "ratings"])
def test_evaluate_judges_the_lists_that_recommend_gives(name):
    model = fitted(name)
    report = fastmf.evaluate(model, TEST, k=(5, 20))
    items, _ = model.recommend(TRAIN.users.ids, k=20)
    numbers = np.where(
        np.ma.getmaskarray(items), -1, TRAIN.items.numbers(np.ma.getdata(items).ravel()).reshape(items.shape)
    )
    lists = evaluate_lists(numbers, TEST, train=TRAIN, k=(5, 20))
    assert "diversity@5" not in lists
    for figure in lists:
        assert report[figure] == lists[figure], figure
    assert 0.5 < report["auc"] < 1


@pytest.mark.parametrize("name", ["wals", "ratings"])
def test_learned_models_are_told_from_chance_and_wals_from_the_most_popular(name):
    popular, learned = (fastmf.evaluate(fitted(each), TEST, metrics=["ndcg", "auc"]) for each in ("popular", name))
    assert np.isfinite(list(learned.values())).all()
    if name == "wals":
        comparison = learned.compare(popular, "ndcg@10", random_state=0)
        assert comparison.difference > 0
        assert comparison.p_value < 0.001


def test_rmse_and_mae_are_those_of_predict():
    model = fitted("ratings")
    users, items = TEST.users.ids[TEST.row_numbers()], TEST.items.ids[TEST.indices]
    errors = TEST.data.astype(float) - model.predict(users, items)
    report = fastmf.evaluate(model, TEST, metrics=["rmse", "mae"])
    assert report["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-6) == fastmf.rmse(model, TEST)
    assert report["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-6) == fastmf.mae(model, TEST)


@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_errors_are_added_up_by_user(chunk, monkeypatch):
    monkeypatch.setattr(predictions, "CHUNK", chunk)
    model = fastmf.BiasedMF(factors=4, epochs=3, random_state=0).fit(TRAIN)
    part = TEST.select(np.arange(TEST.nnz) % 3 == 0)
    rows = part.row_numbers()
    errors = part.data - model.predict(part.users.ids[rows], part.items.ids[part.indices]).astype(float)
    found = predictions.rating_errors(model, part, 1)
    rated = np.unique(rows)
    assert len(rated) < part.n_users
    for name, each in (("rmse", errors**2), ("mae", np.abs(errors))):
        assert found[name].user_ids.tolist() == part.users.ids[rated].tolist()
        np.testing.assert_allclose(found[name].sums, [each[rows == row].sum() for row in rated], rtol=1e-9)
        assert found[name].entries.tolist() == [int((rows == row).sum()) for row in rated]
    report = fastmf.evaluate(model, part, metrics=("rmse", "ndcg"), relevant_from=5)
    low, high = report.confidence_interval("rmse", random_state=0)
    assert low < report["rmse"] < high
    assert report.users < len(rated)  # those with a relevant film
    assert report.compare(report, "rmse", random_state=0) == (0, 0, 0, 1, len(rated))


def test_cross_validation_predicts_every_rating_once():
    constant = [
        fastmf.rmse(fastmf.BiasedMF(factors=1, epochs=1, random_state=0).fit(train), test)
        for train, test in fastmf.kfold(RATINGS, 3, random_state=0)
    ]
    assert len(constant) == 3
    assert max(constant) < RATINGS.data.std()
