"""Gowalla check-ins in the split published with LightGCN (He et al., SIGIR 2020), from a folder of the reader's own.

The folder holds train.txt and test.txt: one line a user, the user's number, then item numbers. Protocol and definitions
are those of the published tables: train on train.txt, rank all items that are not in the user's training row;
Recall@20 = hits / test items, NDCG@20 with the ideal over min(test items, 20), means over users with test items.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

K = 20  # of Recall@K and NDCG@K


def read(folder: Path) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Train and test matrices of float32 ones, of one shape, with sorted int32 indices."""
    pairs = [_pairs(folder / name) for name in ("train.txt", "test.txt")]
    users, items = (max(int(part[side].max()) for part in pairs) + 1 for side in (0, 1))
    train, test = (ones(*part, (users, items)) for part in pairs)
    return train, test


def ones(users: np.ndarray, items: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """A matrix that is 1 at the given pairs."""
    matrix = sparse.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    matrix.sort_indices()
    return matrix


def held_out(train: sparse.csr_matrix, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """A random tenth of the training pairs, to choose settings by, behind the others."""
    held = np.random.default_rng(seed).random(train.nnz) < 0.1
    users, items = train.nonzero()
    fit, validation = (ones(users[part], items[part], train.shape) for part in (~held, held))
    return fit, validation


def recall_and_ndcg(lists: np.ndarray, users: np.ndarray, test: sparse.csr_matrix) -> tuple[float, float]:
    """Means over the users, all of whom have test items, given the best K items of each."""
    relevant = np.diff(test.indptr)[users]
    stored = np.repeat(np.arange(test.shape[0]), np.diff(test.indptr)) * np.int64(test.shape[1]) + test.indices
    hits = np.isin(users[:, None] * np.int64(test.shape[1]) + lists, stored)
    discount = 1 / np.log2(np.arange(2, K + 2))
    ideal = np.cumsum(discount)[np.minimum(relevant, K) - 1]
    return float((hits.sum(1) / relevant).mean()), float((hits @ discount / ideal).mean())


def _pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = [np.array(line.split(), np.int32) for line in path.read_text().splitlines() if line.strip()]
    users = np.repeat([row[0] for row in rows], [len(row) - 1 for row in rows])
    return users, np.concatenate([row[1:] for row in rows])
