"""Twin of fastmf.kernels.svdpp: one user after the other, on one thread."""

import math

import numpy as np


def inner(a, b):
    return sum(s * t for s, t in zip(a, b, strict=True))


def move(row, head, place, gradient, rate, factors, adagrad):
    """row + step gradient, with the accumulator at `place` of the head."""
    if adagrad:
        rate /= math.sqrt(head[place])
        head[place] += inner(gradient, gradient) / factors
    return [s + rate * d for s, d in zip(row, gradient, strict=True)]


def user_vectors(P, Y, indptr, indices, X, num_threads):
    for u in range(len(P)):
        items = [int(i) for i in indices[indptr[u] : indptr[u + 1]]]
        if items:
            for c in range(P.shape[1]):
                X[u, c] = float(P[u, c]) + sum(float(Y[i, c]) for i in items) / math.sqrt(len(items))


def run_epoch(
    P, Q, Y, user_heads, item_heads, indptr, indices, values, weights, order, first, last, shares, factors, mean, rate,
    implicit_rate, user_penalty, item_penalty, implicit_penalty, bias_penalty, adagrad, X, pulls, lost, num_threads,
):  # fmt: skip
    batch, done = len(X), first
    while done < last:
        users = [int(u) for u in order[done : min(done + batch, last)]]
        done += len(users)
        entries = {
            u: [
                (int(indices[e]), float(values[e]), float(weights[e if len(weights) > 1 else 0]))
                for e in range(indptr[u], indptr[u + 1])
            ]
            for u in users
        }
        vectors, directions = {}, {}
        for u in users:
            scale = 1 / math.sqrt(len(entries[u])) if entries[u] else 0.0
            implicit = scale * np.sum([Y[i] for i, _, _ in entries[u]] or [0 * P[u]], axis=0, dtype=np.float64)
            direction = np.zeros(P.shape[1])
            if entries[u]:
                lost[u] = 0
            for i, value, w in entries[u]:
                p, q, head = P[u].tolist(), Q[i].tolist(), user_heads[u]
                x = [a + b for a, b in zip(p, implicit.tolist(), strict=True)]
                error = value - (mean + head[3] + item_heads[i, 3] + inner(x, q))
                g = w * error
                P[u] = move(
                    p, head, 0, [g * b - user_penalty * a for a, b in zip(p, q, strict=True)], rate, factors, adagrad
                )
                head[3] = move([head[3]], head, 1, [g - bias_penalty * head[3]], rate, 1, adagrad)[0]
                direction += g * np.array(q)
                lost[u] += w * error**2
            vectors[u], directions[u] = P[u] + implicit, scale * direction
        for u in users:
            x, pull = vectors[u].tolist(), directions[u].tolist()
            for i, value, w in entries[u]:
                q, y, head = Q[i].tolist(), Y[i].tolist(), item_heads[i]
                g = w * (value - (mean + user_heads[u, 3] + head[3] + inner(x, q)))
                Q[i] = move(
                    q, head, 0, [g * a - item_penalty * b for a, b in zip(x, q, strict=True)], rate, factors, adagrad
                )
                head[3] = move([head[3]], head, 1, [g - bias_penalty * head[3]], rate, 1, adagrad)[0]
                y_gradient = [t - implicit_penalty * b for t, b in zip(pull, y, strict=True)]
                Y[i] = move(y, head, 2, y_gradient, implicit_rate, factors, adagrad)
