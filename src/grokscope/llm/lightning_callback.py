"""A monitor inside a Lightning trainer."""

from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, LightningModule, Trainer

if TYPE_CHECKING:
    from grokscope.llm.monitor import Monitor


class MonitorCallback(Callback):
    """Measures at the beginning and after the updates that are due, and closes at the end."""

    def __init__(self, monitor: "Monitor") -> None:
        self.monitor = monitor

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the first update, or where a resumed training goes on."""
        self.monitor.listen()
        self.monitor.step(trainer.global_step)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 (Lightning's own signature)
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """After a batch; where gradients are accumulated, steps repeat and count once."""
        self.monitor.step(trainer.global_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """At the end."""
        self.monitor.finish()
