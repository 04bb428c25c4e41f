"""M and T: from diffusion features to generator latents."""

from .bridge import FORMAT, STEP_CHOICES, Bridge, load_bridge, read_config
from .config import ATTENTION_SOURCES, REFINEMENTS, BridgeConfig, BridgeSizes
from .inputs import BridgeInputs, bridge_inputs
from .strip import step_strip

__all__ = ["ATTENTION_SOURCES", "FORMAT", "REFINEMENTS", "STEP_CHOICES", "Bridge", "BridgeConfig", "BridgeInputs",
           "BridgeSizes", "bridge_inputs", "load_bridge", "read_config", "step_strip"]
