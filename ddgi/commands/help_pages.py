"""`help`: write the tables of the help pages, the README and the docs from the nodes' schemas."""

import argparse

HELP = "write the tables of help pages, README and docs from the nodes' schemas; with --check only say which are stale"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a page is stale")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands, load_pack

    host, nodes = host_commands(), load_pack().nodes
    return host.write_help(args, nodes.node_classes(), nodes.types.CATEGORIES)
