#!/bin/sh
# The first process of an engine's namespaces: dresses a suite's root file system
# as the root of this mount namespace, then runs its engine, dockerd or Podman, until it
# is told to stop.
#
#   boot.sh ROOT SHARED DATA [options of the engine]
#
# ROOT    the suite's root file system; it is never written to
# SHARED  the one directory of the host that the engine sees, at the same path
# DATA    where this engine keeps what it writes
set -eu
root=$1 shared=$2 data=$3
shift 3

ip link set lo up

# What dockerd and the containers write goes to an upper layer of this engine's
# own, so that many engines can stand on one root.
new=$data/root
mkdir -p "$data/changes" "$data/overlay" "$data/docker" "$data/podman" "$new"
mount -t overlay -o "lowerdir=$root,upperdir=$data/changes,workdir=$data/overlay" engine "$new"
mkdir -p "$new/var/lib/docker" "$new/var/lib/containers" "$new/host"
# Debian's docker.io recommends xz-utils, which unpacks builds' contexts. busybox is xz, too,
# where it is called so.
cp "$(command -v busybox)" "$new/usr/bin/xz"
# overlayfs can't be the upper layer of another overlayfs: images live on the host's own disk.
mount --bind "$data/docker" "$new/var/lib/docker"
mount --bind "$data/podman" "$new/var/lib/containers"
mount -t proc proc "$new/proc"
mount --rbind /sys "$new/sys"
mount --rbind /dev "$new/dev"
mount -t tmpfs run "$new/run"
mkdir -p "$new$shared"
mount --rbind "$shared" "$new$shared"

cd "$new"
pivot_root . host
mount --make-rprivate /
umount -l /host

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
if [ -x /usr/bin/podman ]; then
    # crun wants a host with one kind of cgroups: here it gets the older one of two.
    ! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
    # There is no systemd to make cgroups, and no journal for logs and events.
    cat >/etc/containers/containers.conf <<END
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
log_driver = "k8s-file"
END
    # A secret of the host's, for tests that nobody gets it.
    export OF_THE_SERVICE=secret
    podman "$@" system service --time=0 "unix://$shared/docker.sock" &
else
    dockerd --host "unix://$shared/docker.sock" --pidfile /run/docker.pid "$@" &
fi
engine=$!
trap 'kill -TERM $engine' TERM
# A trapped signal ends the first wait early; the second waits for the engine itself.
wait $engine || wait $engine || true
