"""An MLP with its residual connection: one product with what goes in, one with the neurons."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from grokscope.models.base import Activation, Parameters, activate
from grokscope.models.columns import LINE
from grokscope.models.relu_block import relu_block


@dataclass(frozen=True, kw_only=True)
class FeedForward:
    """Compute base(x) + activation(x · W_in + b_in) · W_out, where base(x) is x and the bias.

    What goes into the neurons and the base lie side by side, as one linear map of x.
    """

    linear: Float[Tensor, "model d_model neuron_and_d_out_and_more"]
    bias: Float[Tensor, "model neuron_and_d_out_and_more"]
    W_out: Float[Tensor, "model neuron d_out"]
    activation: Activation

    @classmethod
    def of(
        cls,
        layer: Parameters,
        activation: Activation,
        behind: Float[Tensor, "model d_model d_out"] | None = None,
    ) -> "FeedForward":
        """A layer's MLP, multiplied with a map behind it if there is one."""
        w_in, w_out, b_out = layer["W_in"], layer["W_out"], layer["b_out"]
        if behind is None:
            eye = torch.eye(w_in.shape[1], dtype=w_in.dtype, device=w_in.device)
            to_base = eye.expand(len(w_in), -1, -1)
        else:
            to_base, w_out = behind, torch.bmm(w_out, behind)
            b_out = torch.bmm(b_out.unsqueeze(1), behind).squeeze(1)
        linear = torch.cat([w_in, to_base], 2)
        bias = torch.cat([layer["b_in"], b_out], 1)
        # rows of whole cache lines: a look-up of 626 columns takes several times that of 640
        unused = (0, -linear.shape[2] % LINE)
        return cls(
            linear=F.pad(linear, unused),
            bias=F.pad(bias, unused),
            W_out=w_out,
            activation=activation,
        )

    def __call__(self, x: Float[Tensor, "model row d_model"]) -> Float[Tensor, "model row d_out"]:
        """Of a stream that has a vector for every row."""
        return self.behind(torch.baddbmm(self.bias.unsqueeze(1), x, self.linear))

    def behind(
        self, pre_and_base: Float[Tensor, "model row neuron_and_d_out_and_more"]
    ) -> Float[Tensor, "model row d_out"]:
        """Of what the linear map and its bias give; that is overwritten."""
        if self.activation == "relu":
            return relu_block(pre_and_base, self.W_out)
        sizes = list(self.W_out.shape[1:])
        pre, base = pre_and_base[..., : sum(sizes)].split(sizes, 2)
        return torch.baddbmm(base, activate(pre, self.activation), self.W_out)
