"""A monitor inside a `transformers.Trainer`."""

from typing import TYPE_CHECKING

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

if TYPE_CHECKING:
    from grokscope.llm.monitor import Monitor


class MonitorCallback(TrainerCallback):
    """Measures at the beginning and after the updates that are due, and closes at the end."""

    def __init__(self, monitor: "Monitor") -> None:
        self.monitor = monitor

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Before the first update, or where a resumed training goes on."""
        self.monitor.listen()
        self._step(state)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """After an update."""
        self._step(state)

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """At the end."""
        self.monitor.finish()

    def _step(self, state: TrainerState) -> None:
        tokens = int(state.num_input_tokens_seen)
        self.monitor.step(state.global_step, tokens or None)
