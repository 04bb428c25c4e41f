"""`help`: write what follows the nodes' schemas: lists and tables of help pages, README and docs, and translations."""

import argparse

from .report import say

HELP = "write the lists and tables of help pages, README and docs, and the translations, from the nodes' schemas"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is stale")
    parser.add_argument("--pictures", action="store_true",
                        help="also photograph every node for its help page, in a headless Chromium")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands, load_pack

    host, pack = host_commands(), load_pack()
    if args.pictures:
        _photograph(args, [node.GET_SCHEMA().node_id for node in pack.nodes.node_classes()])
    return host.write_help(args, pack.nodes.node_classes(), pack.host.sockets.CATEGORIES)


def _photograph(args: argparse.Namespace, names: list[str]) -> None:
    import tempfile

    from ..runner.frontend import photograph_nodes
    from ..runner.host import PACK_ROOT
    from ..runner.server import Server

    with (tempfile.TemporaryDirectory() as output,
          Server(output, cpu=True, report=lambda line: say(args, line)) as server):
        photograph_nodes(server, names, PACK_ROOT / "web" / "docs" / "pictures", report=lambda line: say(args, line))
