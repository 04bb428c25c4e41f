"""Settings of StyleGAN2 generators in NVIDIA's pickles, which tensors cannot tell."""

from ..foreign import ForeignModule, activation_clamp


def settings_of(network: ForeignModule) -> dict:
    """{"conv_clamp", "num_fp16_res"} from the attributes of the blocks."""
    synthesis = network.child("synthesis")
    blocks = [] if synthesis is None else synthesis.children.values()
    return {"conv_clamp": activation_clamp(network.child("synthesis", "b4", "conv1")),
            "num_fp16_res": sum(block.values.get("use_fp16") is True for block in blocks)}
