"""
Rows of what a container is, apart from its host: the engine's C{container.Config}.
"""

from __future__ import annotations

from dss.policy import sizes
from dss.policy.fields import health, paths, rules, weights
from dss.policy.fields.field import Field
from dss.policy.fields.labelled import labels

_own = rules.allow("container.process")
_words = rules.texts("container.process", sizes.WORDS)
_query = rules.drop("container.query")
_image = rules.elsewhere(
    "container.image", "one's own images and those that nobody owns, by any reference"
)
_volumes = rules.elsewhere(
    "mount.anonymous", "any absolute path; the volume is made with the owner's label"
)

ROWS = (
    Field("Hostname", "string", _own, "Is the container's own, in its own UTS namespace."),
    Field("Domainname", "string", _own, "Is the container's own."),
    Field(
        "User",
        "string",
        _own,
        "Users of the container have no power outside it.",
        given=("containers.force.user", "containers.defaults.user"),
    ),
    Field("AttachStdin", "boolean", _own, "Only says what the client means to attach."),
    Field("AttachStdout", "boolean", _own, "Only says what the client means to attach."),
    Field("AttachStderr", "boolean", _own, "Only says what the client means to attach."),
    Field("ExposedPorts", "map", _own, "Publishes nothing by itself."),
    Field("ExposedPorts{}", "nothing", _own, "Has no content."),
    Field("Tty", "boolean", _own, "Is the container's own terminal."),
    Field("OpenStdin", "boolean", _own, "Is the container's own input."),
    Field("StdinOnce", "boolean", _own, "Is the container's own input."),
    Field(
        "Env",
        "array of string",
        rules.texts("container.process", sizes.ENVIRONMENT),
        "Is read inside the container only.",
        given=("containers.force.environment", "containers.defaults.environment"),
    ),
    Field("Cmd", "words", _words, "Lists show it whole."),
    Field("Entrypoint", "words", _words, "Lists show it whole."),
    Field("Healthcheck", "object", _own, "Runs inside the container only."),
    Field("Healthcheck.Test", "array of string", health.test, "The engine ends at an empty one."),
    Field("Healthcheck.Interval", "int64", weights.interval, "Each check is work for the engine."),
    Field("Healthcheck.Timeout", "int64", _own, "Can only end a check."),
    Field("Healthcheck.Retries", "int", _own, "Only changes what the state says."),
    Field("Healthcheck.StartPeriod", "int64", _own, "Only changes what the state says.", "1.29"),
    Field(
        "Healthcheck.StartInterval",
        "int64",
        weights.interval,
        "Each check is work for the engine.",
        "1.44",
    ),
    Field("ArgsEscaped", "boolean", _own, "Is for Windows containers."),
    Field(
        "Image", "string", _image, "Is resolved once; the engine gets the id, the label the name."
    ),
    Field("Volumes", "map", _volumes, "Makes volumes, which need an owner."),
    Field("Volumes{}", "nothing", rules.allow("mount.anonymous"), "Has no content.", "1.37"),
    Field("WorkingDir", "string", paths.working_dir, "The engine opens it before confinement."),
    Field("NetworkDisabled", "boolean", _own, "Takes something away."),
    Field("MacAddress", "string", _own, "Is the container's own interface.", until="1.51"),
    Field("OnBuild", "array of string", _own, "Is kept for builds, which have rules."),
    *labels(given=("containers.force.labels", "containers.defaults.labels")),
    Field("StopSignal", "string", _own, "Goes to the container's own process."),
    Field("StopTimeout", "int", _own, "Can be overridden by whoever stops it."),
    Field("Shell", "array of string", _own, "Runs inside the container only."),
    # dockerode, and so all clients in Node, sends the whole query here too.
    Field("name", "string", _query, "Is read from the query only.", documented=False),
    Field("platform", "string", _query, "Is read from the query only.", documented=False),
)
