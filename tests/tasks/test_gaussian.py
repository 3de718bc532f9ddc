"""Regression and classification of random vectors, against explicit sums."""

import math
from typing import Any

import pytest
import torch

from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.tasks import LinearClassification, LinearRegression, Task, TeacherStudent


def test_a_teacher_is_torchs_network_with_weights_times_alpha():
    task = TeacherStudent(d_in=3, d_hidden=8, d_out=2, alpha=1.5, n_rows=20)
    table, stream = task.table(), generator(0, "teacher")
    layers: list[torch.nn.Module] = []
    for n_in, n_out in ((3, 8), (8, 8), (8, 2)):
        drawn = 1.5 / math.sqrt(n_in) * (2 * torch.rand(n_in + 1, n_out, generator=stream) - 1)
        layer = torch.nn.Linear(n_in, n_out)
        with torch.no_grad():
            layer.weight.copy_(drawn[:-1].T)
            layer.bias.copy_(drawn[-1])
        layers += [layer, torch.nn.Tanh()]
    network = torch.nn.Sequential(*layers[:-1])
    assert table.targets is not None
    with torch.no_grad():
        assert torch.allclose(network(table.inputs), table.targets, atol=1e-6)


def test_a_teacher_is_as_large_as_torchs_own():
    table = TeacherStudent(n_rows=4000).table()
    assert table.targets is not None
    spreads: list[float] = []
    for seed in range(20):
        torch.manual_seed(seed)
        widths = [(5, 100), (100, 100), (100, 5)]
        first, second, third = (torch.nn.Linear(a, b) for a, b in widths)
        with torch.no_grad():
            outputs = third(second(first(table.inputs).tanh()).tanh())
        spreads.append(float(outputs.std()))
    assert min(spreads) < float(table.targets.std()) < max(spreads)


def test_inputs_are_standard_gaussian():
    for task in (TeacherStudent(n_rows=4000), LinearRegression()):
        inputs = task.table().inputs
        assert abs(float(inputs.mean())) < 0.04
        assert abs(float(inputs.std()) - 1) < 0.04


def test_linear_targets_are_explicit_sums_of_variance_one():
    table = LinearRegression(d=6, n_rows=40, d_out=2, data_seed=4).table()
    teacher = (torch.randn(6, 2, generator=generator(4, "teacher")) / math.sqrt(6)).tolist()
    assert table.targets is not None
    for x, y in zip(table.inputs.tolist(), table.targets.tolist(), strict=True):
        slow = [sum(x[i] * teacher[i][o] for i in range(6)) for o in (0, 1)]
        assert y == pytest.approx(slow, abs=1e-5)
    large = LinearRegression().table().targets
    assert large is not None
    assert abs(float(large.var()) - 1) < 0.25


def test_a_sparse_direction_is_the_sign_of_a_sum():
    table = LinearClassification(k=5, d=30).table()
    for row, label in zip(table.inputs.tolist(), table.labels.tolist(), strict=True):
        assert set(row) == {-1.0, 1.0}
        assert (sum(row[:5]) > 0) == label


def test_a_dense_direction_has_its_margin_and_noise_everywhere_else():
    task = LinearClassification(direction="dense", d=50, n_rows=4000, margin=2.0)
    table = task.table()
    signs = 2 * torch.randint(2, (50,), generator=generator(0, "direction")).double() - 1
    along = table.inputs.double() @ signs / math.sqrt(50)
    assert torch.allclose(along, 4 * table.labels.double() - 2, atol=1e-5)
    rest = table.inputs - torch.outer(along, signs / math.sqrt(50))
    # 49 directions are left to 50 features
    assert abs(float(rest.square().mean()) - 49 / 50) < 0.02
    assert abs(float(table.labels.double().mean()) - 0.5) < 0.03


def least_norms(task: LinearClassification) -> tuple[float, float]:
    """Test accuracy of the least L2 and of the least L1 norm that fit the training rows."""
    from scipy.optimize import linprog

    table = task.table()
    split = task.make_split(table, seed=0)
    x, sign = table.inputs.double(), 2 * table.labels.double() - 1
    seen = x[split.train]
    euclidean = torch.linalg.lstsq(seen, sign[split.train]).solution
    rows = (-sign[split.train].unsqueeze(1) * seen).numpy()
    found = linprog([1] * (2 * task.d), [[*r, *-r] for r in rows], [-1] * len(rows))
    sparse = torch.from_numpy(found.x[: task.d] - found.x[task.d :])
    right = [
        float((x[split.novel] @ w * sign[split.novel] > 0).double().mean())
        for w in (euclidean, sparse)
    ]
    return right[0], right[1]


def test_the_least_l1_norm_finds_a_sparse_direction_and_the_least_l2_norm_a_dense_one():
    euclidean, sparse = least_norms(LinearClassification(d=400, n_rows=600, train_fraction=0.125))
    assert euclidean < 0.7
    assert sparse > 0.99
    dense = LinearClassification(direction="dense", d=400, n_rows=600, train_fraction=0.125)
    euclidean, sparse = least_norms(dense)
    assert euclidean > 0.97
    assert sparse < 0.9


def test_the_published_sizes():
    tasks: list[Task] = [TeacherStudent(), LinearRegression(), LinearClassification()]
    sizes = [len(task.make_split(task.table(), seed=0).train) for task in tasks]
    assert sizes == [100, 500, 100]
    assert [task.name for task in tasks] == [
        "teacher 5-100-100-5",
        "linear regression on 400 features",
        "linear classification by 3 of 1000 features",
    ]
    dense = LinearClassification(direction="dense")
    assert dense.name == "linear classification of 1000 features by margin 3"


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        (TeacherStudent, {"d_hidden": 0}, "`d_hidden` must be at least 1, got 0."),
        (TeacherStudent, {"alpha": 0.0}, "`alpha` must be greater than 0, got 0.0."),
        (TeacherStudent, {"tolerance": 0.0}, "`tolerance` must be greater than 0, got 0.0."),
        (LinearRegression, {"d": 0}, "`d` must be at least 1, got 0."),
        (LinearRegression, {"tolerance": -1.0}, "`tolerance` must be greater than 0, got -1.0."),
        (LinearClassification, {"k": 2}, "`k` must be odd and from 1 to `d` = 1000, got 2."),
        (LinearClassification, {"margin": 0.0}, "`margin` must be greater than 0, got 0.0."),
    ],
)
def test_bad_settings_are_refused(task: Any, settings: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        task(**settings)
    assert str(caught.value) == message
