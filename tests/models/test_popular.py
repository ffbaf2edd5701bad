import numpy as np
import scipy.sparse as sp

from fastmf import MostPopular


def test_the_score_of_an_item_is_its_number_of_entries_whatever_their_values():
    """A stored zero is an entry like any other; of items with as many, the one with the lower number comes first."""
    users, items = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([3, 1, 1, 4, 4, 0, 5])
    model = MostPopular().fit(sp.csr_array(([5.0, 0.0, -1.0, 2.0, 9.0, 1.0, 1.0], (users, items)), shape=(3, 6)))
    assert model.item_bias.tolist() == [1, 2, 0, 1, 2, 1]
    numbers, scores = model.recommend([0, 2], 6, exclude_seen=False)
    assert numbers.tolist() == [[1, 4, 0, 3, 5, 2]] * 2
    assert scores.tolist() == [[2, 2, 1, 1, 1, 0]] * 2
    assert model.recommend(2, 6)[0].tolist() == [1, 3, 2, -1, -1, -1]
    assert model.predict([0, 1], [4, 2]).tolist() == [2, 0]
    assert model.item_bias.dtype == np.float64  # float32 cannot tell 2^24 from 2^24 + 1
    assert not model.predicts_ratings


def test_without_entries_every_item_scores_0():
    for shape in ((3, 4), (3, 0)):
        items, scores = MostPopular().fit(sp.csr_array(shape)).recommend([0, 2], 2)
        assert items.tolist() == [[0, 1] if shape[1] else [-1, -1]] * 2
        assert scores.tolist() == [[0, 0] if shape[1] else [-np.inf] * 2] * 2
    assert MostPopular().fit(sp.csr_array((0, 4))).recommend([], 2)[0].shape == (0, 2)
