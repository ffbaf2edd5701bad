import numpy as np
import pytest
import scipy.sparse as sp
from stand_in import GivenFactors

from fastmf.data import Ratings
from fastmf.evaluation import evaluate, evaluate_lists


def case():
    """A model, what it recommends to everybody, and a test whose third user has nothing held out."""
    rng = np.random.default_rng(0)
    train = sp.csr_array((rng.random((40, 30)) < 0.2).astype(np.float32))
    held_out = (rng.random((40, 30)) < 0.2) & (train.toarray() == 0)
    held_out[2] = False
    factors = [rng.normal(size=(size, 4)).astype(np.float32) for size in train.shape]
    model = GivenFactors().fit(train, *factors)
    lists, _ = model.recommend(np.arange(40), k=12)
    return model, train, sp.csr_array(held_out.astype(np.float32)), lists


def test_lists_of_a_model_are_judged_as_the_model_is():
    model, train, test, lists = case()
    whole = evaluate(model, test, k=(2, 7, 12))
    report = evaluate_lists(lists, test, train=train, k=(2, 7, 12), item_vectors=model.item_factors)
    assert report.keys() == {name for name in whole if "@" in name}
    for name in report:
        assert report[name] == pytest.approx(whole[name], rel=1e-6), name
    np.testing.assert_array_equal(report.user_ids, np.flatnonzero(np.diff(test.indptr)))
    np.testing.assert_array_equal(report.per_user("map@7"), whole.per_user("map@7"))


def test_without_train_and_vectors_the_rest_is_reported_and_a_note_says_what_is_missing():
    *_, test, lists = case()
    report = evaluate_lists(lists, test, k=5)
    assert "novelty@5" not in report
    assert "diversity@5" not in report
    assert [note.partition(":")[0] for note in report.notes] == ["novelty is left out", "diversity is left out"]
    assert evaluate_lists(lists, test, metrics="coverage", k=5).notes == ()


def test_lists_longer_than_k_and_padded_ones_are_fine():
    test = Ratings.from_arrays(["ann", "bob"], ["x", "y"])
    report = evaluate_lists([[0, 1, -1], [-1, -1, -1]], test, k=1)
    assert report["recall@1"] == 0.5
    assert report["coverage@1"] == 0.5
    assert report.user_ids.tolist() == ["ann", "bob"]


_, TRAIN, TEST, LISTS = case()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"ranked": LISTS[:5]}, ValueError, "ranked must have a row for each of test's 40 rows"),
        ({"ranked": LISTS[0]}, ValueError, "ranked must have a row for each"),
        ({"ranked": LISTS.astype(float)}, TypeError, "ranked must hold integers"),
        ({"ranked": np.where(LISTS[1, 1] == LISTS, 30, LISTS)}, IndexError, r"in \[0, 30\), or -1 for none, got 30"),
        ({"ranked": np.where(LISTS[1, 1] == LISTS, -2, LISTS)}, IndexError, "or -1 for none, got -2"),
        (
            {"ranked": np.tile([5, 6, 5, 7], (40, 1)), "k": 3},
            ValueError,
            "at most once in a list, got 5 again in row 0",
        ),
        ({"k": (5, 13)}, ValueError, "k must be at most the length of the lists, 12, got 13"),
        ({"k": 0}, ValueError, "k must be an integer"),
        ({"metrics": "auc"}, ValueError, "metrics must name metrics of lists, got auc"),
        ({"test": TEST.toarray()}, TypeError, "test must be fastmf.Ratings"),
        ({"test": sp.csr_array((40, 30))}, ValueError, "test must have at least one entry"),
        ({"train": TRAIN.T}, ValueError, r"train must have the shape of test, \(40, 30\), got \(30, 40\)"),
        ({"item_vectors": np.ones((30, 0))}, ValueError, "item_vectors must be numbers of shape"),
        ({"num_threads": -1}, ValueError, "num_threads must be"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    arguments = {"ranked": LISTS, "test": TEST, "k": 5, **arguments}
    with pytest.raises(error, match=message):
        evaluate_lists(arguments.pop("ranked"), arguments.pop("test"), **arguments)
