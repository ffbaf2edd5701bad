"""Twin of fastmf.kernels.rotate."""

import numpy as np


def rotate(Y, V, out, num_threads):
    n, k = Y.shape
    rows, basis = Y.astype(np.float64).tolist(), V.astype(np.float64).tolist()
    for i in range(n):
        for c in range(k):
            total = 0.0
            for j in range(k):
                total += rows[i][j] * basis[j][c]
            out[i, c] = total
