# The commands of docs/design/tape-format.md, "Reading without us", with the kernel's st driver, mt, dd and GNU tar. The volumes that the
# host has written are in the drives: NBT001 in /dev/nst0, NBT002 in /dev/nst1.
. /share/stories/session.sh
log_in 10.0.2.2 $port || exit 1
cat /sys/class/scsi_device/*/device/model
failed=0
# busybox would take its own.
mt() { /bin/mt "$@"; }
tar() { /bin/tar "$@"; }
dd() { /bin/dd "$@"; }
gzip() { /bin/gzip "$@"; }

# What the files of an image are: names, modes, times, content.
listing() { (cd "$1" && find . -type f | sort | while read -r f; do stat -c '%n %a %s %Y' "$f"; sha256sum <"$f"; done); }
# compare IMAGE: what stands in /tmp/IMAGE is what was written.
compare() {
  listing /share/source/$1 >/tmp/expected
  listing /tmp/$1 >/tmp/found
  if cmp -s /tmp/expected /tmp/found; then
    echo "ok: $2"
  else
    echo "FAILED: $2"; diff /tmp/expected /tmp/found; failed=1
  fi
}
# The JSON of a block on standard input, and a number in it.
member() { tr '\000' '\n' | grep -a '^{"check":'; }
number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
# footer DRIVE FILE: the footer, found from the end of the tape file. tgtd, spacing backward over a filemark, goes a block too far (SSC-4,
# 7.6: to the side of the filemark towards the beginning), so with it `bsr 1` is left out.
bsr=1
footer() {
  mt -f $1 asf $(($2 + 1)); mt -f $1 bsf 1; [ $bsr = 0 ] || mt -f $1 bsr 1
  dd if=$1 bs=256k count=1 2>/dev/null | member
}
# payload DRIVE FILE: the payload of a fragment.
payload() {
  blocks=$(footer $1 $2 | number payloadBlocks)
  mt -f $1 asf $2; mt -f $1 fsr 1; dd if=$1 bs=256k count=$blocks 2>/dev/null
}
mkdir -p /tmp/plain /tmp/one /tmp/two /tmp/three /tmp/packed /tmp/spanned

for drive in /dev/nst0 /dev/nst1; do mt -f $drive setblk 0 || failed=1; done
mt -f /dev/nst0 status

mt -f /dev/nst0 asf 0
label=$(dd if=/dev/nst0 bs=256k count=1 2>/dev/null)
case $label in 'VOL1NBT001 '*NB-TAPE/1*) echo "ok: the label is $label" ;; *) echo "FAILED: the label is $label"; failed=1 ;; esac
mt -f /dev/nst0 asf 1
tar -b 512 -xOf /dev/nst0 README.txt | head -3

mt -f /dev/nst0 asf 2
tar -b 512 -xpf /dev/nst0 -C /tmp/plain --anchored --exclude=.nb || failed=1
compare plain 'a fragment by mt asf 2; tar -b 512 -x'

mt -f /dev/nst0 asf 2; dd if=/dev/nst0 bs=256k count=1 2>/dev/null | member | cut -c 1-200
case $(footer /dev/nst0 2) in
  *payloadBlocks*) echo 'ok: a footer by mt asf 3; mt bsf 1; mt bsr 1; dd' ;;
  *)
    bsr=0
    case $(footer /dev/nst0 2) in
      *payloadBlocks*) echo 'differs: this drive goes a block too far back with bsf, as tgtd does; the footer by mt asf 3; mt bsf 1; dd' ;;
      *) echo 'FAILED: no footer'; failed=1 ;;
    esac ;;
esac
footer /dev/nst0 2 | cut -c 1-200

payload /dev/nst0 4 | gzip -dc | tar -xpf - -C /tmp/packed --anchored --exclude=.nb || failed=1
compare packed 'a compressed fragment by dd | gzip -dc | tar -x'

{ payload /dev/nst0 5; payload /dev/nst1 2; } | tar -xpf - -C /tmp/spanned --anchored --exclude=.nb || failed=1
compare spanned 'an image over two volumes by dd … | tar -x'

for pair in 01:one 02:two 03:three; do
  mt -f /dev/nst0 asf 3
  tar -b 512 -xOf /dev/nst0 --wildcards ".nb/stream-${pair%:*}/*" | tar -xpf - -C /tmp/${pair#*:} || failed=1
  compare ${pair#*:} "stream ${pair%:*} of a multiplexed file by tar -xO | tar -x"
done

mt -f /dev/nst0 asf 6
dd if=/dev/nst0 bs=256k count=1 2>/dev/null | member | cut -c 1-250
mt -f /dev/nst0 eod; mt -f /dev/nst0 status | grep -i 'file number'
exit $failed
