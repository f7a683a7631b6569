#!/usr/bin/env bash
# A tape library over iSCSI in user space: an instance of tgtd (Debian package tgt) of its own, with its control socket and all its
# data in one directory. It needs no privileges.
#
#   library.sh start DIR [OPTION=VALUE…]     prints the URL of the target; DIR may hold the tapes of an earlier run
#   library.sh stop DIR                      kills it; the tapes stay
#
# LUN 1 to DRIVES are tape drives, then come the robot and a disk. Elements: drives from 1, the robot's hand 16, the mail slots from
# 32, slots from 1024. Barcodes are NBT001L8 and so on, from the first slot; the mail slots are empty. The last SMALLS tapes are
# small ones. Drives have a name of ours; with vendor=IET product=VIRTUAL-TAPE they have tgtd's own, by which their quirks are known.
set -euo pipefail

drives=2 slots=8 mail=2          # how many; at most 9, 400 and 9
tapes=8                          # volumes, from the first slot on
tape_mb=1024 small_mb=4 smalls=1 # capacities of volumes in MiB; files grow as they are written
vendor=NB product=VDRIVE         # of the drives
disk_mb=64
host=127.0.0.1 port=13260
name=iqn.2026-11.example.nb:library
user='' secret=''                # CHAP of the initiator
target_user='' target_secret=''  # mutual CHAP
discovery=                       # yes: who asks for the targets has to prove himself as well

action=${1:?start or stop} dir=$(realpath -m "${2:?a directory}")
shift 2
for setting in "$@"; do
  [[ ${setting%%=*} =~ ^(drives|slots|mail|tapes|tape_mb|small_mb|smalls|vendor|product|disk_mb|host|port|name|user|secret|target_user|target_secret|discovery)$ ]] ||
    { echo "unknown option: ${setting%%=*}" >&2; exit 2; }
  declare "${setting%%=*}=${setting#*=}"
done
PATH=$PATH:/usr/sbin:/sbin
command -v tgtd tgtadm tgtimg >/dev/null || { echo 'tgtd is not installed: apt-get install tgt' >&2; exit 3; }
export TGT_IPC_SOCKET=$dir/control

stop() {
  [[ -f $dir/tgtd.pid ]] || return 0
  # It ignores every gentler signal while it has targets.
  kill -9 "$(<"$dir/tgtd.pid")" 2>/dev/null || true
  rm -f "$dir/tgtd.pid" "$dir"/control.*
}
case $action in
  stop) stop; exit 0 ;;
  start) ;;
  *) echo "start or stop, not $action" >&2; exit 2 ;;
esac

mkdir -p "$dir"
stop
barcode() { printf 'NBT%03dL8' "$1"; }
blank() { tgtimg --op new --device-type tape --barcode="$2" --size="$3" --type=data --thin-provisioning --file="$1" >/dev/null; }
for ((tape = 1; tape <= tapes; tape++)); do
  size=$tape_mb
  ((tape > tapes - smalls)) && size=$small_mb
  [[ -f $dir/$(barcode $tape) ]] || blank "$dir/$(barcode $tape)" "$(barcode $tape)" "$size"
done
# A drive needs a medium to be made with; it is taken out at once.
for ((drive = 1; drive <= drives; drive++)); do [[ -f $dir/none$drive ]] || blank "$dir/none$drive" "NONE$drive" 1; done
[[ -f $dir/robot ]] || truncate -s 1K "$dir/robot"
[[ -f $dir/disk ]] || truncate -s "${disk_mb}M" "$dir/disk"

tgtd -f -C 0 --iscsi portal="$host:$port" >"$dir/tgtd.log" 2>&1 &
echo $! >"$dir/tgtd.pid"
adm() { tgtadm -C 0 --lld iscsi "$@"; }
# The socket is there before anybody listens on it.
for ((turn = 0; turn < 200; turn++)); do
  [[ -S $dir/control.0 ]] && adm --mode target --op show >/dev/null 2>&1 && break
  kill -0 "$(<"$dir/tgtd.pid")" 2>/dev/null || { cat "$dir/tgtd.log" >&2; rm "$dir/tgtd.pid"; exit 1; }
  sleep 0.05
done
unit() { adm --mode logicalunit --op "$1" --tid 1 --lun "${@:2}"; }
robot=$((drives + 1)) disk=$((drives + 2))

adm --mode target --op new --tid 1 -T "$name"
# What it has by default is slow, and without digests.
for setting in MaxRecvDataSegmentLength=1048576 MaxXmitDataSegmentLength=1048576 FirstBurstLength=1048576 \
  MaxBurstLength=16776192 InitialR2T=No ImmediateData=Yes MaxOutstandingR2T=16 HeaderDigest=CRC32C,None DataDigest=CRC32C,None; do
  adm --mode target --op update --tid 1 --name "${setting%%=*}" --value "${setting#*=}"
done
for ((drive = 1; drive <= drives; drive++)); do
  unit new "$drive" -b "$dir/none$drive" --device-type=tape
  unit update "$drive" --params "vendor_id=$vendor,product_id=$product,product_rev=0100,scsi_sn=NBDRV0000$drive,removable=1,online=0"
done
unit new $robot -b "$dir/robot" --device-type=changer
unit update $robot --params "vendor_id=NB,product_id=VLIB,product_rev=0100,scsi_sn=NBLIB00001,removable=1,media_home=$dir"
elements() { unit update $robot --params "element_type=$1,start_address=$2,quantity=$3"; }
elements 4 1 "$drives"
for ((drive = 1; drive <= drives; drive++)); do unit update $robot --params "element_type=4,address=$drive,tid=1,lun=$drive"; done
elements 1 16 1
elements 3 32 "$mail"
elements 2 1024 "$slots"
for ((tape = 1; tape <= tapes && tape <= slots; tape++)); do
  unit update $robot --params "element_type=2,address=$((1023 + tape)),barcode=$(barcode $tape),sides=1"
done
unit new $disk -b "$dir/disk" --device-type=disk
if [[ $user ]]; then
  adm --mode account --op new --user "$user" --password "$secret"
  adm --mode account --op bind --tid 1 --user "$user"
  [[ ! $discovery ]] || adm --mode account --op bind --user "$user"
fi
if [[ $target_user ]]; then
  adm --mode account --op new --user "$target_user" --password "$target_secret"
  adm --mode account --op bind --tid 1 --user "$target_user" --outgoing
  [[ ! $discovery ]] || adm --mode account --op bind --user "$target_user" --outgoing
fi
adm --mode target --op bind --tid 1 -I ALL
echo "iscsi://$host:$port/$name"
