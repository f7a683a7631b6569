# The commands of docs/design/tape-format.md, "Reading without us", with the kernel's st driver, mt, dd and GNU tar, on volumes that the example
# server has written. They are in the drives: the first in /dev/nst0, the second in /dev/nst1; /share/images says where each image is.
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
# compare IMAGE: what came into /tmp/IMAGE, below the path that it had on the host, is what was backed up.
compare() {
  listing /share/source/$1 >/tmp/expected
  listing /tmp/$1$(cat /share/origin)/$1 >/tmp/found
  if cmp -s /tmp/expected /tmp/found; then
    echo "ok: $2"
  else
    echo "FAILED: $2"; diff /tmp/expected /tmp/found; failed=1
  fi
}
# where IMAGE FRAGMENT: node of the drive, tape file and stream of a fragment.
where() {
  set -- $(grep "^$1 " /share/images | sed -n "$2p")
  node=/dev/nst$2 file=$3 stream=$4
}
# The JSON of a block on standard input, and a number in it.
member() { tr '\000' '\n' | grep -a '^{"check":'; }
number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
# footer DRIVE FILE: the footer, read forward to the end of the tape file.
footer() { mt -f $1 asf $2; dd if=$1 bs=256k 2>/dev/null | tail -c 262144 | member; }
# quick DRIVE FILE: the same by spacing backward. tgtd, spacing backward over a filemark, goes a block too far (SSC-4, 7.6: to the side of the
# filemark towards the beginning), so that with it `bsr 1` goes two too far.
quick() { mt -f $1 asf $(($2 + 1)); mt -f $1 bsf 1; mt -f $1 bsr 1; dd if=$1 bs=256k count=1 2>/dev/null | member; }
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

where plain 1
mt -f $node asf $file
tar -b 512 -xpf $node -C /tmp/plain --anchored --exclude=.nb || failed=1
compare plain 'a fragment by mt asf N; tar -b 512 -x'

mt -f $node asf $file; dd if=$node bs=256k count=1 2>/dev/null | member | cut -c 1-200
footer $node $file >/tmp/footer
case $(cat /tmp/footer) in
  *payloadBlocks*) echo 'ok: a footer by mt asf N; dd | tail -c 262144'; cut -c 1-200 /tmp/footer ;;
  *) echo 'FAILED: no footer'; failed=1 ;;
esac
if quick $node $file | cmp -s - /tmp/footer; then
  echo 'ok: a footer by mt asf N+1; mt bsf 1; mt bsr 1; dd'
else
  echo 'differs: the drive does not space backward as the standard has it, so its footers come by reading forward'
fi

where packed 1
payload $node $file | gzip -dc | tar -xpf - -C /tmp/packed --anchored --exclude=.nb || failed=1
compare packed 'a compressed fragment by dd | gzip -dc | tar -x'

fragments=$(grep -c '^spanned ' /share/images)
for fragment in $(seq $fragments); do where spanned $fragment; payload $node $file; done |
  tar -xpf - -C /tmp/spanned --anchored --exclude=.nb || failed=1
compare spanned "an image of $fragments fragments over two volumes by dd … | tar -x"

for image in one two three; do
  where $image 1
  mt -f $node asf $file
  tar -b 512 -xOf $node --wildcards ".nb/stream-$stream/*" | tar -xpf - -C /tmp/$image || failed=1
  compare $image "stream $stream of a multiplexed file by tar -xO | tar -x"
done

where spanned 1
mt -f $node asf $((file + 1))
dd if=$node bs=256k count=1 2>/dev/null | member | cut -c 1-250
mt -f $node eod; mt -f $node status | grep -i 'file number'
exit $failed
