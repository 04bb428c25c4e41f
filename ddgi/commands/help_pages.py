"""`help`: write what follows the nodes' schemas: tables of help pages, README and docs, and translations."""

import argparse

HELP = "write the tables of help pages, README and docs, and the translations, from the nodes' schemas"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is stale")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands, load_pack

    host, pack = host_commands(), load_pack()
    return host.write_help(args, pack.nodes.node_classes(), pack.host.sockets.CATEGORIES)
