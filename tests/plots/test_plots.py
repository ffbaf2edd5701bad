"""What the pictures show is what the models and reports hold; drawn without a screen."""

import numpy as np
import pytest
from all_models import N_ITEMS, item_ids, matrix, ratings

import fastmf
from fastmf import NotFittedError, plots
from fastmf.evaluation import METRICS
from fastmf.plots import training

matplotlib = pytest.importorskip("matplotlib")
pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("Agg")

DATA = ratings()
TRAIN, TEST = fastmf.split_random(DATA, random_state=0)
FAST = {"factors": 4, "num_threads": 1, "random_state": 0}


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def wals():
    return fastmf.WALS(**FAST, iterations=4, track_objective=True).fit(TRAIN)


@pytest.fixture(scope="module")
def biased():
    return fastmf.BiasedMF(**FAST, epochs=20, learning_rate=0.03, regularization=0).fit(TRAIN, validation=TEST)


@pytest.fixture(scope="module")
def report(wals):
    return fastmf.evaluate(wals, TEST, k=(1, 3, 5))


def line_of(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# -- training_curve -----------------------------------------------------------------------------------------------


def test_the_parts_of_the_objective_are_stacked_up_to_it(wals):
    ax = plots.training_curve(wals)
    history = wals.history
    assert legend_of(ax) == ["observed", "unobserved", "regularization", "objective"]
    below = np.zeros(4)
    for area, part in zip(ax.collections, ("observed", "unobserved", "regularization"), strict=True):
        above = below + [record[part] for record in history]
        corners = area.get_paths()[0].vertices
        for number in range(4):
            at = corners[corners[:, 0] == number + 1, 1]
            assert (at.min(), at.max()) == pytest.approx((below[number], above[number]))
        below = above
    line = line_of(ax, "objective")
    assert line.get_xdata().tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(line.get_ydata(), [record["objective"] for record in history])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()[0]) == ("iteration", "objective J", 0)


def test_training_and_validation_of_ratings_have_one_scale_and_the_best_epoch_is_marked(biased):
    ax = plots.training_curve(biased)
    training, validation = ([record[name] for record in biased.history] for name in ("train_loss", "validation"))
    np.testing.assert_allclose(line_of(ax, "training").get_ydata(), np.sqrt(training))
    np.testing.assert_allclose(line_of(ax, "validation").get_ydata(), validation)
    assert legend_of(ax) == ["training", "validation"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "RMSE")
    best = int(np.argmin(validation))
    assert 0 < best < 19  # or the mark could be at an end by chance
    (mark,) = (line for line in ax.lines if len(line.get_xdata()) == 1)
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (best + 1, validation[best])
    assert [text.get_text() for text in ax.texts] == [f"{validation[best]:.4f}"]


def test_a_history_alone_is_drawn_as_it_is(biased):
    ax = plots.training_curve(biased.history)
    np.testing.assert_array_equal(
        line_of(ax, "training").get_ydata(), [record["train_loss"] for record in biased.history]
    )
    assert ax.get_ylabel() == "loss"


def test_further_figures_beside_an_objective_have_an_axis_of_their_own(wals):
    records = [{**record, "novelty@10": 0.1 * number} for number, record in enumerate(wals.history)]
    ax = plots.training_curve(records)
    (other,) = (each for each in ax.figure.axes if each is not ax)
    np.testing.assert_allclose(line_of(other, "novelty@10").get_ydata(), [0, 0.1, 0.2, 0.3])
    assert other.get_ylabel() == "novelty@10"
    assert not other.texts  # the best is marked where it is known what is better


def test_what_is_marked_as_best_is_what_evaluation_takes_for_better():
    assert ("validation", *(name for name, metric in METRICS.items() if metric.kind == "rating")) == training.ERRORS
    about_hits = [name for name, metric in METRICS.items() if metric.per_user and name not in ("novelty", "diversity")]
    assert sorted(about_hits) == sorted(training.HITS)
    assert not any(METRICS[name].lower_is_better for name in training.HITS)
    assert all(METRICS[name].lower_is_better for name in training.ERRORS[1:])


def test_figures_of_early_stopping_are_drawn_and_their_best_pass_is_marked():
    lists = fastmf.EarlyStopping(TEST, "ndcg@5", patience=9)
    ax = plots.training_curve(fastmf.WALS(**FAST, iterations=5).fit(TRAIN, callback=lists))
    assert (ax.get_xlabel(), ax.get_ylabel(), legend_of(ax)) == ("iteration", "ndcg@5", ["ndcg@5"])
    assert [text.get_text() for text in ax.texts] == [f"{lists.best_value:.4f}"]
    assert ax.texts[0].xy == (lists.best_pass, lists.best_value)

    model = fastmf.BiasedMF(**FAST, epochs=5).fit(TRAIN, callback=lists)
    ax = plots.training_curve(model)
    (other,) = (each for each in ax.figure.axes if each is not ax)
    assert (ax.get_xlabel(), ax.get_ylabel(), legend_of(ax)) == ("epoch", "RMSE", ["training"])
    np.testing.assert_array_equal(line_of(other, "ndcg@5").get_ydata(), [r["ndcg@5"] for r in model.history])
    assert other.get_ylabel() == "ndcg@5"

    errors = fastmf.EarlyStopping(TEST, "rmse", patience=9)
    ax = plots.training_curve(fastmf.BiasedMF(**FAST, epochs=5).fit(TRAIN, callback=errors))
    assert len(ax.figure.axes) == 1  # in the units of the training loss
    assert legend_of(ax) == ["training", "rmse"]
    assert ax.texts[0].xy == (errors.best_pass, errors.best_value)


def test_svdpp_shows_the_root_of_its_squared_loss_beside_the_rmse():
    model = fastmf.SVDpp(**FAST, epochs=3).fit(TRAIN, validation=TEST)
    ax = plots.training_curve(model)
    np.testing.assert_allclose(
        line_of(ax, "training").get_ydata(), np.sqrt([record["train_loss"] for record in model.history])
    )
    assert ax.get_ylabel() == "RMSE"


def test_passes_that_measured_less_leave_gaps():
    model = fastmf.BiasedMF(**FAST, epochs=3).fit(TRAIN, validation=TEST)
    model.partial_fit(TRAIN)
    known = [record["validation"] for record in model.history[:3]]
    for records in (model, model.history, [*model.history[3:], *model.history[:3]]):
        drawn = line_of(plots.training_curve(records), "validation").get_ydata()
        assert sorted(drawn[~np.isnan(drawn)]) == sorted(known)
        assert np.isnan(drawn).sum() == len(model.history) - 3
    drawn = line_of(plots.metric_against_seconds({"a": model}), "a").get_ydata()
    np.testing.assert_array_equal(drawn, [*known, *[np.nan] * (len(model.history) - 3)])


def test_the_marks_of_the_first_and_the_last_pass_are_whole(biased):
    low, high = plots.training_curve(biased).get_xlim()
    assert low < 1
    assert high > len(biased.history)


# -- metric_against_k ---------------------------------------------------------------------------------------------


def test_metric_against_k_draws_the_figures_in_their_intervals(report):
    other = fastmf.evaluate(fastmf.MostPopular().fit(TRAIN), TEST, k=(2, 5))
    ax = plots.metric_against_k({"WALS": report, "popular": other}, "recall", level=0.8)
    assert legend_of(ax) == ["WALS", "popular"]
    for band, (name, judged) in zip(ax.collections, (("WALS", report), ("popular", other)), strict=True):
        line = line_of(ax, name)
        assert tuple(line.get_xdata()) == judged.cutoffs
        np.testing.assert_array_equal(line.get_ydata(), [judged[f"recall@{k}"] for k in judged.cutoffs])
        corners = band.get_paths()[0].vertices
        for k in judged.cutoffs:
            at = corners[corners[:, 0] == k, 1]
            assert (at.min(), at.max()) == judged.confidence_interval(f"recall@{k}", 0.8, random_state=0)
        assert band.get_facecolor()[0, :3] == pytest.approx(matplotlib.colors.to_rgb(line.get_color()))
    assert list(ax.get_xticks()) == [1, 2, 3, 5]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("k", "recall@k")


def test_what_is_no_mean_over_users_has_no_band_and_one_report_needs_no_name(report):
    ax = plots.metric_against_k(report, "coverage")
    assert len(ax.collections) == 0
    assert legend_of(ax) == [report.model]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [report[f"coverage@{k}"] for k in (1, 3, 5)])


# -- metric_against_seconds ---------------------------------------------------------------------------------------


def test_metric_against_seconds_adds_the_seconds_of_the_passes(biased):
    ax = plots.metric_against_seconds({"ours": biased, "theirs": ([1.0, 2.5], [0.9, 0.8]), "same": biased.history})
    assert legend_of(ax) == ["ours", "theirs", "same"]
    for name in ("ours", "same"):
        np.testing.assert_allclose(
            line_of(ax, name).get_xdata(), np.cumsum([record["seconds"] for record in biased.history])
        )
        np.testing.assert_array_equal(line_of(ax, name).get_ydata(), [r["validation"] for r in biased.history])
    assert line_of(ax, "theirs").get_xdata().tolist() == [1, 2.5]
    assert line_of(ax, "theirs").get_ydata().tolist() == [0.9, 0.8]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xlim()[0]) == ("seconds", "validation", 0)
    losses = plots.metric_against_seconds({"a": biased}, "train_loss").lines[0].get_ydata()
    np.testing.assert_array_equal(losses, [record["train_loss"] for record in biased.history])


# -- popularity_bias ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [4096, 7])
def test_popularity_bias_counts_lists_and_entries(wals, monkeypatch, at_once):
    monkeypatch.setattr(plots.popularity, "USERS_AT_ONCE", at_once)
    ax = plots.popularity_bias(wals, k=3)
    popularity, exposure = TRAIN.item_counts, np.zeros(N_ITEMS)
    for user in TRAIN.users.ids[TRAIN.user_counts > 0]:
        items, _ = wals.recommend(user, k=3)
        exposure[TRAIN.items.numbers(np.ma.compressed(items))] += 1
    known = popularity > 0
    np.testing.assert_array_equal(
        ax.collections[0].get_offsets(), np.column_stack([popularity[known], exposure[known]])
    )
    fair = line_of(ax, "in proportion to popularity")
    np.testing.assert_allclose(fair.get_ydata() / fair.get_xdata(), exposure.sum() / popularity.sum())
    assert (fair.get_xdata().min(), fair.get_xdata().max()) == pytest.approx((min(popularity[known]), max(popularity)))
    means = line_of(ax, "mean of items as popular")
    assert (np.diff(means.get_xdata()) > 0).all()
    assert f"{(exposure[known] > 0).mean():.0%} of the items are shown" in ax.get_title()
    fewest = next(n for n in range(1, N_ITEMS) if np.sort(exposure)[::-1][:n].sum() >= exposure.sum() / 2)
    assert f"{fewest / known.sum():.1%} of the items have half" in ax.get_title()


def test_bins_are_of_items_about_as_popular():
    x = np.random.default_rng(0).integers(1, 500, 300)
    centres, means = plots.popularity.binned(x, 3 * x)
    np.testing.assert_allclose(means, 3 * centres)
    assert 6 < len(centres) <= 12
    ratios = centres[1:] / centres[:-1]
    assert (ratios > 1).all()
    assert ratios[-5:].max() < 2.5  # of about equal width on a logarithmic scale
    one, same = plots.popularity.binned(np.full(4, 7), np.arange(4))
    assert (one.tolist(), same.tolist()) == ([7], [1.5])


# -- embedding_map ------------------------------------------------------------------------------------------------


def test_embedding_map_of_two_factors_shows_them_as_they_are(wals):
    asked = item_ids()[[4, 7, 9]]
    ax = plots.embedding_map(wals, asked, dimensions=(3, 1))
    numbers = DATA.items.numbers(asked)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), wals.item_factors[numbers][:, [3, 1]], rtol=1e-6)
    assert [text.get_text() for text in ax.texts] == DATA.item_info["title"][numbers].tolist()
    assert [text.xy for text in ax.texts] == [tuple(row) for row in wals.item_factors[numbers][:, [3, 1]].tolist()]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("factor 3", "factor 1")


def test_embedding_map_of_principal_axes_shows_as_much_of_the_variance_as_two_can(wals):
    ax = plots.embedding_map(wals, n=12)
    numbers = np.argsort(-TRAIN.item_counts, kind="stable")[:12]
    rows = wals.item_factors[numbers].astype(float)
    points = np.asarray(ax.collections[0].get_offsets())
    variances = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    np.testing.assert_allclose(points.var(axis=0), variances[:2])
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-7)
    assert points[:, 0] @ points[:, 1] == pytest.approx(0, abs=1e-7)
    # distances of the whole space can only shrink
    whole = np.linalg.norm(rows[:, None] - rows, axis=2)
    assert (np.linalg.norm(points[:, None] - points, axis=2) <= whole + 1e-7).all()
    shares = variances / variances.sum()
    assert ax.get_xlabel() == f"first principal axis ({shares[0]:.0%} of the variance)"
    assert ax.get_ylabel() == f"second principal axis ({shares[1]:.0%})"


def test_titles_never_cover_each_other_and_the_first_have_the_first_choice():
    model = fastmf.WALS(factors=8, iterations=3, random_state=0).fit(fastmf.movielens())
    ax = plots.embedding_map(model, n=120)
    figure = ax.figure
    figure.draw_without_rendering()
    assert len(ax.collections[0].get_offsets()) == 120
    assert 40 < len(ax.texts) < 120
    boxes = np.array([text.get_window_extent().extents for text in ax.texts])
    frame = ax.get_window_extent().extents
    assert (boxes[:, :2] >= frame[:2] - 1).all()
    assert (boxes[:, 2:] <= frame[2:] + 1).all()
    for number, box in enumerate(boxes):
        rest = np.delete(boxes, number, axis=0)
        apart = (rest[:, 0] >= box[2]) | (rest[:, 2] <= box[0]) | (rest[:, 1] >= box[3]) | (rest[:, 3] <= box[1])
        assert apart.all()
    most = model.item_info["title"][np.argmax(np.bincount(model._fitted.seen_indices))]
    assert ax.texts[0].get_text() == most


def test_titles_are_those_given_or_the_ids_where_there_are_none(wals):
    def written(*arguments, **more):
        return [text.get_text() for text in plots.embedding_map(*arguments, **more).texts]

    asked = item_ids()[[4, 7]]
    assert written(wals, asked, titles=["one", "x" * 50]) == ["one", "x" * 31 + "…"]
    bare = fastmf.WALS(**FAST, iterations=2).fit(matrix())
    assert written(bare, [4, 7], dimensions=(0, 1)) == ["4", "7"]
    info = fastmf.Ratings(DATA.indptr, DATA.indices, DATA.data, shape=DATA.shape, users=DATA.users, items=DATA.items)
    assert written(fastmf.WALS(**FAST, iterations=2).fit(info), asked) == [str(id) for id in asked]
    assert len(plots.embedding_map(wals, n=1000).collections[0].get_offsets()) == (TRAIN.item_counts > 0).sum()
    assert written(bare, 4) == ["4"]


def test_a_title_with_dollars_is_no_formula(wals):
    ax = plots.embedding_map(wals, item_ids()[[4, 7]], titles=["$9.99", "$\\frac$"])
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.texts] == ["$9.99", "$\\frac$"]


def test_the_lines_through_zero_are_over_the_grid_and_under_the_points(wals):
    ax = plots.embedding_map(wals)
    grid = ax.xaxis.get_zorder()
    assert [grid < line.get_zorder() < ax.collections[0].get_zorder() for line in ax.lines] == [True, True]


def test_the_heading_of_popularity_bias_is_not_cut_beside_another_picture(wals):
    figure, (_, right) = pyplot.subplots(1, 2, figsize=(8, 4), layout="constrained")
    heading = plots.popularity_bias(wals, ax=right).title
    figure.draw_without_rendering()
    assert heading.get_window_extent().x1 <= figure.bbox.x1


# -- all ----------------------------------------------------------------------------------------------------------


def drawn(name, wals, biased, report, ax):
    return {
        "training": lambda: plots.training_curve(wals, ax=ax),
        "k": lambda: plots.metric_against_k(report, ax=ax),
        "seconds": lambda: plots.metric_against_seconds({"a": biased}, ax=ax),
        "popularity": lambda: plots.popularity_bias(wals, ax=ax),
        "map": lambda: plots.embedding_map(wals, ax=ax),
    }[name]()


@pytest.mark.parametrize("name", ["training", "k", "seconds", "popularity", "map"])
def test_it_is_drawn_on_the_axes_given_or_on_new_ones_and_nowhere_else(name, wals, biased, report):
    _, (left, right) = pyplot.subplots(1, 2)
    assert drawn(name, wals, biased, report, right) is right
    assert right.has_data()
    assert not left.has_data()
    assert len(pyplot.get_fignums()) == 1
    other = drawn(name, wals, biased, report, None)
    assert other.figure is not right.figure
    assert len(pyplot.get_fignums()) == 2
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got 3"):
        drawn(name, wals, biased, report, 3)


MODEL = fastmf.WALS(**FAST, iterations=2).fit(DATA)
REPORT = fastmf.evaluate(MODEL, DATA, k=5, exclude_seen=False)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plots.training_curve(3), TypeError, "model must be a fitted model or its history"),
        (lambda: plots.training_curve([]), ValueError, "at least one pass"),
        (lambda: plots.training_curve(MODEL), ValueError, "track_objective=True"),
        (lambda: plots.training_curve(fastmf.WALS()), NotFittedError, "call fit"),
        (lambda: plots.metric_against_k(3), TypeError, "reports must be a dict"),
        (lambda: plots.metric_against_k({}), TypeError, "reports must be a dict"),
        (lambda: plots.metric_against_k({"a": 3}), TypeError, "reports must hold a Report for 'a'"),
        (
            lambda: plots.metric_against_k(REPORT, "auc"),
            ValueError,
            "metric must be one of the report of ",
        ),
        (lambda: plots.metric_against_k(REPORT, level=1), ValueError, "level must be a fraction"),
        (lambda: plots.metric_against_seconds({"a": MODEL}), ValueError, "metric must be in the history of 'a'"),
        (
            lambda: plots.metric_against_seconds({"a": ([1], [1, 2])}),
            ValueError,
            "must be .* of length 2",
        ),
        (lambda: plots.metric_against_seconds({"a": ([1],)}), ValueError, r"runs\['a'\] must be a pair"),
        (lambda: plots.metric_against_seconds({"a": {}}), TypeError, r"runs\['a'\] must be a model"),
        (lambda: plots.metric_against_seconds([MODEL]), TypeError, "runs must be a dict"),
        (lambda: plots.popularity_bias(3), TypeError, "model must be a fitted model"),
        (lambda: plots.popularity_bias(MODEL, 0), ValueError, "k must be an integer >= 1"),
        (lambda: plots.popularity_bias(fastmf.WALS()), NotFittedError, "call fit"),
        (lambda: plots.embedding_map(MODEL, dimensions="best"), ValueError, "dimensions must be one of 'principal'"),
        (lambda: plots.embedding_map(MODEL, dimensions=3), TypeError, 'dimensions must be "principal" or two numbers'),
        (lambda: plots.embedding_map(MODEL, dimensions=(0, 4)), ValueError, r"dimensions\[1\] must be an integer in"),
        (lambda: plots.embedding_map(MODEL, []), ValueError, "items must have at least one"),
        (lambda: plots.embedding_map(MODEL, [0]), LookupError, "items: "),
        (lambda: plots.embedding_map(MODEL, n=0), ValueError, "n must be an integer >= 1"),
        (lambda: plots.embedding_map(MODEL, titles=["a"]), ValueError, "titles must be a one-dimensional array of len"),
        (lambda: plots.embedding_map(fastmf.MostPopular().fit(DATA)), ValueError, "at least two factors to draw"),
    ],
)
def test_bad_arguments_are_named_and_nothing_is_drawn(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert pyplot.get_fignums() == []
