"""
The classic builder, as far as names, labels and files go: no step is run.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from typing import Any

from dss.testing.engine import images
from dss.testing.engine.files import Node, Tree
from dss.testing.engine.message import (
    EngineError,
    EngineRequest,
    Outlet,
    Reply,
    Streamed,
    Whole,
)
from dss.testing.engine.state import State


def build(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /build}: reads the context's Dockerfile, and makes an image from what it
    says with C{FROM}, C{LABEL}, C{CMD}, C{ENTRYPOINT}, C{ENV}, C{WORKDIR}, C{USER},
    C{VOLUME}, C{EXPOSE} and C{COPY}. C{RUN} is told of, not done.
    """
    context = Tree()
    context.unpack("/", request.body)
    name = request.text("dockerfile") or "Dockerfile"
    text = context.read(posixpath.join("/", name))
    if text is None:
        raise EngineError(500, f"Cannot locate specified Dockerfile: {name}")
    references = [images.checked(*_split(each)) for each in request.query.get("t", ()) if each]
    try:
        labels = json.loads(request.text("labels") or "{}") or {}
    except ValueError:
        raise EngineError(400, "invalid JSON in labels") from None
    steps = _steps(text.decode(errors="replace"))
    if not steps:
        raise EngineError(400, f"the Dockerfile ({name}) cannot be empty")
    outlet = Outlet()
    quiet = request.flag("q")

    def say(line: str) -> None:
        if not quiet:
            outlet.write_json({"stream": line})

    parent = None
    tree = Tree()
    config: dict[str, Any] = {}
    for number, (word, rest) in enumerate(steps, 1):
        say(f"Step {number}/{len(steps)} : {word} {rest}")
        say("\n")
        if word == "FROM":
            base = rest.split()[0]
            parent = None if base == "scratch" else state.image_or_none(base)
            if parent is None and base != "scratch":
                parent = state.make_image(f"pulled as {base}", {"Cmd": ["serve"]})
                parent.tags.append(images.checked(*_split(base)))
            tree = parent.tree.copy() if parent is not None else Tree()
            config = dict(parent.config) if parent is not None else {}
        elif word in ("COPY", "ADD"):
            _copy(context, tree, rest)
        else:
            _note(config, word, rest)
    config["Labels"] = {**(config.get("Labels") or {}), **labels} or None
    image = state.make_image("built", config, parent)
    image.tree = tree
    if quiet:
        outlet.write_json({"stream": f"{image.id}\n"})
    else:
        outlet.write_json({"aux": {"ID": image.id}})
        say(f"Successfully built {image.id[7:19]}\n")
    for reference in references:
        images.give_tag(state, image, reference)
        say(f"Successfully tagged {reference}\n")
    outlet.end()
    return Streamed(outlet)


def prune(state: State, request: EngineRequest) -> Reply:
    """
    C{POST /build/prune}: there is no cache to prune.
    """
    return Whole.json({"CachesDeleted": None, "SpaceReclaimed": 0})


def _split(reference: str) -> tuple[str, str]:
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, "")


def _steps(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\[ \t]*\r?\n", " ", text)
    steps = []
    for line in joined.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word and not word.startswith("#"):
            steps.append((word.upper(), rest.strip()))
    return steps


def _words(rest: str) -> list[str] | None:
    """
    A JSON list of strings, or L{None} for the shell's form.
    """
    try:
        found = json.loads(rest)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _pairs(rest: str) -> dict[str, str]:
    words = shlex.split(rest)
    if len(words) > 1 and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])}
    return dict(each.partition("=")[::2] for each in words)


def _note(config: dict[str, Any], word: str, rest: str) -> None:
    if word == "LABEL":
        config["Labels"] = {**(config.get("Labels") or {}), **_pairs(rest)}
    elif word == "ENV":
        env = dict(each.partition("=")[::2] for each in config.get("Env") or ())
        config["Env"] = [f"{key}={value}" for key, value in {**env, **_pairs(rest)}.items()]
    elif word in ("CMD", "ENTRYPOINT"):
        config["Cmd" if word == "CMD" else "Entrypoint"] = _words(rest) or ["/bin/sh", "-c", rest]
        if word == "ENTRYPOINT":
            config["Cmd"] = None
    elif word in ("USER", "WORKDIR"):
        config["User" if word == "USER" else "WorkingDir"] = rest
    elif word in ("VOLUME", "EXPOSE"):
        key = "Volumes" if word == "VOLUME" else "ExposedPorts"
        given = _words(rest) or rest.split()
        if word == "EXPOSE":
            given = [each if "/" in each else f"{each}/tcp" for each in given]
        config[key] = {**(config.get(key) or {}), **{each: {} for each in given}}


def _copy(context: Tree, tree: Tree, rest: str) -> None:
    words = _words(rest) or [each for each in rest.split() if not each.startswith("--")]
    *sources, target = words
    for source in sources:
        found = context.find(source)
        if found is None:
            raise EngineError(
                500,
                f"COPY failed: file not found in build context or excluded by .dockerignore: "
                f"stat {source}: file does not exist",
            )
        path, node = found
        if node.is_directory:
            for each in context.below(path):
                place = posixpath.join("/", target, posixpath.relpath(each, path))
                tree.put(place, context.nodes[each])
            continue
        into = target.endswith(("/", ".")) or len(sources) > 1
        name = posixpath.basename(path) if into else ""
        place = posixpath.normpath(posixpath.join("/", target, name))
        tree.put(place, Node(node.data, node.mode, node.mtime, node.link))
