"""An OLMoE of a few million parameters, pretrained in a single pass to test published claims."""
