"""Gowalla check-ins in the split published with LightGCN (He et al., SIGIR 2020), from a folder of the reader's own.

The folder holds train.txt and test.txt: one line a user, the user's number, then item numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse


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


def _pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = [np.array(line.split(), np.int32) for line in path.read_text().splitlines() if line.strip()]
    users = np.repeat([row[0] for row in rows], [len(row) - 1 for row in rows])
    return users, np.concatenate([row[1:] for row in rows])
