"""Checks the files that Azure's and GitHub's tools read against the schemas of those tools.

Use: schemas.py FOLDER-OF-SCHEMAS, from the project's root. Exits with 1 when something is found.
"""

import json
import pathlib
import sys

import jsonschema
import yaml


class Yaml12(yaml.SafeLoader):
    """YAML as the tools read it: `on` is a word and no boolean."""


Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first not in "oOyYnN"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(file):
    text = file.read_text()
    return yaml.load(text, Yaml12) if file.suffix in (".yml", ".yaml") else json.loads(text)


def http_bindings_only(schema):
    # As a whole this schema accepts a binding that fits exactly one kind, and some of its kinds fit everything.
    binding = {"allOf": [{"$ref": "#/definitions/bindingBase"}, {"$ref": "#/definitions/httpBinding"}]}
    return {**schema, "required": ["bindings"], "properties": {"bindings": {"type": "array", "items": binding}}}


SCHEMAS = {
    "azure.yaml": "azure.yaml.schema.json",
    "host.json": "host.schema.json",
    "*/function.json": "function.schema.json",
    "web/hosting.json": "staticwebapp.config.schema.json",
    ".github/workflows/*.yml": "github-workflow.schema.json",
    ".github/dependabot.yml": "dependabot-2.0.schema.json",
    ".devcontainer/devcontainer.json": "devcontainer.schema.json",
}

findings = checked = 0
for pattern, name in SCHEMAS.items():
    schema = json.loads(pathlib.Path(sys.argv[1], name).read_text())
    if name == "function.schema.json":
        schema = http_bindings_only(schema)
    validator = jsonschema.validators.validator_for(schema)(schema)
    for file in sorted(pathlib.Path().glob(pattern)):
        checked += 1
        try:
            errors = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(read(file))]
        except ValueError as error:
            errors = [str(error)]
        except yaml.YAMLError as error:
            errors = [str(error)]
        for error in errors:
            print(f"{file}: {error}")
        findings += len(errors)

# No schema, but no comments and no slips either.
for pattern in (".vscode/*.json", "infra/*.json", "*.json"):
    for file in sorted(pathlib.Path().glob(pattern)):
        checked += 1
        try:
            json.loads(file.read_text())
        except ValueError as error:
            print(f"{file}: {error}")
            findings += 1

print(f"{checked} files, {findings} findings")
sys.exit(1 if findings else 0)
