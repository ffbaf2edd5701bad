"""Twin of fastmf.kernels.propagate."""

from reference.objective import value


def add_signed_rows(bits, sizes, times, factors, Y, num_threads):
    for i in range(len(Y)):
        for c in range(factors):
            sign = 1 if int(bits[i, c // 64]) >> c % 64 & 1 else -1
            Y[i, c] = times * float(Y[i, c]) + sign * float(sizes[i])


def propagate(indptr, indices, values, row_scale, scale, Y, Z, num_threads):
    for u in range(len(Z)):
        for c in range(Y.shape[1]):
            total = 0.0
            for e in range(indptr[u], indptr[u + 1]):
                i = indices[e]
                total += float(value(values, e)) * float(scale[i]) * float(Y[i, c])
            Z[u, c] = float(row_scale[u]) * total
