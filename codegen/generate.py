#!/usr/bin/env python3
"""Makes the C++ of an API from models/<service>.json and models/patches/<service>.json.

Usage: python3 codegen/generate.py SERVICE OUTPUT_FOLDER     writes OUTPUT_FOLDER/api/SERVICE/*
       python3 codegen/generate.py --list SERVICE            prints the names of the .cc files it would write

The output depends on the models and these scripts alone: the same input gives the same bytes.
"""

import pathlib
import sys

from cpp_service import service_files
from cpp_tables import table_files
from cpp_types import types_h
from model import Model

MODELS = pathlib.Path(__file__).resolve().parent.parent / "models"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    listing = sys.argv[1] == "--list"
    model = Model(MODELS, sys.argv[2] if listing else sys.argv[1])
    files = {"types.h": types_h(model)} | table_files(model) | service_files(model)
    if listing:
        print(";".join(sorted(n for n in files if n.endswith(".cc"))))
        return
    folder = pathlib.Path(sys.argv[2]) / "api" / model.service
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
