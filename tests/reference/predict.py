"""Twin of fastmf.kernels.predict."""


def pair_scores(X, Y, user_bias, item_bias, mean, users, items, out, num_threads):
    for p in range(len(users)):
        u, i = users[p], items[p]
        score = float(mean) + float(user_bias[u]) + float(item_bias[i])
        for c in range(X.shape[1]):
            score += float(X[u, c]) * float(Y[i, c])
        out[p] = score
