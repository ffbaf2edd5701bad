"""What every model's fit takes, leaves and refuses, and its parameters as in scikit-learn."""

import copy
import inspect
import re

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import N_ITEMS, N_USERS, item_ids, matrix, ratings, user_ids

import fastmf
from fastmf import IdMap, NotFittedError


@pytest.mark.parametrize("data", [None, [[1.0]], np.ones((3, 3)), "ratings.csv", 3])
def test_fit_refuses_what_is_no_ratings(make, data):
    with pytest.raises(TypeError, match=r"ratings must be fastmf\.Ratings or a SciPy sparse matrix of users x items"):
        make().fit(data)


def test_a_bad_parameter_is_refused_when_a_fit_begins(make):
    model = make().set_params(num_threads=0)
    with pytest.raises(ValueError, match="num_threads must be None or an integer in"):
        model.fit(matrix())
    with pytest.raises(TypeError, match="num_threads must be None or an integer"):
        model.set_params(num_threads="two").fit(matrix())


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok"])
@pytest.mark.parametrize("array", [sp.csr_array, sp.csr_matrix])
def test_every_sparse_format_gives_the_same_model(make, layout, array):
    expected = make().fit(matrix())
    got = make().fit(array(matrix()).asformat(layout))
    np.testing.assert_array_equal(got.user_factors, expected.user_factors)
    np.testing.assert_array_equal(got.item_bias, expected.item_bias)


def test_fit_leaves_the_callers_arrays_alone(make):
    m = matrix()
    m.indices, m.indptr = m.indices.astype(np.int64), m.indptr.astype(np.int64)
    for row in range(N_USERS):  # every row backwards
        part = slice(m.indptr[row], m.indptr[row + 1])
        m.indices[part], m.data[part] = m.indices[part][::-1].copy(), m.data[part][::-1].copy()
    m.has_sorted_indices = False
    before = [array.copy() for array in (m.data, m.indices, m.indptr)]
    model = make().fit(m)
    lists = model.recommend(np.arange(N_USERS))
    for array, earlier in zip((m.data, m.indices, m.indptr), before, strict=True):
        np.testing.assert_array_equal(array, earlier)
    np.testing.assert_array_equal(model.item_factors, make().fit(matrix()).item_factors)
    m.data[:] = 0
    m.indices[:] = 0
    np.testing.assert_array_equal(model.recommend(np.arange(N_USERS)), lists)


def test_fit_takes_read_only_arrays(make):
    m = matrix()
    for array in (m.data, m.indices, m.indptr):
        array.flags.writeable = False
    assert make().fit(m).item_factors.shape[0] == N_ITEMS


def test_fit_returns_the_model_and_a_second_fit_replaces_the_first(make):
    model = make()
    assert model.fit(matrix()) is model
    assert model.fit(ratings()) is model
    assert model.user_ids == IdMap(user_ids())
    model.fit(matrix()[:5, :8])
    assert model.user_ids is None
    assert (len(model.user_factors), len(model.item_factors)) == (len(model.user_bias), len(model.item_bias)) == (5, 8)


def test_what_a_fitted_model_shows(named):
    assert named.user_ids == IdMap(user_ids())
    assert named.item_ids == IdMap(item_ids())
    assert named.item_info["title"][4] == "Тitle 4"
    assert isinstance(named.mean, float)
    assert isinstance(named.history, list)
    assert isinstance(named.predicts_ratings, bool)
    dtypes = {a.dtype for a in (named.user_factors, named.item_factors, named.user_bias, named.item_bias)}
    assert len(dtypes) == 1


def test_parameters_as_in_scikit_learn(make):
    model = make()
    params = model.get_params()
    assert params == model.get_params(deep=False)
    again = type(model)(**params)
    assert again.get_params() == params
    assert again.set_params(num_threads=3) is again
    assert again.get_params() == {**params, "num_threads": 3}
    with pytest.raises(ValueError, match="no parameter 'colour'"):
        again.set_params(num_threads=5, colour=1)
    assert again.num_threads == 3


def test_repr_shows_what_is_not_the_default(make):
    assert repr(type(make())()) == f"{type(make()).__name__}()"
    model = make().set_params(num_threads=3)
    assert "num_threads=3" in repr(model)
    assert eval(repr(model), vars(fastmf)).get_params() == model.get_params()
    for name, value in type(model)().get_params().items():  # equal to the default, but another object
        model.set_params(**{name: copy.deepcopy(value) if not isinstance(value, float) else float(repr(value))})
    assert repr(model) == f"{type(model).__name__}()"


def test_scikit_learn_clones_a_model(named):
    base = pytest.importorskip("sklearn.base")
    clone = base.clone(named)
    assert clone.get_params() == named.get_params()
    with pytest.raises(NotFittedError):
        clone.predict("user 1", 100)
    assert named.predict("user 1", 100) is not None


def test_the_docstring_has_the_parameters_in_order_with_their_defaults(make):
    model = type(make())
    section = re.search(r"Parameters\n-+\n(.*?)\n\n\w+\n-+\n", inspect.getdoc(model), re.DOTALL)[1]
    described = dict(re.findall(r"^(\w+) : (.*)$", section, re.MULTILINE))
    defaults = model().get_params()
    assert list(described) == list(defaults)
    for name, text in described.items():
        allowed = ("optional", "default None") if defaults[name] is None else (f"default {defaults[name]!r}",)
        assert text.rpartition(", ")[2].replace('"', "'") in allowed, name


def test_positional_parameters_are_refused(make):
    with pytest.raises(TypeError, match="positional"):
        type(make())(64)
