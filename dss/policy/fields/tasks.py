"""
Rows of what a service's containers are: the engine's C{swarm.ContainerSpec}, by the rules of
containers.
"""

from __future__ import annotations

import re

from attrs import evolve

from dss.config.containers import Containers
from dss.policy import sizes
from dss.policy.fields import confinement, health, paths, rules, weights
from dss.policy.fields.field import Field, Rule, Spot
from dss.policy.fields.host import MOUNT_ROWS
from dss.policy.fields.labelled import labels
from dss.policy.fields.resources import ulimits

_own = rules.allow("container.process")
_words = rules.texts("container.process", sizes.WORDS)
_inside = "See the fields inside."
_runs = "Runs inside the container only."
_dns = rules.allow("container.dns")
_mount_type = rules.one_of(
    "mount.type",
    ("bind", "volume", "tmpfs"),
    "each node would look for its source by itself.",
    never="its source has no owner on other nodes",
)
_credentials = rules.deny("container.credential_spec", "it is for Windows, and names host files.")
_credential = rules.inside("container.credential_spec")
_selinux = rules.deny("container.security_opt", "it changes what confines the container.")
_label = rules.inside("container.security_opt")
_confines = "Changes what confines it."


def _profile(kind: str, modes: dict[str, str]) -> Rule:
    """
    A rule of a security profile's mode.

    @param modes: for each mode but the default one, the security option that means the same.
    """

    def check(spot: Spot, settings: Containers) -> str | None:
        option = modes.get(spot.value)
        if spot.value == "default" or (option and option in settings.security_options):
            return None
        return f"{spot.value!r} is denied: it changes what confines the container."

    def line(spot: Spot) -> list[str]:
        return [modes[spot.value]] if spot.value in modes else []

    return Rule(
        "container.security_opt",
        "limit",
        f"Allowed: the engine's own {kind} profile.",
        check,
        setting="containers.security_options",
        line=line,
    )


_PLACEHOLDER = re.compile(
    r" *\.(Service\.(ID|Name)|Node\.(ID|Hostname)|Node\.Platform\.(Architecture|OS)"
    r"|Task\.(ID|Name|Slot)) *\}\}"
)


def _placeholders(value: str | list[str]) -> str | None:
    """
    Why a text is denied that the Swarm's managers run as a Go template (moby 20.10 to 28.5,
    swarmkit's C{template}): one can take all of their memory, or end them.
    """
    for text in [value] if isinstance(value, str) else value:
        for opened in text.split("{{")[1:]:
            if not _PLACEHOLDER.match(opened):
                told = rules.shown("{{" + opened)
                return f"{told} is denied: the Swarm's manager would run it as a template."
    return sizes.too_large(sizes.size_of(value), sizes.WORDS)


_template = rules.limit(
    "service.template",
    "Allowed: any text, with the placeholders {{.Service.ID}}, {{.Service.Name}}, {{.Node.ID}}, "
    "{{.Node.Hostname}}, {{.Node.Platform.Architecture}}, {{.Node.Platform.OS}}, {{.Task.ID}}, "
    "{{.Task.Name}} and {{.Task.Slot}}.",
    _placeholders,
)


def _files(name: str, kind: str, since: str) -> tuple[Field, ...]:
    """
    Rows of files that the Swarm gives the containers.
    """
    reference = rules.elsewhere(f"service.{kind}", f"one's own {kind}s, by id and name")
    return (
        Field(f"{name}[]", "object", _own, _inside, since),
        Field(f"{name}[].File", "object", _own, _inside, since),
        Field(f"{name}[].File.Name", "string", paths.mount_target, "It is mounted there.", since),
        Field(f"{name}[].File.UID", "string", _own, "Is of the container's users.", since),
        Field(f"{name}[].File.GID", "string", _own, "Is of the container's users.", since),
        Field(f"{name}[].File.Mode", "uint32", _own, "Is of the file in the container.", since),
        Field(f"{name}[].{kind.capitalize()}ID", "string", reference, "Can be another's.", since),
        Field(f"{name}[].{kind.capitalize()}Name", "string", reference, "Can be another's.", since),
    )


ROWS = (
    Field(
        "Image",
        "string",
        rules.elsewhere(
            "container.image", "one's own images and those that nobody owns, by any reference"
        ),
        "Is resolved once; the engine gets the id, or the digest where a registry has it.",
    ),
    Field("Command", "array of string", _words, "Lists show it whole."),
    Field("Args", "array of string", _words, "Lists show it whole."),
    Field("Hostname", "string", _template, "Managers run it as a template.", "1.27"),
    Field(
        "Env",
        "array of string",
        _template,
        "Managers run it as a template. Placeholders tell nothing that isn't told anyway.",
        given=("containers.force.environment", "containers.defaults.environment"),
    ),
    Field("Dir", "string", paths.working_dir, "The engine opens it before confinement."),
    Field("User", "string", _own, "Has no power outside.", given=("containers.force.user",)),
    Field("Groups", "array of string", _own, "Groups of the container, as its users.", "1.27"),
    *labels(given=("containers.force.labels",)),
    Field("TTY", "boolean", _own, "Is the container's own terminal."),
    Field("OpenStdin", "boolean", _own, "Is the container's own input.", "1.27"),
    Field("ReadOnly", "boolean", _own, "Takes something away.", "1.27"),
    Field("StopSignal", "string", _own, "Goes to the container's own process.", "1.28"),
    Field("StopGracePeriod", "int64", _own, "Can be overridden by whoever stops it."),
    Field("HealthCheck", "object", _own, _runs, "1.27"),
    Field("HealthCheck.Test", "array of string", health.test, "An empty one ends it.", "1.27"),
    Field("HealthCheck.Interval", "int64", weights.interval, "Each check is work for it.", "1.27"),
    Field("HealthCheck.Timeout", "int64", _own, "Can only end a check.", "1.27"),
    Field("HealthCheck.Retries", "int", _own, "Only changes what the state says.", "1.27"),
    Field("HealthCheck.StartPeriod", "int64", _own, "Only changes what the state says.", "1.29"),
    Field(
        "HealthCheck.StartInterval", "int64", weights.interval, "Each check is work for it.", "1.44"
    ),
    Field("Hosts", "array of string", _dns, "Is written into the container's own file.", "1.27"),
    Field("DNSConfig", "object", _dns, _inside),
    Field("DNSConfig.Nameservers", "array of string", _dns, "Is read inside the container only."),
    Field("DNSConfig.Search", "array of string", _dns, "Is read inside the container only."),
    Field("DNSConfig.Options", "array of string", _dns, "Is read inside the container only."),
    *(evolve(row, rule=_mount_type) if row.path == "Mounts[].Type" else row for row in MOUNT_ROWS),
    *_files("Secrets", "secret", "1.27"),
    *_files("Configs", "config", "1.30"),
    Field(
        "Configs[].Runtime",
        "object",
        rules.drop("container.credential_spec"),
        "Is for credential specifications of Windows.",
        "1.40",
    ),
    Field("Privileges", "object", _own, _inside, "1.30"),
    Field("Privileges.CredentialSpec", "object", _credentials, "Is for Windows.", "1.30"),
    Field("Privileges.CredentialSpec.Config", "string", _credential, "Is for Windows.", "1.40"),
    Field("Privileges.CredentialSpec.File", "string", _credential, "Is for Windows.", "1.30"),
    Field("Privileges.CredentialSpec.Registry", "string", _credential, "Is for Windows.", "1.30"),
    Field("Privileges.SELinuxContext", "object", _selinux, _confines, "1.30"),
    Field("Privileges.SELinuxContext.Disable", "boolean", _label, _confines, "1.30"),
    Field("Privileges.SELinuxContext.User", "string", _label, _confines, "1.30"),
    Field("Privileges.SELinuxContext.Role", "string", _label, _confines, "1.30"),
    Field("Privileges.SELinuxContext.Type", "string", _label, _confines, "1.30"),
    Field("Privileges.SELinuxContext.Level", "string", _label, _confines, "1.30"),
    Field("Privileges.Seccomp", "object", _own, _inside, "1.44"),
    Field(
        "Privileges.Seccomp.Mode",
        "string",
        _profile("seccomp", {"unconfined": "seccomp=unconfined"}),
        _confines,
        "1.44",
    ),
    Field(
        "Privileges.Seccomp.Profile",
        "string",
        rules.deny("container.security_opt", "an own profile can allow everything."),
        _confines,
        "1.44",
    ),
    Field("Privileges.AppArmor", "object", _own, _inside, "1.44"),
    Field(
        "Privileges.AppArmor.Mode",
        "string",
        _profile("AppArmor", {"disabled": "apparmor=unconfined"}),
        _confines,
        "1.44",
    ),
    Field(
        "Privileges.NoNewPrivileges",
        "boolean",
        _own,
        "Takes something away.",
        "1.44",
        given=("containers.force.security_options",),
    ),
    Field(
        "CapabilityAdd", "array of string", confinement.capabilities, "Give power over it.", "1.41"
    ),
    Field("CapabilityDrop", "array of string", _own, "Takes something away.", "1.41"),
    Field("Sysctls", "map", rules.allow("container.sysctls"), "See the values.", "1.40"),
    Field("Sysctls{}", "string", confinement.sysctls, "Only namespaced ones are its own.", "1.40"),
    *ulimits("1.41"),
    Field("Init", "boolean", _own, "Is a process inside the container.", "1.38"),
    Field(
        "Isolation",
        "string",
        rules.one_of("container.isolation", ("default",), "it is for Windows."),
        "Is for Windows containers.",
        "1.35",
    ),
    Field(
        "OomScoreAdj",
        "int64",
        weights.oom_score,
        "When memory is short the container itself should go.",
        "1.46",
    ),
)
