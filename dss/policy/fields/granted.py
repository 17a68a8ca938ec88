"""
Rows of bodies that go on as they are written, where the operator has granted the operation:
only the fields that are known.
"""

from __future__ import annotations

from dss.policy.fields import rules
from dss.policy.fields.field import Field, prefixed

_granted = rules.allow("grant", "any value, where the operation is granted")
_why = "Whoever may do this rules the Swarm's machines."


def _field(path: str, kind: str, since: str = "1.24") -> Field:
    return Field(path, kind, _granted, _why, since)


_SPEC_ROWS = (
    _field("Name", "string"),
    _field("Labels", "map"),
    _field("Labels{}", "string"),
    _field("Orchestration", "object"),
    _field("Orchestration.TaskHistoryRetentionLimit", "int64"),
    _field("Raft", "object"),
    _field("Raft.SnapshotInterval", "uint64"),
    _field("Raft.KeepOldSnapshots", "uint64"),
    _field("Raft.LogEntriesForSlowFollowers", "uint64"),
    _field("Raft.ElectionTick", "int"),
    _field("Raft.HeartbeatTick", "int"),
    _field("Dispatcher", "object"),
    _field("Dispatcher.HeartbeatPeriod", "int64"),
    _field("CAConfig", "object"),
    _field("CAConfig.NodeCertExpiry", "int64"),
    _field("CAConfig.ExternalCAs[]", "object"),
    _field("CAConfig.ExternalCAs[].Protocol", "string"),
    _field("CAConfig.ExternalCAs[].URL", "string"),
    _field("CAConfig.ExternalCAs[].Options", "map"),
    _field("CAConfig.ExternalCAs[].Options{}", "string"),
    _field("CAConfig.ExternalCAs[].CACert", "string", "1.30"),
    _field("CAConfig.SigningCACert", "string", "1.30"),
    _field("CAConfig.SigningCAKey", "string", "1.30"),
    _field("CAConfig.ForceRotate", "uint64", "1.30"),
    _field("EncryptionConfig", "object"),
    _field("EncryptionConfig.AutoLockManagers", "boolean"),
    _field("TaskDefaults", "object"),
    _field("TaskDefaults.LogDriver", "object"),
    _field("TaskDefaults.LogDriver.Name", "string"),
    _field("TaskDefaults.LogDriver.Options", "map"),
    _field("TaskDefaults.LogDriver.Options{}", "string"),
)

SWARM_INIT_ROWS = (
    _field("ListenAddr", "string"),
    _field("AdvertiseAddr", "string"),
    _field("DataPathAddr", "string", "1.30"),
    _field("DataPathPort", "uint32", "1.40"),
    _field("DefaultAddrPool", "array of string", "1.39"),
    _field("SubnetSize", "uint32", "1.39"),
    _field("ForceNewCluster", "boolean"),
    Field(
        "AutoLockManagers",
        "boolean",
        _granted,
        "Engines read it, beside the one in Spec.",
        documented=False,
    ),
    Field("Availability", "string", _granted, "Engines read it.", documented=False),
    _field("Spec", "object"),
    *prefixed(_SPEC_ROWS, "Spec"),
)

SWARM_JOIN_ROWS = (
    _field("ListenAddr", "string"),
    _field("AdvertiseAddr", "string"),
    _field("DataPathAddr", "string", "1.30"),
    _field("RemoteAddrs", "array of string"),
    _field("JoinToken", "string"),
    Field("Availability", "string", _granted, "Engines read it.", documented=False),
)

SWARM_UPDATE_ROWS = _SPEC_ROWS

SWARM_UNLOCK_ROWS = (_field("UnlockKey", "string"),)

NODE_UPDATE_ROWS = (
    _field("Name", "string"),
    _field("Labels", "map"),
    _field("Labels{}", "string"),
    _field("Role", "string"),
    _field("Availability", "string"),
)
