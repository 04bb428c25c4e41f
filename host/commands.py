"""The halves of `python -m ddgi`'s commands that need the host; their options are in `ddgi.commands`.

Each loads what it needs when it is called.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..ddgi.commands.report import PromptProgress, say
from ..ddgi.errors import InputError
from ..ddgi.files import write_text
from . import folders


def evaluate(args: argparse.Namespace) -> dict:
    """Scores of the demo models, from the front or (`args.views`) from all sides."""
    from ..ddgi.evaluation.sheet import write_sheet
    from ..ddgi.evaluation.table import (
        attribute_table,
        direction_table,
        drawing_table,
        markdown_table,
        projection_table,
        random_table,
        view_tables,
        word_table,
    )
    from .chain import Sampling
    from .evaluation import added, attention, demo, directions, drawings, projection, random_faces, styles, views

    written = []

    def on_batch(pictures) -> None:
        if args.sheet and not written:
            write_sheet(args.sheet, pictures)
            written.append(args.sheet)

    shared = {"sampling": Sampling(hint=args.hint), "on_batch": on_batch, "report": lambda line: say(args, line),
              "folder": Path(args.folder) if args.folder else folders.DEMO}
    if args.views:
        file = Path(args.generator) if args.generator else None
        scores, tables = views.run(range(args.count), generator=file, **shared), (view_tables,)
    else:
        scores = demo.run(range(args.count), bridges=args.bridge, bridge_steps=args.step, **shared)
        tables = markdown_table, attribute_table
    say(args, "\n\n".join(table(scores) for table in tables))
    if args.drawings:
        rows: dict = {}

        def keep(pictures) -> None:
            (what, hint), face = next(iter(pictures.items())), pictures["m_t"]
            rows.update({what.partition(",")[0]: hint, what: face})

        scores["drawings"] = drawings.run(args.drawings, **{**shared, "on_batch": keep})
        say(args, "\n" + drawing_table(scores["drawings"]))
        if args.sheet:
            path = Path(args.sheet)
            write_sheet(path.with_stem(f"{path.stem}_drawings"), rows, columns=len(rows["mask"]), size=96)
    for name, part in {"added": added, "styles": styles}.items():
        if getattr(args, name):
            scores[name] = part.run(**{key: shared[key] for key in ("sampling", "folder", "report")})
    if args.directions is not None:
        scores["directions"] = directions.run(keep=Path(args.directions) if args.directions else None,
                                              folder=shared["folder"], report=shared["report"])
        say(args, "\n" + direction_table(scores["directions"]))
    if args.words:
        scores["words"] = attention.run(**{key: shared[key] for key in ("sampling", "folder", "report")})
        say(args, "\n" + word_table(scores["words"]))
    if args.random:
        scores["random"] = random_faces.run(args.random, folder=shared["folder"], report=shared["report"])
        say(args, "\n" + random_table(scores["random"]))
    if args.projection:
        scores["projection"] = projection.run(folder=shared["folder"], report=shared["report"])
        say(args, "\n" + projection_table(scores["projection"]))
    return scores


def evaluate_protocol(args: argparse.Namespace) -> dict:
    """Scores of whatever a protocol names, and its report."""
    from ..ddgi.evaluation.report import table
    from .evaluation.protocol import run

    folders.register()
    bar = PromptProgress("evaluate")

    def report(line: str) -> None:
        bar.close()
        say(args, line)

    found = run(args.protocol, args.out, report=report, progress=bar)
    bar.close()
    say(args, f"{table(found)}\n\n{Path(args.out) / 'index.html'}")
    return found


def gallery(args: argparse.Namespace) -> dict:
    """The pictures of README and docs."""
    from .gallery import Gallery

    gallery = Gallery(Path(args.folder) if args.folder else folders.DEMO, folders.EXAMPLES)
    return {"files": gallery.write(Path(args.output), report=lambda line: say(args, line))}


def batch_lookup():
    """A `ddgi.batch.Lookup` of this host."""
    from .batch.lookup import HostLookup

    folders.register()
    return HostLookup()


def batch_faces(faces: int, verify: bool):
    """See `batch.faces.Faces`."""
    from .batch.faces import Faces

    folders.register()
    return Faces(faces, verify=verify)


def bench_capture(size: int, steps: int) -> dict:
    """See `benchmark.capture.run`."""
    from .benchmark.capture import run

    return run(size=size, steps=steps)


def bench_kept(report) -> dict[str, dict]:
    """See `benchmark.capture.growth_costs`."""
    from .benchmark.capture import growth_costs

    return growth_costs(folders.DEMO, report=report)


def bench_encode(passes: int, report) -> dict[str, dict]:
    """See `benchmark.face.encode_costs`."""
    from .benchmark.face import encode_costs

    folders.register()
    return encode_costs(folders.DEMO, passes, report)


def bench_chain(repeats: int, report) -> dict[str, dict]:
    """See `benchmark.face.chain_costs`."""
    from .benchmark.face import chain_costs

    folders.register()
    return chain_costs(folders.DEMO, repeats, report)


def bench_train(kind: str, **settings) -> dict[str, dict]:
    """See `benchmark.train.run`."""
    from .benchmark.train import run

    folders.register()
    return run(kind, **settings)


def train(args: argparse.Namespace, folder: Path, processes, stop) -> dict:
    """A bridge as the recipe says, in `folder`.

    processes: of `ddgi.training.processes.find_processes`. stop: called after every step; what it raises ends the
    training there.
    """
    from ..ddgi.training.watch import Watch, save_preview
    from .training.recipe import run

    folders.register()
    bar = PromptProgress("train")

    def progress(what: str, done: int, total: int) -> None:
        bar(what, done, total)
        stop()

    def report(line: str) -> None:
        bar.close()
        say(args, line)

    watch = Watch(progress=lambda *done: stop())
    if processes.main:
        watch = Watch(report=report, progress=progress,
                      preview=lambda stage, step, pictures: save_preview(folder, stage, step, pictures))
    result = run(args.recipe, folder, Path(args.out or folder / "bridge.safetensors"), watch, check_only=args.check)
    bar.close()
    return result


def train_demo(args: argparse.Namespace, setting, stages: tuple[str, ...]) -> None:
    """The demo models by `setting`, a `ddgi.demo.settings.Settings`."""
    from ..ddgi.demo.recipe import train as train_stages
    from .training.demo import builders

    train_stages(setting, builders(), Path(args.work), Path(args.out), stages, Path(args.start) if args.start else None,
                 report=lambda line: say(args, line))


def write_help(args: argparse.Namespace, classes: Sequence[type], groups: Sequence[str]) -> dict:
    """Everything that follows the schemas of these node classes in these groups; see `help_pages`.

    Raises:
        InputError: `args.check`, and a file is stale.
    """
    from .help_pages import ROOT, schemas_by_group, written

    texts = written(schemas_by_group(classes, groups))
    stale = [path for path, text in texts.items() if not path.is_file() or text != path.read_text(encoding="utf-8")]
    names = [path.relative_to(ROOT).as_posix() for path in stale]
    if args.check and stale:
        raise InputError(f"{', '.join(names)} do not say what the nodes say; run: python -m ddgi help")
    for path, name in zip(stale, names):
        write_text(path, texts[path])
        say(args, name)
    return {"written": names}
