#!/bin/sh
# The first process of an engine's namespaces: dresses a suite's root file system
# as the root of this mount namespace, then runs dockerd until it is told to stop.
#
#   boot.sh ROOT SHARED DATA [dockerd options]
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
mkdir -p "$data/changes" "$data/overlay" "$data/docker" "$new"
mount -t overlay -o "lowerdir=$root,upperdir=$data/changes,workdir=$data/overlay" engine "$new"
mkdir -p "$new/var/lib/docker" "$new/host"
# Debian's docker.io recommends xz-utils, which unpacks builds' contexts. busybox is xz, too,
# where it is called so.
cp "$(command -v busybox)" "$new/usr/bin/xz"
# overlayfs can't be the upper layer of another overlayfs: images live on the host's own disk.
mount --bind "$data/docker" "$new/var/lib/docker"
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
dockerd --host "unix://$shared/docker.sock" --pidfile /run/docker.pid "$@" &
dockerd=$!
trap 'kill -TERM $dockerd' TERM
# A trapped signal ends the first wait early; the second waits for dockerd itself.
wait $dockerd || wait $dockerd || true
