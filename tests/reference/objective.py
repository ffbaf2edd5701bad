"""Twin of fastmf.kernels.objective."""


def observed_loss(
    indptr,
    indices,
    weights,
    targets,
    X,
    Y,
    user_bias,
    item_bias,
    mean,
    unobserved,
    sums,
    num_threads,
):
    for u in range(len(X)):
        loss = residual = predicted = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            i = indices[e]
            score = mean + float(user_bias[u] if len(user_bias) else 0) + float(item_bias[i] if len(item_bias) else 0)
            for c in range(X.shape[1]):
                score += float(X[u, c]) * float(Y[i, c])
            error = float(value(targets, e)) - score
            loss += float(value(weights, e)) * error * error
            residual += float(value(weights, e)) * error
            predicted += float(value(unobserved, i)) * score * score
        sums[u] = loss, residual, predicted


def squared_norms(X, out, num_threads, scale=None):
    for u in range(len(X)):
        out[u] = 0.0
        for c in range(X.shape[1]):
            out[u] += (1.0 if scale is None else float(scale[c])) * float(X[u, c]) ** 2


def value(array, position):
    """An array of one element holds the same value for every position."""
    return array[0] if len(array) == 1 else array[position]
