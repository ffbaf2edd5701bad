"""Twin of fastmf.kernels.gramian."""

import numpy as np


def gramian(Y, weights, num_threads, wide=False):
    n, k = Y.shape
    rows = Y.astype(np.float64).tolist()
    total = np.zeros((k, k))
    for i in range(n):
        weight = float(weights[i]) if len(weights) else 1.0
        for r in range(k):
            for c in range(k):
                total[r, c] += weight * rows[i][r] * rows[i][c]
    return total
