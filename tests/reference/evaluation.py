"""A whole evaluation from dense matrices, by the definitions alone: the judge of fastmf.evaluation."""

import itertools
import math

import numpy as np
from reference.metrics import METRICS


def evaluation(scores, relevant, seen, item_counts, n_training_users, vectors, cutoffs):
    """Figures and values per user; `scores` is users x items, `relevant` and `seen` are masks of that shape."""
    lists, per_user = [], {}
    users = [u for u in range(len(scores)) if (relevant[u] & ~seen[u]).any()]
    for u in users:
        allowed = np.flatnonzero(~seen[u])
        lists.append(sorted(allowed.tolist(), key=lambda item, u=u: (-scores[u, item], item)))
    for k in cutoffs:
        tops = [full[:k] for full in lists]
        for name, metric in METRICS.items():
            per_user[f"{name}@{k}"] = [
                metric(top, set(np.flatnonzero(relevant[u] & ~seen[u])), k) for u, top in zip(users, tops, strict=True)
            ]
        per_user[f"novelty@{k}"] = [mean(novelty(i, item_counts, n_training_users) for i in top) for top in tops]
        per_user[f"diversity@{k}"] = [
            1 - mean(cosine(vectors[a], vectors[b]) for a, b in itertools.combinations(top, 2)) if len(top) > 1 else 0.0
            for top in tops
        ]
    per_user["auc"] = [auc(scores[u], relevant[u] & ~seen[u], ~relevant[u] & ~seen[u]) for u in users]
    figures = {name: mean(values) for name, values in per_user.items()}
    for k in cutoffs:
        shown = np.bincount([item for full in lists for item in full[:k]], minlength=scores.shape[1])
        figures[f"coverage@{k}"] = mean(shown > 0)
        figures[f"gini@{k}"] = np.abs(shown[:, None] - shown).sum() / (2 * len(shown) * shown.sum())
    return users, figures, per_user


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else 0.0


def novelty(item, item_counts, n_training_users):
    return -math.log2(max(item_counts[item], 1) / n_training_users)


def cosine(v, w):
    lengths = math.sqrt(v @ v) * math.sqrt(w @ w)
    return v @ w / lengths if lengths else 0.0


def auc(scores, relevant, others):
    pairs = list(itertools.product(scores[relevant], scores[others]))
    return mean(1.0 if r > o else 0.5 if r == o else 0.0 for r, o in pairs) if pairs else 0.5
