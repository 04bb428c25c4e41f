"""Socket types of the pack; each carries one value class of the library."""

from comfy_api.latest import io

# Where a node stands in the menu of nodes.
MODELS, DRAWING, FEATURES = "DDGI/models", "DDGI/drawing", "DDGI/features"
LATENT, HEADS, PHOTOS, TRAINING = "DDGI/latent", "DDGI/3d", "DDGI/photos", "DDGI/training"
BATCH = "DDGI/batch"
CATEGORIES = (MODELS, DRAWING, FEATURES, LATENT, HEADS, PHOTOS, TRAINING, BATCH)

LAYERS_TOOLTIP = ("The layers to use: all, coarse (pose and shape), middle (features and hair), fine (colours and "
                  "light), or numbers such as 0-3, 8.")

Features = io.Custom("DDGI_FEATURES")    # ddgi.features.DiffusionFeatures
Latent = io.Custom("DDGI_LATENT")        # ddgi.gan.GanLatent
Generator = io.Custom("DDGI_GENERATOR")  # host.managed.ManagedModel around a ddgi.gan.Generator
Bridge = io.Custom("DDGI_BRIDGE")        # host.managed.ManagedModel around a ddgi.bridge.Bridge
Direction = io.Custom("DDGI_DIRECTION")  # ddgi.latents.Direction
Cameras = io.Custom("DDGI_CAMERA")       # ddgi.cameras.Camera, one or more views
Tap = io.Custom("DDGI_TAP")              # the handle that DDGI Feature Tap gives to DDGI Collect Features
FaceLandmarks = io.Custom("FACE_LANDMARKS")  # of core's Detect Face Landmarks (MediaPipe)
Alignment = io.Custom("DDGI_ALIGNMENT")  # ddgi.faces.Alignment, where faces are in pictures
Scores = io.Custom("DDGI_SCORES")          # ddgi.evaluation.rating.Rating
