"""The host in this process: one copy of the library, whoever asks for it."""

import sys

import ddgi


def test_the_pack_and_the_commands_share_one_library(pack):
    assert pack.ddgi is ddgi
    assert pack.host.folders.InputError is ddgi.InputError
    copies = {name.removeprefix(f"{pack.__name__}."): module for name, module in sys.modules.items()
              if name.startswith(f"{pack.__name__}.ddgi.")}
    assert {"ddgi.bridge", "ddgi.features"} <= copies.keys()
    assert all(sys.modules[name] is module for name, module in copies.items())


def test_every_public_name_is_there():
    assert all(getattr(ddgi, name).__module__.startswith("ddgi.") for name in ddgi.__all__)
