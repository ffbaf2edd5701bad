"""Twin of fastmf.kernels.sgd: one record after the other, on one thread."""

import math

SQUARED, ABSOLUTE, LOGISTIC = range(3)


def descent(loss, target, z):
    """-1/2 of the slope of the loss at z, and the loss."""
    if loss == SQUARED:
        return target - z, (target - z) ** 2
    if loss == ABSOLUTE:
        return (target > z) / 2 - (target < z) / 2, abs(target - z)
    return target / 2 / (1 + math.exp(target * z)), math.log1p(math.exp(-target * z))


def step(x, y, user, item, target, w, factors, mean, rate, bias_rate, penalties, loss, adagrad, nonnegative):
    """One step on rows x, y and heads user, item, in place; returns the weighted loss before it."""
    lam_u, lam_i, lam_b = penalties
    dot = sum(a * b for a, b in zip(x, y, strict=True))
    slope, before = descent(loss, target, mean + user[3] + item[3] + dot)
    g = w * slope
    x_gradient = [g * b - lam_u * a for a, b in zip(x, y, strict=True)]
    y_gradient = [g * a - lam_i * b for a, b in zip(x, y, strict=True)]
    for row, head, gradient in ((x, user, x_gradient), (y, item, y_gradient)):
        rates = rate, bias_rate
        bias_gradient = g - lam_b * head[3]
        if adagrad:
            rates = rate / math.sqrt(head[0]), bias_rate / math.sqrt(head[1])
            head[0] += sum(d * d for d in gradient) / factors
            head[1] += bias_gradient**2
        for c, d in enumerate(gradient):
            row[c] += rates[0] * d
            if nonnegative:
                row[c] = max(row[c], 0.0)
        head[3] += rates[1] * bias_gradient
        if adagrad and not nonnegative:
            head[2] = sum(value * value for value in row)
    return w * before


def run_epoch(
    P, Q, user_heads, item_heads, place, values, weights, starts, order, subs, first, last, factors, mean, rate,
    bias_rate, user_penalty, item_penalty, bias_penalty, loss, adagrad, nonnegative, hogwild, lost, num_threads,
):  # fmt: skip
    blocks, n_subs = len(order), len(subs)
    sub_rows, item_rows = len(P) // (blocks * n_subs), len(Q) // blocks
    for s in range(first, last):
        for user_block in range(blocks):
            item_block = int(order[s]) if hogwild else (user_block + int(order[s])) % blocks
            for sub in subs.tolist():
                band = user_block * n_subs + sub
                cell = band * blocks + item_block
                lost[cell] = 0
                for r in range(starts[cell], starts[cell + 1]):
                    u = band * sub_rows + int(place[r]) % 65536
                    i = item_block * item_rows + int(place[r]) // 65536
                    x, y = P[u].tolist(), Q[i].tolist()
                    user, item = user_heads[u].tolist(), item_heads[i].tolist()
                    lost[cell] += step(
                        x, y, user, item, float(values[r]), float(weights[r if len(weights) > 1 else 0]), factors, mean,
                        rate, bias_rate, (user_penalty, item_penalty, bias_penalty), loss, adagrad, nonnegative,
                    )  # fmt: skip
                    P[u], Q[i], user_heads[u], item_heads[i] = x, y, user, item
