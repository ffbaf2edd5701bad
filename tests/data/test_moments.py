"""Times as Python objects: whatever kind of date it is, the seconds are the same; what is no time is named."""

import datetime
import decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmf.data import Ratings, frames, query
from fastmf.data.moments import times_of

EPOCH = datetime.datetime(1970, 1, 1)
NAIVE = [datetime.datetime(2001, 9, 9, 1, 46, 40), datetime.datetime(1969, 12, 31, 23, 59, 59, 500000)]
ZONE = datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))
AWARE = [moment.replace(tzinfo=datetime.UTC).astimezone(ZONE) for moment in NAIVE]
DAYS = [datetime.date(1970, 1, 3), datetime.date(1969, 12, 31)]


def timestamps(times):
    return Ratings.from_arrays([0, 1], [0, 0], timestamps=times).timestamps


@pytest.mark.parametrize(
    "times",
    [NAIVE, AWARE, np.array(NAIVE, object), np.array(NAIVE, "M8[ms]"), list(np.array(NAIVE, "M8[ms]"))],
    ids=["naive", "aware", "objects", "datetime64", "list of datetime64"],
)
def test_moments_are_seconds_since_1970(times):
    found = timestamps(times)
    assert found.dtype == np.float64
    assert found.tolist() == [1e9, -0.5]


def test_days_are_seconds_since_1970_and_go_with_moments():
    assert timestamps(DAYS).tolist() == [2 * 86400, -86400]
    assert timestamps([DAYS[0], NAIVE[0]]).tolist() == [2 * 86400, 1e9]


def test_moments_of_other_libraries():
    pandas, polars, pyarrow = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    moments = [
        *[[pandas.Timestamp(moment) for moment in times] for times in (NAIVE, AWARE)],
        *[make(times) for make in (pandas.Series, pandas.DatetimeIndex, polars.Series) for times in (NAIVE, AWARE)],
        *[pyarrow.array(NAIVE, pyarrow.timestamp(unit)) for unit in ("ms", "us", "ns")],
        pyarrow.array(AWARE, pyarrow.timestamp("us", "UTC")),
    ]
    for times in moments:
        assert timestamps(times).tolist() == [1e9, -0.5], times
    for days in (polars.Series(DAYS), pyarrow.array(DAYS), pyarrow.array(DAYS, pyarrow.date64())):
        assert timestamps(days).tolist() == [2 * 86400, -86400], days


@given(st.lists(st.datetimes(timezones=st.one_of(st.none(), st.timezones())), min_size=1))
def test_every_moment_is_its_distance_from_1970(moments):
    none = datetime.timedelta(0)
    distances = [moment.replace(tzinfo=None) - EPOCH - (moment.utcoffset() or none) for moment in moments]
    found = times_of("times", moments, range(len(moments)))
    np.testing.assert_allclose(found, [distance.total_seconds() for distance in distances], rtol=1e-15)


class Nowhere(datetime.tzinfo):
    """A time zone that knows no offset, which Python takes for none."""

    def utcoffset(self, moment):
        return None


@pytest.mark.parametrize("moment", [datetime.datetime.min, datetime.datetime.max])
def test_the_first_and_last_moments_have_seconds_in_any_zone(moment):
    seconds = (moment - EPOCH).total_seconds()
    assert timestamps([moment.replace(tzinfo=Nowhere()), moment]).tolist() == [seconds, seconds]
    for hours in (-14, 14):
        zone = datetime.timezone(datetime.timedelta(hours=hours))
        assert timestamps([moment.replace(tzinfo=zone)] * 2).tolist() == [seconds - 3600 * hours] * 2


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([5, -(2**63)], np.array([5, -(2**63)])),
        ([5, np.int8(7)], np.array([5, 7])),
        ([5, 0.5], np.array([5, 0.5])),
        ([5, 2**63], np.array([5, 2.0**63])),
        ([np.float32(0.5), decimal.Decimal("1.5")], np.array([0.5, 1.5])),
    ],
    ids=str,
)
def test_numbers_are_integers_if_all_of_them_are(times, expected):
    found = timestamps(np.array(times, object))
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("times", "error", "text"),
    [
        ([NAIVE[0], None], ValueError, "timestamps must have no missing times, got None at position 1"),
        ([np.datetime64("NaT", "s"), NAIVE[0]], ValueError, "no missing times, got .*NaT.* at position 0"),
        (np.array([5, np.nan], object), ValueError, "timestamps must hold finite numbers .*, got nan at position 1"),
        ([NAIVE[0], 5], TypeError, "timestamps must hold all numbers or all dates, got 5 at position 1"),
        ([5, DAYS[0]], TypeError, r"all numbers or all dates, got datetime.date\(1970, 1, 3\) at position 1"),
        (np.array(["now", 5], object), TypeError, "timestamps must hold numbers or dates, got 'now' at position 0"),
        (np.array([True, 5], object), TypeError, "timestamps must hold numbers or dates, got True at position 0"),
        ([datetime.time(5), datetime.time(6)], TypeError, r"got datetime.time\(5, 0\) at position 0"),
        ([datetime.timedelta(5)] * 2, TypeError, "timestamps must hold"),
        (np.array([5, np.timedelta64(5, "s")], object), TypeError, "timestamps must hold all numbers .* at position 1"),
        ([decimal.Decimal("sNaN"), 5], ValueError, "timestamps must have no missing times, got .*sNaN.* at position 0"),
        (np.array([5, 10**400], object), ValueError, "timestamps must fit float64, got int 1000.* at position 1"),
    ],
    ids=str,
)
def test_what_is_no_time_is_named_by_its_position(times, error, text):
    with pytest.raises(error, match=text):
        timestamps(times)


# -- columns of frames --------------------------------------------------------------------------------------------

AT = {"user": "who", "item": "film", "timestamp": "at"}


@pytest.mark.parametrize("moments", [NAIVE, AWARE], ids=["naive", "aware"])
def test_objects_in_a_frame_are_seconds(moments, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr(frames, "ROWS", 1)
    frame = pandas.DataFrame({"who": [1, 2], "film": [1, 1], "at": pandas.Series(moments, dtype=object)})
    assert Ratings.from_frame(frame, **AT).timestamps.tolist() == [1e9, -0.5]


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_numbers_and_dates_do_not_go_together_however_the_rows_come(rows, monkeypatch):
    monkeypatch.setattr(query, "ROWS", rows)
    monkeypatch.setattr(frames, "ROWS", rows)
    text = r"column 'at' \(timestamp\) must hold all numbers or all dates, got 5 at position 2"
    table = [(1, 1, None), (2, 1, DAYS[0]), (3, 1, 5)]

    class Cursor:
        description = (("who",), ("film",), ("at",))

        def execute(self, sql):
            self.left = list(table)

        def fetchmany(self, n):
            found, self.left = self.left[:n], self.left[n:]
            return found

    with pytest.raises(TypeError, match=text):
        Ratings.from_query(Cursor(), "select", **AT, missing="drop")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table, columns=["who", "film", "at"]).astype({"at": object})
    with pytest.raises(TypeError, match=text):
        Ratings.from_frame(frame, **AT, missing="drop")


@pytest.mark.parametrize("kind", ["objects", "pandas date64", "pyarrow date64"])
def test_days_in_a_frame_of_types_that_narwhals_does_not_name(kind):
    pandas, pyarrow = map(pytest.importorskip, ("pandas", "pyarrow"))
    days, columns = [DAYS[0], None, DAYS[1]], {"who": [1, 2, 3], "film": [1, 1, 1]}
    if kind == "pyarrow date64":
        frame = pyarrow.table({**columns, "at": pyarrow.array(days, pyarrow.date64())})
    else:
        dtype = object if kind == "objects" else pandas.ArrowDtype(pyarrow.date64())
        frame = pandas.DataFrame({**columns, "at": pandas.Series(days, dtype=dtype)})
    assert Ratings.from_frame(frame, **AT, missing="drop").timestamps.tolist() == [2 * 86400, -86400]
    with pytest.raises(ValueError, match=r"column 'at' \(timestamp\) lacks 1 of 3, the first at position 1"):
        Ratings.from_frame(frame, **AT)
