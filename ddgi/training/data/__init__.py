"""Sources of training samples: CelebAMask-HQ, any folder, head world, or the generator's own pictures."""

from .celebamask import CelebAMaskHQ, write_celebamask_hq
from .files import Reading
from .folder import Folder
from .framing import Augment
from .generated import GeneratorSamples
from .grammar import Grammar, faces, head_world
from .heads import HeadWorld
from .hints import Hints
from .sample import BrokenFile, Problem, Sample, Source, Subset, problem_lines, split

__all__ = ["Augment", "BrokenFile", "CelebAMaskHQ", "Folder", "GeneratorSamples", "Grammar", "HeadWorld", "Hints",
           "Problem", "Reading", "Sample", "Source", "Subset", "faces", "head_world", "problem_lines", "split",
           "write_celebamask_hq"]
