#!/usr/bin/env bash
# Boots a Linux in qemu whose kernel reaches a library of tgtd over iSCSI, so that its drives are /dev/nstN and /dev/sgN there, and runs
# a story in it. It is no part of `npm test`: it takes minutes without /dev/kvm, and packages that nothing else needs.
#
#   run.sh [STORY…]      a story is a file of guest/stories without its .sh: `reading` (standard tools read our tapes), `transport` (the
#                        suite of `ScsiTransport` on /dev/sgN), `devices` (those of `TapeDrive` and `TapeRobot`, and the example server with
#                        `--tape /dev/sgN`). All, if none is named.
#
# NB_MACHINE_CACHE (default ~/.cache/nb-machine) keeps the guest's packages; they are downloaded with apt-get and not installed.
# NB_MACHINE_ACCEL (default tcg) may be kvm where nested machines work; NB_MACHINE_SECONDS (default 900) is the time of one story.
# NB_MACHINE_LOG=1 shows what the guest's kernel says.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../../../..")
cache=${NB_MACHINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nb-machine}
accelerator=${NB_MACHINE_ACCEL:-tcg}
limit=${NB_MACHINE_SECONDS:-900}
guest_packages=(busybox-static open-iscsi libopeniscsiusr libisns0 mt-st)
modules=(virtio_pci virtio_net 9pnet_virtio 9p crc32c_generic iscsi_tcp sg st ch)
stories=("$@")
[[ ${stories[*]} ]] || stories=(reading transport devices)

PATH=$root/node_modules/.bin:$PATH:/usr/sbin:/sbin
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need qemu-system-x86_64 qemu-system-x86
need tgtd tgt
need tgtimg tgt
need cpio cpio
need tar tar
need dd coreutils
need gzip gzip
need dpkg-deb dpkg
need esbuild 'the node_modules of this repository (npm ci)'
if [[ ${missing[*]} ]]; then
  printf 'The machine cannot be made here. Missing: %s\n' "${missing[*]}" >&2
  echo 'On Debian: apt-get install --no-install-recommends qemu-system-x86 tgt cpio tar' >&2
  exit 3
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/nb-machine-XXXXXX")
finish() {
  "$here/../tgtd/library.sh" stop "$work/library" || true
  rm -rf "$work"
}
trap finish EXIT

# The packages of the guest, unpacked once. The kernel is the one that Debian's linux-image-amd64 stands for.
if [[ ! -f $cache/complete ]]; then
  rm -rf "$cache"
  mkdir -p "$cache/debs" "$cache/files"
  kernel_package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  [[ $kernel_package ]] || { echo 'apt knows no linux-image-amd64: apt-get update' >&2; exit 3; }
  (cd "$cache/debs" && apt-get download -q "$kernel_package" "${guest_packages[@]}") ||
    { echo "the guest's packages cannot be downloaded: apt-get update, or a mirror in /etc/apt" >&2; exit 3; }
  for deb in "$cache"/debs/*.deb; do dpkg-deb -x "$deb" "$cache/files"; done
  rm -r "$cache/debs"
  touch "$cache/complete"
fi
files=$cache/files
kernel=$(echo "$files"/boot/vmlinuz-*)
release=${kernel##*/vmlinuz-}

# The file system that it boots from: what the stories run, with its libraries, and the modules with those they depend on.
image=$work/image
mkdir -p "$image"/{bin,sbin,dev,proc,sys,run/lock,tmp,etc/iscsi,var/lib/iscsi,lib/modules,share,repository,node,root}
cp "$files/bin/busybox" "$image/bin/busybox"
library_path=$(find "$files/usr/lib" -name 'libopeniscsiusr.so*' -printf '%h\n' -quit)
add_program() {
  cp -L "$1" "$image/bin/${2:-${1##*/}}"
  add_libraries "$1"
}
# add_libraries FILE: the libraries that a program or another library wants.
add_libraries() {
  LD_LIBRARY_PATH=$library_path ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
    case $library in
      */ld-linux*) mkdir -p "$image/lib64" && cp -L "$library" "$image/lib64/" ;;
      *) cp -nL "$library" "$image/lib/" ;;
    esac
  done
}
# Node itself comes through a share, as the parts of our dependencies that are no JavaScript: they are large.
node=$(realpath "$(command -v node)")
add_libraries "$node"
for native in "$root"/node_modules/@node-rs/*-linux-x64-gnu/*.node "$root"/node_modules/classic-level/prebuilds/linux-x64/*.node; do
  [[ $native == *.musl.node ]] || add_libraries "$native"
done
add_program "$(command -v tar)"
add_program "$(command -v dd)"
add_program "$(command -v gzip)"
add_program "$files/bin/mt-st" mt
add_program "$files/sbin/iscsid"
add_program "$files/sbin/iscsiadm"
add_module() {
  local path name
  path=$(find "$files/lib/modules/$release/kernel" -name "$1.ko" -print -quit)
  # What is none of these files is part of the kernel.
  [[ $path ]] || return 0
  [[ ! -f $image/lib/modules/$1.ko ]] || return 0
  for name in $(tr '\0' '\n' <"$path" | sed -n 's/^depends=//p' | tr ',' ' '); do add_module "${name}"; done
  cp "$path" "$image/lib/modules/$1.ko"
  echo "$1" >>"$image/lib/modules/order"
}
for module in "${modules[@]}"; do add_module "$module"; done
echo "root:x:0:0:root:/root:/bin/sh" >"$image/etc/passwd" # iscsid asks who talks to it
install -m 755 "$here/guest/init" "$image/init"
(cd "$image" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initramfs.gz"

share=$work/share
mkdir -p "$share"
cp -r "$here/guest/stories" "$share/stories"
mkdir "$share/bundle"
echo '{ "type": "module" }' >"$share/bundle/package.json"
ln -s /repository/node_modules "$share/node_modules"
# Some dependencies are CommonJS and ask for modules of Node.
require="import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)"
esbuild "$here/transport.ts" "$here/devices.ts" "$root/examples/all-in-one/src/main.ts" "$root"/packages/*/src/*-worker.ts --bundle --platform=node --format=esm --target=node20 --conditions=@nb/source \
  --external:koffi --external:classic-level '--external:@node-rs/*' --banner:js="$require" --log-level=warning --entry-names='[name]' --outdir="$share/bundle"

# no_timer_check: on a busy host the kernel takes the emulated timer for a broken one, and panics.
machine() {
  local story=$1 loglevel=quiet
  [[ ${NB_MACHINE_LOG:-} ]] && loglevel=loglevel=7
  rm -f "$share/result"
  printf '%s\n' "$story" >"$share/story"
  printf 'port=%s\ntarget=%s\n' "$port" "${url##*/}" >"$share/where"
  timeout "$limit" qemu-system-x86_64 -accel "$accelerator" -cpu max -m 1024 -smp 1 -nographic -no-reboot \
    -nodefaults -serial stdio -monitor none \
    -kernel "$kernel" -initrd "$work/initramfs.gz" -append "console=ttyS0 panic=-1 no_timer_check $loglevel" \
    -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= \
    -virtfs local,path="$share",mount_tag=share,security_model=none \
    -virtfs local,path="$root",mount_tag=repository,security_model=none,readonly=on \
    -virtfs local,path="$(dirname "$node")",mount_tag=node,security_model=none,readonly=on </dev/null |
    tr -d '\r' | if [[ $loglevel == quiet ]]; then sed -un '/nb-machine: begin/,$p'; else cat; fi
  [[ -f $share/result ]] || { echo "story $story: the machine ended without a result" >&2; return 1; }
  [[ $(<"$share/result") == 0 ]] || { echo "story $story FAILED" >&2; return 1; }
  echo "story $story: ok"
}

for story in "${stories[@]}"; do
  [[ -f $here/guest/stories/$story.sh ]] || { echo "no story $story in $here/guest/stories" >&2; exit 2; }
  # A library of its own, with what the story needs in its drives.
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
  url=$("$here/../tgtd/library.sh" start "$work/library" "port=$port" slots=26 tapes=24 tape_mb=16 vendor=IET product=VIRTUAL-TAPE)
  [[ ! -f $here/prepare-$story.ts ]] || node --conditions=@nb/source "$here/prepare-$story.ts" "$url" "$share"
  machine "$story"
  "$here/../tgtd/library.sh" stop "$work/library"
  rm -rf "$work/library"
done
