"""Ratings.from_sparse: every SciPy format, sorted or not; damaged matrices never reach C code."""

import numpy as np
import pytest
import scipy.sparse as sp
from data_strategies import assert_canonical, dense, dense_of, entries
from hypothesis import given
from hypothesis import strategies as st

from fastmf.data import Ratings

FORMATS = ["csr", "csc", "coo", "lil", "dok"]
ARRAYS = {"array": sp.coo_array, "matrix": sp.coo_matrix}


@given(entries(distinct=True), st.sampled_from(FORMATS), st.sampled_from(list(ARRAYS)))
def test_every_format_keeps_every_entry(made, format, kind):
    shape, rows, columns, values = made
    values = np.where(values == 0, 1, values) if format in ("lil", "dok") else values  # those two drop zeros themselves
    matrix = ARRAYS[kind]((values, (rows, columns)), shape=shape).asformat(format)
    ratings = Ratings.from_sparse(matrix)
    assert_canonical(ratings)
    assert ratings.users is ratings.items is ratings.timestamps is None
    assert ratings.shape == shape
    np.testing.assert_array_equal(dense_of(ratings), dense(shape, rows, columns, values))


@given(entries(), st.sampled_from(["sum", "mean", "max", "first", "last"]), st.sampled_from(["csr", "csc", "coo"]))
def test_duplicates(made, policy, format):
    shape, rows, columns, values = made
    order = {"csr": np.argsort(rows, kind="stable"), "csc": np.argsort(columns, kind="stable")}.get(format, slice(None))
    rows, columns, values = rows[order], columns[order], values[order]
    if format == "coo":
        matrix = sp.coo_array((values, (rows, columns)), shape=shape)
    else:
        major, minor = (rows, columns) if format == "csr" else (columns, rows)
        starts = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=shape[format == "csc"]))])
        matrix = getattr(sp, f"{format}_array")((values, minor, starts), shape=shape)
    before = [array.copy() for array in (matrix.data, *matrix.nonzero())]
    ratings = Ratings.from_sparse(matrix, duplicates=policy)
    assert_canonical(ratings)
    merge = {"sum": sum, "mean": np.mean, "max": max, "first": lambda v: v[0], "last": lambda v: v[-1]}[policy]
    expected = np.full(shape, np.nan)
    for pair in set(zip(rows.tolist(), columns.tolist(), strict=True)):
        expected[pair] = merge([v for r, c, v in zip(rows, columns, values, strict=True) if (r, c) == pair])
    np.testing.assert_array_equal(dense_of(ratings), expected)
    for array, copy in zip((matrix.data, *matrix.nonzero()), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_error_for_duplicates_names_a_pair_of_numbers():
    matrix = sp.coo_array(([1.0, 2.0, 3.0], ([1, 0, 1], [2, 0, 2])), shape=(2, 3))
    with pytest.raises(ValueError, match=r"row 1 and column 2 have, and 1 entries of 3 repeat a pair"):
        Ratings.from_sparse(matrix)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
def test_both_index_types(index, format):
    matrix = sp.random_array((6, 7), density=0.4, format=format, random_state=0)
    for name in ("indptr", "indices", "row", "col"):
        if hasattr(matrix, name):
            setattr(matrix, name, getattr(matrix, name).astype(index))
    ratings = Ratings.from_sparse(matrix)
    assert_canonical(ratings)
    np.testing.assert_array_equal(ratings.to_scipy().toarray(), matrix.toarray())


def test_unsorted_rows_are_sorted_in_a_copy():
    matrix = sp.csr_array((np.array([1.0, 2.0, 3.0]), np.array([2, 0, 1]), np.array([0, 2, 3])), shape=(2, 3))
    ratings = Ratings.from_sparse(matrix)
    assert ratings.indices.tolist() == [0, 2, 1]
    assert ratings.data.tolist() == [2, 1, 3]
    assert matrix.indices.tolist() == [2, 0, 1]


def test_explicit_zeros_are_entries_but_not_the_filling_of_blocks_and_diagonals():
    matrix = sp.csr_array((np.array([0.0, 3.0]), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2))
    for format in ("csr", "csc", "coo"):
        assert Ratings.from_sparse(matrix.asformat(format)).nnz == 2
    full = sp.coo_array([[5.0, 0, 0, 0], [0, 0, 0, 2.0]])
    for other in (full.tobsr((2, 2)), full.todia()):
        assert dense_of(Ratings.from_sparse(other))[[0, 1], [0, 3]].tolist() == [5, 2]
        assert Ratings.from_sparse(other).nnz == 2
        np.testing.assert_array_equal(other.toarray(), full.toarray())


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", "float32"), ("float64", "float64"), ("int8", "float32"), ("int64", "float32"), ("bool", "float32")],
)
def test_types_of_values(dtype, expected):
    matrix = sp.csr_array(np.array([[1, 0], [1, 1]], dtype))
    assert Ratings.from_sparse(matrix).data.dtype == expected
    assert Ratings.from_sparse(matrix).data.tolist() == [1, 1, 1]
    for wanted in ("float32", "float64"):
        assert Ratings.from_sparse(matrix, dtype=wanted).data.dtype == wanted


@pytest.mark.parametrize(
    ("shape", "format"),
    [
        *[(shape, format) for shape in [(0, 0), (0, 5), (5, 0)] for format in FORMATS],
        *[(shape, format) for shape in [(3, 4), (1, 1)] for format in [*FORMATS, "bsr", "dia"]],
    ],
)
def test_matrices_without_entries(shape, format):
    ratings = Ratings.from_sparse(sp.coo_array(shape, dtype=np.float32).asformat(format))
    assert_canonical(ratings)
    assert ratings.shape == shape
    assert ratings.nnz == 0
    assert ratings.item_counts.tolist() == [0] * shape[1]
    indptr, users, order = ratings.item_major()
    assert (len(indptr), len(users), len(order)) == (shape[1] + 1, 0, 0)
    assert ratings.describe()["mean"] is None


@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_of_the_callers_is_kept(format, dtype):
    matrix = sp.coo_array(([1.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2), dtype=dtype).asformat(format)
    ratings = Ratings.from_sparse(matrix)
    before = dense_of(ratings)
    for name in ("data", "indptr", "indices", "row", "col"):
        if hasattr(matrix, name):
            array = getattr(matrix, name)
            assert array.flags.writeable
            array[:] = 0
    np.testing.assert_array_equal(dense_of(ratings), before)


def broken(format, **changes):
    """A good matrix with an attribute put wrong, as nothing in SciPy prevents."""
    matrix = sp.csr_array(np.eye(4)).asformat(format)
    for name, value in changes.items():
        setattr(matrix, name, np.asarray(value))
    return matrix


@pytest.mark.parametrize("format", ["csr", "csc"])
@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"indices": [0, 1, 2, 4]}, ValueError, r"matrix must have indices in \[0, 4\), got 4 at entry 3"),
        ({"indices": [0, 1, 2, 2**40]}, ValueError, r"indices in \[0, 4\), got 1099511627776"),
        ({"indices": [-1, 1, 2, 3]}, ValueError, r"indices in \[0, 4\), got -1 at entry 0"),
        ({"indices": [0, 1, 2]}, ValueError, "matrix must hold the 4 entries that indptr ends with, got 3"),
        ({"data": [1.0]}, ValueError, "matrix must hold the 4 entries that indptr ends with, got 1"),
        ({"indices": [0.0, 1, 2, 3]}, TypeError, "one-dimensional indices of integers"),
        ({"indptr": [0, 1, 2, 3]}, ValueError, "indptr of length 5, got 4"),
        ({"indptr": [0, 1, 2, 3, 5]}, ValueError, "matrix must hold the 5 entries"),
        ({"indptr": [0, 3, 2, 3, 4]}, ValueError, "indptr that starts at 0 and never falls"),
        ({"indptr": [1, 1, 2, 3, 4]}, ValueError, "indptr that starts at 0 and never falls"),
        ({"indptr": [0, -1, 2, 3, 4]}, ValueError, "indptr that starts at 0 and never falls"),
        ({"indptr": [0.0, 1, 2, 3, 4]}, TypeError, "one-dimensional indptr of integers"),
        ({"indptr": [[0, 1, 2, 3, 4]]}, TypeError, "one-dimensional indptr"),
        ({"data": [1.0, np.nan, 1, 1]}, ValueError, "matrix.data must hold finite numbers"),
        ({"data": [1.0, 1, 1, np.inf]}, ValueError, "matrix.data must hold finite numbers that fit float64, got inf"),
    ],
    ids=str,
)
def test_damaged_compressed_matrices(format, changes, error, text):
    with pytest.raises(error, match=text):
        Ratings.from_sparse(broken(format, **changes))


def test_entries_behind_the_last_are_left_out():
    matrix = broken("csr", indices=[0, 1, 2, 3, 99], data=[1.0, 1, 1, 1, np.nan])
    assert Ratings.from_sparse(matrix).nnz == 4


@pytest.mark.parametrize(
    ("matrix", "text"),
    [
        (broken("coo", row=[0, 1, 2, 9]), r"indices in \[0, 4\), got 9"),
        (broken("coo", col=[0, 1, 2, -1]), r"indices in \[0, 4\), got -1"),
        (broken("coo", col=[0, 1, 2]), "a row and a column a value"),
        (broken("coo", data=[1.0, 2]), "a row and a column a value"),
        (broken("bsr", indices=[0, 1, 2, 7]), r"indices in \[0, 4\), got 7"),
        (broken("bsr", indptr=[0, 1, 2, 3, 9]), "must hold the 9 entries"),
        (broken("coo", data=[1.0, np.nan, 1, 1]), "finite"),
    ],
)
def test_damaged_matrices_of_other_formats(matrix, text):
    with pytest.raises(ValueError, match=text):
        Ratings.from_sparse(matrix)


def test_damaged_lists():
    matrix = sp.lil_array(np.eye(4))
    matrix.rows[1] = [1, 2]
    with pytest.raises(ValueError, match="one value a column number"):
        Ratings.from_sparse(matrix)
    matrix.rows[1] = [7]
    with pytest.raises(ValueError, match=r"indices in \[0, 4\), got 7"):
        Ratings.from_sparse(matrix)


class Enormous(sp.coo_array):
    """A matrix of a shape that cannot be counted in int32."""

    def __init__(self, shape):
        super().__init__((2, 2))
        self._shape = shape


@pytest.mark.parametrize("shape", [(2**31, 2), (2, 2**31)])
def test_too_many_rows_or_columns(shape):
    with pytest.raises(ValueError, match="matrix must have at most 2147483647 rows and columns"):
        Ratings.from_sparse(Enormous(shape))


def test_as_many_columns_as_there_may_be():
    ratings = Ratings.from_sparse(sp.coo_array(([1.0], ([0], [2**31 - 2])), shape=(1, 2**31 - 1)))
    assert ratings.indices.tolist() == [2**31 - 2]
    assert_canonical(ratings)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"matrix": np.eye(2)}, TypeError, "matrix must be a SciPy sparse matrix or array, got ndarray of shape"),
        ({"matrix": [[1, 0]]}, TypeError, "matrix must be a SciPy sparse matrix or array"),
        ({"matrix": None}, TypeError, "matrix must be a SciPy sparse matrix or array, got None"),
        ({"matrix": sp.coo_array(np.array([1.0, 0]))}, ValueError, "matrix must be two-dimensional"),
        ({"matrix": sp.csr_array(np.array([[1j]]))}, TypeError, "matrix must hold real numbers"),
        ({"duplicates": "add"}, ValueError, "duplicates must be one of"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ({"dtype": "float32", "matrix": sp.csr_array([[1e300]])}, ValueError, "that fit float32"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        Ratings.from_sparse(**({"matrix": sp.csr_array(np.eye(2))} | arguments))
