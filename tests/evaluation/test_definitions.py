"""The definitions of all ranking metrics against scikit-learn's, on random rankings with ties."""

import numpy as np
import pytest
import scipy.sparse as sp
from stand_in import GivenFactors

from fastmf.evaluation import evaluate, evaluate_lists

metrics = pytest.importorskip("sklearn.metrics")

N_USERS, N_ITEMS = 15, 30
CUTOFFS = (1, 3, 10, 30)


def rankings(seed):
    """Scores of few values, so with many ties, relevance, and a model with these scores."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, (N_USERS, N_ITEMS)).astype(float)
    relevant = rng.random((N_USERS, N_ITEMS)) < rng.choice([0.05, 0.2, 0.6], (N_USERS, 1))
    relevant[np.arange(N_USERS), rng.integers(0, N_ITEMS, N_USERS)] = True
    nothing = sp.csr_array(([1.0], ([0], [0])), shape=(N_USERS, N_ITEMS))  # what was seen is not left out
    return scores, relevant, GivenFactors().fit(nothing, scores, np.eye(N_ITEMS))


def untied(scores):
    """Scores in the same order without ties: the lower item number comes first."""
    order = np.lexsort((np.broadcast_to(np.arange(N_ITEMS), scores.shape), -scores))
    out = np.empty_like(scores)
    np.put_along_axis(out, order, np.arange(N_ITEMS, 0, -1, dtype=float)[None, :], axis=1)
    return out


@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_lists_are_those_of_scikit_learn(seed):
    scores, relevant, model = rankings(seed)
    report = evaluate(model, sp.csr_array(relevant), k=CUTOFFS, exclude_seen=False)
    ranked = untied(scores)
    for k in CUTOFFS:
        ndcg = [metrics.ndcg_score(relevant[[u]], ranked[[u]], k=k, ignore_ties=True) for u in range(N_USERS)]
        np.testing.assert_allclose(report.per_user(f"ndcg@{k}"), ndcg)
        chosen = ranked > N_ITEMS - k
        for name, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score)):
            expected = [score(relevant[u], chosen[u], zero_division=0) for u in range(N_USERS)]
            np.testing.assert_allclose(report.per_user(f"{name}@{k}"), expected)
        n = relevant.sum(axis=1)
        hits = np.array([metrics.confusion_matrix(relevant[u], chosen[u])[-1, -1] for u in range(N_USERS)])
        np.testing.assert_allclose(report.per_user(f"recall_min@{k}"), hits / np.minimum(n, k))
        np.testing.assert_allclose(report.per_user(f"hit_rate@{k}"), hits > 0)
    everything = f"@{N_ITEMS}"
    precision = [metrics.average_precision_score(relevant[u], ranked[u]) for u in range(N_USERS)]
    np.testing.assert_allclose(report.per_user("map" + everything), precision)


@pytest.mark.parametrize("seed", range(3))
def test_of_one_relevant_item_the_reciprocal_rank_is_the_label_ranking_average_precision(seed):
    scores, _, model = rankings(seed)
    one = np.zeros((N_USERS, N_ITEMS), bool)
    one[np.arange(N_USERS), np.random.default_rng(seed).integers(0, N_ITEMS, N_USERS)] = True
    report = evaluate(model, sp.csr_array(one), k=CUTOFFS, exclude_seen=False)
    ranked = untied(scores)
    expected = [metrics.label_ranking_average_precision_score(one[[u]], ranked[[u]]) for u in range(N_USERS)]
    np.testing.assert_allclose(report.per_user(f"mrr@{N_ITEMS}"), expected)
    np.testing.assert_allclose(report.per_user(f"map@{N_ITEMS}"), expected)
    for k in CUTOFFS:
        hit = metrics.top_k_accuracy_score(one.argmax(axis=1), ranked, k=k, labels=range(N_ITEMS)) if k < N_ITEMS else 1
        assert report[f"hit_rate@{k}"] == pytest.approx(hit)


@pytest.mark.parametrize("seed", range(3))
def test_ties_count_half_in_the_area_under_the_curve(seed):
    scores, relevant, model = rankings(seed)
    report = evaluate(model, sp.csr_array(relevant), k=1, exclude_seen=False, metrics="auc")
    both = ~relevant.all(axis=1)
    expected = [metrics.roc_auc_score(relevant[u], scores[u]) for u in np.flatnonzero(both)]
    np.testing.assert_allclose(report.per_user("auc")[both], expected)


@pytest.mark.parametrize("seed", range(3))
def test_diversity_is_by_the_cosine_of_scikit_learn(seed):
    scores, relevant, model = rankings(seed)
    vectors = np.random.default_rng(seed).normal(size=(N_ITEMS, 4))
    report = evaluate(model, sp.csr_array(relevant), k=(2, 7), exclude_seen=False, item_vectors=vectors)
    cosines = metrics.pairwise.cosine_similarity(vectors)
    order = np.argsort(-untied(scores), axis=1)
    for k in (2, 7):
        pairs = np.triu_indices(k, 1)
        expected = [1 - cosines[np.ix_(top, top)][pairs].mean() for top in order[:, :k]]
        np.testing.assert_allclose(report.per_user(f"diversity@{k}"), expected)


def test_ranked_lists_give_the_same():
    scores, relevant, model = rankings(9)
    order = np.argsort(-untied(scores), axis=1)
    lists = evaluate_lists(order, sp.csr_array(relevant), k=CUTOFFS)
    report = evaluate(model, sp.csr_array(relevant), k=CUTOFFS, exclude_seen=False)
    for name in lists:
        assert lists[name] == report[name]
