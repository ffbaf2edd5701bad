"""Counter-based random numbers: the hash against its twin, independence of how draws are made, distributions."""

import numpy as np
import pytest
from reference import random_bits

from fastmf import _random


def test_mix_is_splitmix64():
    # The first outputs of SplitMix64 with seed 1234567, as its published test vector has them.
    state = 1234567 + np.arange(1, 6, dtype=np.uint64) * _random.GOLDEN_GAMMA
    assert _random.mix(state).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
@pytest.mark.parametrize("stream", [0, 7, 2**40])
@pytest.mark.parametrize("start", [0, 5, 2**63])
def test_bits_match_their_twin(seed, stream, start):
    expected = [random_bits.bits(seed, stream, counter) for counter in range(start, start + 20)]
    assert _random.bits(seed, stream, 20, start).tolist() == expected


def test_a_draw_does_not_depend_on_where_a_call_starts_or_ends():
    n = 2 * _random.PIECE + 11
    whole_bits, whole_normal = _random.bits(3, 1, n), _random.normal(3, 1, n)
    for start, stop in [(0, 1), (1, 4), (7, 8), (_random.PIECE - 1, _random.PIECE + 2), (_random.PIECE + 1, n)]:
        np.testing.assert_array_equal(_random.bits(3, 1, stop - start, start), whole_bits[start:stop])
        np.testing.assert_array_equal(_random.normal(3, 1, stop - start, start), whole_normal[start:stop])
    assert _random.bits(3, 1, 0).shape == _random.normal(3, 1, 0).shape == (0,)


def test_seeds_and_streams_give_unrelated_draws():
    draws = np.stack([_random.uniform(seed, stream, 5000) for seed in (0, 1, 2) for stream in (0, 1, 2)])
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 0.06  # four standard deviations of 1 / sqrt(5000)


def test_uniform_is_uniform_in_the_half_open_interval():
    u = _random.uniform(0, 0, 1_000_000)
    assert 0 <= u.min() < 1e-5
    assert 1 - 1e-5 < u.max() < 1
    counts = np.bincount((u * 100).astype(int), minlength=100)
    chi_squared = ((counts - 10_000) ** 2 / 10_000).sum()
    assert 58 < chi_squared < 149  # 99 degrees of freedom: 0.001 on either side


def test_normal_has_the_moments_of_its_distribution():
    x = _random.normal(0, 0, 1_000_000, scale=2.0)
    assert abs(x.mean()) < 0.01
    assert abs(x.std() - 2) < 0.01
    assert abs((x**3).mean()) < 0.08
    assert abs((x**4).mean() - 48) < 0.8
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 0.005  # the two draws of a pair are independent


def test_normal_in_single_precision_is_the_double_rounded():
    expected = _random.normal(0, 0, 1000, scale=0.1).astype(np.float32)
    np.testing.assert_array_equal(_random.normal(0, 0, 1000, scale=0.1, dtype="float32"), expected)


def test_permutation_holds_each_number_once_and_moves_them():
    order = _random.permutation(0, 0, 1000)
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    assert (order == np.arange(1000)).sum() < 10
    assert not np.array_equal(order, _random.permutation(1, 0, 1000))
    assert _random.permutation(0, 0, 0).tolist() == []


def test_seed_from_repeats_what_it_is_given():
    assert _random.seed_from(7) == _random.seed_from(np.int32(7)) == 7
    assert _random.seed_from(2**63 - 1) == 2**63 - 1
    for make in (np.random.default_rng, np.random.RandomState):
        assert _random.seed_from(make(1)) == _random.seed_from(make(1)) != _random.seed_from(make(2))
        generator = make(1)
        assert _random.seed_from(generator) != _random.seed_from(generator)
    assert _random.seed_from(None) != _random.seed_from(None)
    assert all(0 <= _random.seed_from(x) < 2**63 for x in (None, np.random.default_rng(0), np.random.RandomState(0)))


def test_looking_at_an_argument_draws_nothing():
    generator = np.random.default_rng(5)
    assert _random.argument("random_state", generator) is generator
    assert _random.seed_from(generator) == _random.seed_from(np.random.default_rng(5))


@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), (2**63, ValueError), (True, TypeError), (1.0, TypeError), ("0", TypeError), ([1], TypeError)],
)
def test_bad_random_states_are_refused_by_name(value, error):
    with pytest.raises(error, match=r"^seed must be None, an integer in \[0, 2\^63\), .* got"):
        _random.argument("seed", value)
    with pytest.raises(error, match="^random_state must be"):
        _random.seed_from(value)
