"""Twin of fastmf.kernels.wals: each row's system of normal equations, written out in full and treated by its method."""

import math

import numpy as np
from reference.objective import observed_loss

PRIMAL, DUAL, CG, SUBSPACE, NONNEGATIVE, ITERATED = range(6)


def solve_rows(
    indptr,
    indices,
    weights,
    targets,
    Y,
    unobserved,
    gram,
    eigenvalues,
    ridge,
    row_unobserved,
    rows,
    methods,
    cg_steps,
    block_size,
    X,
    relaxed,
    relaxation,
    observed,
    outcomes,
    work,
    num_threads,
):
    for r in range(len(rows)):
        u, k = rows[r], X.shape[1]
        A, b = normal_equations(
            indptr, indices, weights, targets, Y, unobserved, gram, ridge[u], float(at(row_unobserved, u)), u, k
        )
        start = [float(value) for value in (relaxed[u] if len(relaxed) else X[u])]
        if indptr[u] == indptr[u + 1]:
            x = [0.0] * k
        elif methods[r] in (PRIMAL, DUAL, ITERATED):  # three ways to one solution
            x = solution(A, b)
        elif methods[r] == CG:
            basis = [float(at(row_unobserved, u)) * float(value) + float(ridge[u]) for value in eigenvalues]
            if not any(eigenvalues):
                basis = [A[c][c] for c in range(k)]
            x = conjugate_gradient(A, b, start, basis, cg_steps)
        elif methods[r] == SUBSPACE:
            x = blocks_in_turn(A, b, start, block_size)
        else:
            x = nonnegative(A, b, start)
        outcomes[r] = x is None
        if x is not None:
            for c in range(k):
                X[u, c] = x[c]
            omega = 1 if methods[r] == SUBSPACE else relaxation
            for c in range(k if len(relaxed) else 0):
                relaxed[u, c] = (1 - omega) * start[c] + omega * x[c]
            if len(observed):
                part, none = np.array([indptr[u], indptr[u + 1]]), X[u, :0]
                observed_loss(
                    part,
                    indices,
                    weights,
                    targets,
                    X[u : u + 1],
                    Y,
                    none,
                    none,
                    0.0,
                    unobserved,
                    observed[u : u + 1],
                    1,
                )


def normal_equations(indptr, indices, weights, targets, Y, unobserved, gram, ridge, share, u, k):
    """A = s G + ridge I + sum_j (w_j - s c_j) y_j y_j'  and  b = sum_j w_j a_j y_j; of G the upper triangle counts."""
    A = [[share * float(gram[min(r, c), max(r, c)]) for c in range(k)] for r in range(k)]
    b = [0.0] * k
    for c in range(k):
        A[c][c] += float(ridge)
    for e in range(indptr[u], indptr[u + 1]):
        y = [float(value) for value in Y[indices[e], :k]]
        w, a = float(at(weights, e)), float(at(targets, e))
        d = w - share * float(at(unobserved, indices[e]))
        for r in range(k):
            b[r] += w * a * y[r]
            for c in range(k):
                A[r][c] += d * y[r] * y[c]
    return A, b


def at(array, position):
    """An array of one element holds the same value for every position."""
    return array[0] if len(array) == 1 else array[position]


def solution(A, b):
    """x of A x = b by Cholesky's factorisation, or None when A is not positive definite."""
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


def conjugate_gradient(A, b, x, diagonal, steps):
    """Preconditioned by a diagonal; None when a direction has no positive curvature."""
    k = len(b)
    r = [b[c] - dot(A[c], x) for c in range(k)]
    z = [r[c] / diagonal[c] for c in range(k)]
    p = list(z)
    for _ in range(steps):
        if not any(r):
            return x
        Ap = [dot(A[c], p) for c in range(k)]
        if not dot(p, Ap) > 0:
            return None
        rz = dot(r, z)
        length = rz / dot(p, Ap)
        x = [x[c] + length * p[c] for c in range(k)]
        r = [r[c] - length * Ap[c] for c in range(k)]
        z = [r[c] / diagonal[c] for c in range(k)]
        turn = dot(r, z) / rz
        p = [z[c] + turn * p[c] for c in range(k)]
    return x


def blocks_in_turn(A, b, x, block_size):
    """One sweep: each block of coordinates solved given all others; None when a block is not positive definite."""
    k = len(b)
    for start in range(0, k, block_size):
        block = range(start, min(start + block_size, k))
        step = solution([[A[r][c] for c in block] for r in block], [b[r] - dot(A[r], x) for r in block])
        if step is None:
            return None
        x = list(x)
        for c, moved in zip(block, step, strict=True):
            x[c] += moved
    return x


def nonnegative(A, b, x):
    """The least of 1/2 x'A x - b'x over x >= 0, by coordinate descent until nothing moves."""
    k = len(b)
    x = [max(0.0, value) for value in x]
    if any(not A[c][c] > 0 for c in range(k)):
        return None
    for _ in range(10_000):
        largest = 0.0
        for c in range(k):
            new = max(0.0, x[c] + (b[c] - dot(A[c], x)) / A[c][c])
            largest = max(largest, abs(new - x[c]))
            x[c] = new
        if largest <= 1e-15 * max(x):
            break
    return x


def dot(x, y):
    total = 0.0
    for c in range(len(x)):
        total += x[c] * y[c]
    return total
