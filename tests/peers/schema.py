"""Judges TOML files by a JSON schema: `schema.py SCHEMA FILE…` prints a line for each file, `name`, a tab, and what is
wrong (nothing: it is right). A file that is no TOML is said to be so."""
import json
import sys
import tomllib

import jsonschema

schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for name in sys.argv[2:]:
    try:
        with open(name, "rb") as file:
            instance = tomllib.loads(file.read().decode("utf-8-sig").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        print(f"{name}\tnot TOML: {str(error).splitlines()[0]}")
        continue
    wrong = jsonschema.exceptions.best_match(validator.iter_errors(instance))
    place = "" if wrong is None else "/".join(map(str, wrong.absolute_path)) + ": "
    print(f"{name}\t{place}{'' if wrong is None else wrong.message[:200]}")
