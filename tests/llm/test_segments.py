"""Which sample a token belongs to, against loops over rows and columns."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.segments import token_samples

shapes = st.tuples(st.integers(1, 3), st.integers(1, 6))


@st.composite
def batches(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """A mask with any holes, and positions that start again at any place."""
    rows, columns = draw(shapes)
    mask = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    starts = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    positions = []
    for place, is_start in enumerate(starts):
        first_of_row = place % columns == 0
        positions.append(0 if is_start else draw(st.integers(0, 3)) if first_of_row else
                         positions[-1] + 1)  # fmt: skip
    return (
        torch.tensor(mask).view(rows, columns),
        torch.tensor(positions).view(rows, columns),
    )


def by_loops(mask: torch.Tensor, positions: torch.Tensor | None) -> list[int]:
    found, last = [], -1
    for row in range(mask.shape[0]):
        seen = False
        for column in range(mask.shape[1]):
            if not mask[row, column]:
                found.append(-1)
                continue
            if positions is None:
                last = row
            elif not seen or positions[row, column] == 0:
                last += 1
            seen = True
            found.append(last)
    return found


@given(batches())
def test_rows_are_samples_and_padding_is_nobodys(batch: tuple[torch.Tensor, torch.Tensor]):
    mask, _ = batch
    assert token_samples(attention_mask=mask).tolist() == by_loops(mask, None)
    assert torch.equal(
        token_samples(attention_mask=mask.float()), token_samples(attention_mask=mask)
    )


@given(batches())
def test_documents_are_numbered_through_the_batch(batch: tuple[torch.Tensor, torch.Tensor]):
    mask, positions = batch
    found = token_samples(attention_mask=mask, position_ids=positions)
    assert found.tolist() == by_loops(mask, positions)
    whole = torch.ones_like(mask)
    assert torch.equal(
        token_samples(position_ids=positions),
        token_samples(attention_mask=whole, position_ids=positions),
    )


@given(batches())
def test_segments_stay_as_they_are(batch: tuple[torch.Tensor, torch.Tensor]):
    mask, positions = batch
    segments = positions - 2
    expected = torch.where(mask & (segments >= 0), segments, -1).flatten()
    found = token_samples(attention_mask=mask, segments=segments, position_ids=positions)
    assert torch.equal(found, expected)
    assert found.dtype == torch.long


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_result_is_where_the_batch_is(device: str):
    assert token_samples(attention_mask=torch.ones(1, 2, device=device)).device.type == device


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "`attention_mask` must be given, or `segments`, or `position_ids`, got None."),
        (
            {"attention_mask": torch.ones(1, 1, 2, 2)},
            "`attention_mask` must be of shape (batch, sequence), got (1, 1, 2, 2).",
        ),
        (
            {"attention_mask": torch.ones(2, 3), "position_ids": torch.ones(1, 3).long()},
            "`position_ids` must be of the shape of `attention_mask`, (2, 3), got (1, 3).",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(given: dict[str, torch.Tensor], says: str):
    with pytest.raises(SettingError) as caught:
        token_samples(**given)
    assert str(caught.value) == says
