"""Plain-Python twin of fastmf/kernels/transpose.pyx."""


def count_numbers(numbers, counts, num_threads):
    for number in numbers:
        counts[0, number] += 1


def group(numbers, order, counts, starts, out, num_threads):
    groups = counts.shape[1]
    entries = order if len(order) else range(len(numbers))
    at = 0
    for number in range(groups):
        starts[number] = at
        for entry in entries:
            if numbers[entry] == number:
                out[at] = entry
                at += 1
    starts[groups] = at


def transpose(indptr, indices, counts, starts, out_rows, out_order, num_threads):
    columns = counts.shape[1]
    at = 0
    for column in range(columns):
        starts[column] = at
        for row in range(len(indptr) - 1):
            for p in range(indptr[row], indptr[row + 1]):
                if indices[p] == column:
                    out_rows[at], out_order[at] = row, p
                    at += 1
    starts[columns] = at


def take(words, order, out, num_threads):
    for p, position in enumerate(order):
        out[p] = words[position]
