"""implicit's model in plain NumPy and float64: its objective, its exact sweeps, its metrics; and small data for it."""

import numpy as np
import scipy.sparse as sp


def likes(n_users=30, n_items=20, density=0.25, seed=0, signed=False):
    """Confidences from 0.5 to 3.5, some of them negative if `signed`; user 3 and item 4 have none."""
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_users, n_items)) < density) * (0.5 + 3 * rng.random((n_users, n_items)))
    if signed:
        dense *= np.where(rng.random(dense.shape) < 0.3, -1, 1)
    dense[3], dense[:, 4] = 0, 0
    return sp.csr_matrix(dense.astype(np.float32))


def weights_and_targets(matrix, alpha=1.0):
    """Weight and target of every pair: 1 and 0 where nothing is stored."""
    stored = np.zeros(matrix.shape, bool)
    stored[matrix.tocoo().row, matrix.tocoo().col] = True
    values = (np.float32(alpha) * matrix.toarray().astype(np.float32)).astype(np.float64)  # rounded as implicit does
    return np.where(stored, np.abs(values), 1.0), (values > 0).astype(np.float64)


def objective(matrix, X, Y, regularization, alpha=1.0):
    weights, targets = weights_and_targets(matrix, alpha)
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    return float((weights * (targets - X @ Y.T) ** 2).sum() + regularization * ((X**2).sum() + (Y**2).sum()))


def loss(matrix, X, Y, regularization, alpha=1.0):
    return objective(matrix, X, Y, regularization, alpha) / weights_and_targets(matrix, alpha)[0].sum()


def solved(weights, targets, Y, regularization):
    """The best rows for given Y, by least squares: the normal equations would square the condition of Y. Of many best
    ones the shortest."""
    roots, ridge = np.sqrt(weights), np.sqrt(regularization) * np.eye(Y.shape[1])
    none = np.zeros(len(ridge))
    return np.array(
        [
            np.linalg.lstsq(np.vstack([root[:, None] * Y, ridge]), np.concatenate([root * a, none]), rcond=1e-12)[0]
            for root, a in zip(roots, targets, strict=True)
        ]
    )


def sweeps(matrix, X, Y, regularization, alpha=1.0, iterations=1):
    """Users for the items, then items for the users."""
    weights, targets = weights_and_targets(matrix, alpha)
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    for _ in range(iterations):
        X = solved(weights, targets, Y, regularization)
        Y = solved(weights.T, targets.T, X, regularization)
    return X, Y


def ranking_metrics(lists, test, K):
    """Precision, map, ndcg and auc of lists of item numbers (-1 for none) of all users, as implicit defines them."""
    hits = possible = 0
    ap, ndcg, auc = [], [], []
    for row in range(test.shape[0]):
        relevant = set(test[[row]].indices.tolist())
        if not relevant:
            continue
        found, precisions, gain, right, misses = 0, 0.0, 0.0, 0.0, 0
        for place, item in enumerate(lists[row][:K].tolist()):
            if item in relevant:
                found += 1
                precisions += found / (place + 1)
                gain += 1 / np.log2(place + 2)
            elif item >= 0:
                misses += 1
                right += found
        n, others = len(relevant), test.shape[1] - len(relevant)
        best = min(K, n)
        hits, possible = hits + found, possible + best
        ap.append(precisions / best)
        ndcg.append(gain / sum(1 / np.log2(place + 2) for place in range(best)))
        right += (found + n) / 2 * (others - misses)
        auc.append(right / (n * others) if others else 0.5)
    return {"precision": hits / possible, "map": np.mean(ap), "ndcg": np.mean(ndcg), "auc": np.mean(auc)}
