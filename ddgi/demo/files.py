"""The names of the demo models' files, and their formats."""

DIFFUSION, CONTROL_NET = "diffusion.safetensors", "controlnet.safetensors"
GENERATOR, EG3D = "generator_stylegan2.safetensors", "generator_eg3d.safetensors"
STYLE, STYLE_3D = "generator_{}.safetensors", "generator_eg3d_{}.safetensors"   # copies in a style of head world
BRIDGE, BRIDGE_3D = "bridge_stylegan2.safetensors", "bridge_eg3d.safetensors"
JUDGES, JUDGES_256 = "judges.safetensors", "judges_256.safetensors"
DIRECTIONS = "directions.safetensors"
TOKENIZER = "tokenizer"
DIFFUSION_FORMAT, CONTROL_NET_FORMAT = "ddgi.demo-diffusion", "ddgi.demo-controlnet"
