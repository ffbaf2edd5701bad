"""The stand-in's model files: implicit's names in them, whole or not at all, never unpickled."""

import errno
import io

import numpy as np
import plain_implicit as plain
import pytest

from fastmf import ModelFileError
from fastmf.compat.implicit.als import AlternatingLeastSquares
from fastmf.compat.implicit.cpu import als

PARAMS = {
    "factors": 3,
    "regularization": 0.25,
    "alpha": 2.0,
    "dtype": np.float64,
    "use_native": False,
    "use_cg": False,
    "iterations": 2,
    "calculate_training_loss": True,
    "num_threads": 1,
    "random_state": 7,
}


def fitted(**params):
    made = AlternatingLeastSquares(**(PARAMS | params))
    made.fit(plain.likes(), show_progress=False)
    return made


def test_a_file_brings_everything_back(tmp_path):
    made = fitted()
    made.save(str(tmp_path / "model"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]
    for path in (str(tmp_path / "model"), tmp_path / "model.npz", tmp_path / "model"):
        again = AlternatingLeastSquares.load(path)
        assert type(again) is AlternatingLeastSquares
        for name, value in vars(made).items():
            if not isinstance(value, np.ndarray):
                assert getattr(again, name) == value
                assert type(getattr(again, name)) is type(value)
        np.testing.assert_array_equal(again.user_factors, made.user_factors)
        np.testing.assert_array_equal(again.item_factors, made.item_factors)
    again.fit(plain.likes(), show_progress=False)
    assert type(als.AlternatingLeastSquares.load(path)) is als.AlternatingLeastSquares


def test_a_file_holds_the_names_that_implicit_gives_it(tmp_path):
    fitted().save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert set(file.files) == {
            "user_factors", "item_factors", "regularization", "factors", "num_threads", "iterations", "use_native",
            "use_cg", "cg_steps", "calculate_training_loss", "dtype", "random_state", "alpha",
        }  # fmt: skip
        assert str(file["dtype"]) == "float64"


def test_files_may_be_open_and_models_not_fitted():
    made, file = AlternatingLeastSquares(), io.BytesIO()
    made.save(file)
    file.seek(0)
    assert vars(AlternatingLeastSquares.load(file)) == vars(made)


@pytest.mark.parametrize("state", [np.random.RandomState(0), np.random.default_rng(0)])
def test_a_generator_is_left_out(state, tmp_path):
    fitted(random_state=state).save(tmp_path / "model")
    assert AlternatingLeastSquares.load(tmp_path / "model").random_state is None


def test_a_failed_save_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    made, path = fitted(), tmp_path / "model.npz"
    made.save(path)
    before, savez = path.read_bytes(), np.savez

    def broken(file, **values):
        savez(file, **values)
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(OSError, match="no space left"):
        made.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "bits", "array", "packed"])
def test_a_damaged_file_is_said_to_be_one(damage, tmp_path):
    path = tmp_path / "model.npz"
    fitted().save(path)
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[300] ^= 255
    array = io.BytesIO()
    np.save(array, np.ones(3))
    squeezed = io.BytesIO()
    np.savez_compressed(squeezed, factors=np.arange(1000))
    packed = bytearray(squeezed.getvalue())
    packed[60:90] = bytes(30)
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[:-40],
            "text": b"x" * 99,
            "bits": changed,
            "array": array.getvalue(),
            "packed": packed,
        }[damage]
    )
    with pytest.raises(ModelFileError, match=r"model.npz is not a whole .npz file"):
        AlternatingLeastSquares.load(path)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    for name in ("learning_rate", "fit", "solver", "YtY", "_YtY"):
        np.savez(path, factors=3, **{name: 0.1})
        with pytest.raises(ModelFileError, match=f"holds '{name}', which a AlternatingLeastSquares does not have"):
            AlternatingLeastSquares.load(path)
    np.savez(path, factors=np.array({"pickled": 1}, object))
    with pytest.raises(ModelFileError, match="allow_pickle"):
        AlternatingLeastSquares.load(path)
    with pytest.raises(TypeError):
        AlternatingLeastSquares.load(None)
    with pytest.raises(FileNotFoundError):
        AlternatingLeastSquares.load(tmp_path / "none")
