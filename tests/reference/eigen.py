"""Twin of fastmf.kernels.eigen: the cyclic method of Jacobi, which turns one pair of rows and columns at a time."""

import numpy as np


def eigenbasis(A, num_threads):
    A = A.copy()
    k = len(A)
    V = np.eye(k)
    largest = abs(A).max(initial=0.0)
    while k and abs(A - np.diag(A.diagonal())).max() > 1e-15 * largest:
        for p in range(k):
            for q in range(p + 1, k):
                angle = 0.5 * np.arctan2(2 * A[p, q], A[q, q] - A[p, p])
                turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
                A[:, [p, q]] = A[:, [p, q]] @ turn
                A[[p, q]] = turn.T @ A[[p, q]]
                V[:, [p, q]] = V[:, [p, q]] @ turn
    order = np.argsort(A.diagonal(), kind="stable")
    return A.diagonal()[order], V[:, order]
