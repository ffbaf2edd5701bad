"""Twin of fastmf.kernels.wals: one system of normal equations a row, solved by Cholesky elimination.

The dual form is another way to the same solution, so the twin has one form for both.
"""

import math


def solve_rows(
    indptr,
    indices,
    weights,
    targets,
    Y,
    gram,
    eigenvalues,
    ridge,
    unobserved_weight,
    dual_up_to,
    rows,
    X,
    failed,
    work,
    num_threads,
):
    for r in range(len(rows)):
        u = rows[r]
        A, b = normal_equations(
            indptr, indices, weights, targets, Y, gram, float(ridge[u]), float(unobserved_weight), u, X.shape[1]
        )
        x = [0.0] * X.shape[1] if indptr[u] == indptr[u + 1] else solution(A, b)
        failed[r] = x is None
        if x is not None:
            for c in range(X.shape[1]):
                X[u, c] = x[c]


def normal_equations(indptr, indices, weights, targets, Y, gram, ridge, unobserved_weight, u, k):
    """A = G + ridge I + sum_j (w_j - w0) y_j y_j'  and  b = sum_j w_j a_j y_j, of which G holds the upper triangle."""
    A = [[float(gram[min(r, c), max(r, c)]) for c in range(k)] for r in range(k)]
    b = [0.0] * k
    for c in range(k):
        A[c][c] += ridge
    for e in range(indptr[u], indptr[u + 1]):
        y = [float(value) for value in Y[indices[e], :k]]
        w = float(weights[0] if len(weights) == 1 else weights[e])
        a = float(targets[0] if len(targets) == 1 else targets[e])
        for r in range(k):
            b[r] += w * a * y[r]
            for c in range(k):
                A[r][c] += (w - unobserved_weight) * y[r] * y[c]
    return A, b


def solution(A, b):
    """x of A x = b, or None when A is not positive definite."""
    k = len(b)
    L = [[0.0] * k for _ in range(k)]
    for r in range(k):
        for c in range(r + 1):
            rest = A[r][c]
            for p in range(c):
                rest -= L[r][p] * L[c][p]
            if r != c:
                L[r][c] = rest / L[c][c]
            elif rest > 0:
                L[r][r] = math.sqrt(rest)
            else:
                return None
    y = [0.0] * k
    for r in range(k):
        rest = b[r]
        for p in range(r):
            rest -= L[r][p] * y[p]
        y[r] = rest / L[r][r]
    x = [0.0] * k
    for r in reversed(range(k)):
        rest = y[r]
        for p in range(r + 1, k):
            rest -= L[p][r] * x[p]
        x[r] = rest / L[r][r]
    return x
