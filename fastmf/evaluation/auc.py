"""AUC"""

import numpy as np


def per_user(state, users, relevant, skipped, num_threads):
    out = np.empty(len(users))
    S = state.user_factors[users].astype(float) @ state.item_factors.T.astype(float) + state.item_bias
    for j in range(len(users)):
        rel = relevant[1][relevant[0][j] : relevant[0][j + 1]]
        neg = np.ones(S.shape[1], bool)
        neg[rel] = False
        if skipped is not None:
            neg[skipped[1][skipped[0][j] : skipped[0][j + 1]]] = False
        a = S[j, rel][:, None]
        b = S[j, neg][None]
        out[j] = ((a > b) + 0.5 * (a == b)).mean() if neg.any() else 0.5
    return out
