"""A decoder-only transformer on rows of any number of tokens, in the usual styles.

Every position sees itself and those before it, and the answer is read at a row's last token. By its
settings it is the network of arXiv 2201.02177 (without biases, LayerNorm behind sublayers, fixed
sinusoids; `Decoder` is the same and faster), GPT-2 as trained in arXiv 2405.15071, or a recent
style: RMSNorm before each sublayer, rotary positions and a gated MLP.
"""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from grokscope.models.base import Hook, Parameters
from grokscope.models.causal_plain import Plain
from grokscope.models.causal_settings import CausalSettings
from grokscope.models.causal_stream import Stream
from grokscope.models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class CausalDecoder(CausalSettings):
    """Layers of attention and MLP around one residual stream.

    The parameters of the first layer have plain names, such as `W_Q`; those of layer i > 0 end in
    its number, `W_Q_1`, and so do the activations.
    """

    def forward(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"], hook: Hook | None = None
    ) -> Float[Tensor, "model row n_outputs"]:
        """Every position, plainly. Activations are (model row pos …), patterns (… head q k)."""
        logits = Plain(settings=self, params=params, hook=hook).logits(inputs)
        last = self.sequence(params).last(inputs)[..., None, None]
        return logits.take_along_dim(last, 2).squeeze(2)

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """Logits at every row's last token; the last layer is left out everywhere else."""
        return Stream(settings=self, params=params, rows=rows).read_out()

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """The last layer's activations behind the nonlinearity, at every row's last token."""
        return Stream(settings=self, params=params, rows=rows).last_hidden()

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """The layers once."""
        return Stream(settings=self, params=params, rows=rows).both()
