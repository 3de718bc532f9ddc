"""The monitor inside a real Lightning trainer."""

from functools import cache

import pytest
import torch

from llm.loops import are_equal, batch, dropping, monitored, weights
from llm.small_olmoe import probes

lightning = pytest.importorskip("lightning.pytorch")

pytestmark = [
    # Lightning's own: its use of torch's trees, and its advice on workers
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
]


class Language(lightning.LightningModule):
    """The small OLMoE."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def training_step(self, rows, index):
        """The loss of a batch."""
        return self.model(input_ids=rows, labels=rows).loss

    def configure_optimizers(self):
        """Plain descent."""
        return torch.optim.SGD(self.model.parameters(), lr=0.05)


def fit(model, callbacks=(), **settings):
    lightning.seed_everything(5, verbose=False)
    trainer = lightning.Trainer(
        max_steps=5,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **settings,
    )
    rows = torch.utils.data.DataLoader([batch(step, rows=1)[0] for step in range(64)], batch_size=4)
    trainer.fit(Language(model), rows)


@cache
def alone(**settings):
    model = dropping()
    fit(model, **settings)
    return weights(model)


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("own", [probes(), None], ids=["probes", "streaming"])
def test_lightning_ends_with_the_same_weights_to_the_bit(own, accumulated, tmp_path):
    model = dropping()
    monitor = monitored(model, own, tmp_path)
    fit(model, [monitor.lightning_callback()], accumulate_grad_batches=accumulated)
    assert are_equal(weights(model), alone(accumulate_grad_batches=accumulated))
    assert monitor.run.steps == ([0, 2, 4] if own else [2, 4])
    assert monitor.run.directory.status["state"] == "finished"
    if own is None:
        assert monitor.run.pathways(4).tokens.tolist() == [8] * 8 * accumulated
