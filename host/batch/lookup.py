"""What only the host knows when a batch is planned: its samplers, its model folders, the demo models."""

import contextlib
from pathlib import Path

import comfy.samplers
import folder_paths

from ...ddgi.batch import FaceSettings, Job
from ...ddgi.config import check_choice
from ...ddgi.demo import files
from ...ddgi.errors import InputError
from ...ddgi.runner.prompts import api_file
from ...ddgi.runner.workflow_rows import graph_of
from .. import directions, folders

_OWN = {"generator": folders.GENERATORS, "bridge": folders.BRIDGES}
_CORE = {"checkpoint": "checkpoints", "control_net": "controlnet", "vae": "vae"}


class HostLookup:
    """See `ddgi.batch.Lookup`."""

    examples = folders.EXAMPLES

    def check(self, settings: FaceSettings) -> None:
        check_choice("set.sampler", settings.sampler, comfy.samplers.KSampler.SAMPLERS)
        check_choice("set.scheduler", settings.scheduler, comfy.samplers.KSampler.SCHEDULERS)

    def named(self, kind: str, name: str) -> Path | None:
        if kind in _OWN:
            with contextlib.suppress(InputError):
                return folders.file_path(_OWN[kind], name)
            return None
        found = folder_paths.get_full_path(_CORE[kind], name)
        return None if found is None else Path(found)

    def demo(self, is_3d: bool) -> dict[str, Path]:
        generator, bridge = list(folders.DEMO_KINDS.values())[is_3d]
        names = {"checkpoint": files.DIFFUSION, "control_net": files.CONTROL_NET, "generator": generator,
                 "bridge": bridge}
        return {kind: folders.DEMO / name for kind, name in names.items()}

    def demo_style(self, style: str) -> Path | None:
        path = folders.DEMO / files.STYLE.format(style)
        return path if path.is_file() else None

    def direction(self, name: str) -> tuple[Path, str | None] | None:
        found = [full for full in directions.names() if name in _called(full)]
        if len(found) > 1 and name not in found:
            raise InputError(f"{len(found)} files have a direction {name[:60]!r}; write which: {', '.join(found[:8])}.")
        return directions.path_of(name if name in found else found[0]) if found else None

    def workflow(self, path: Path) -> Path:
        return api_file(path)

    def check_workflow(self, job: Job) -> None:
        graph_of(job)


def _called(full: str) -> tuple[str, ...]:
    """What a direction of the model folders may be called: all of its name, its file without the ending, or its name
    inside."""
    path, inside = directions.path_of(full)
    return (full, inside) if inside else (full, path.stem)
